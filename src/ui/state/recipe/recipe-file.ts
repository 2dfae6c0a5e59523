/** Recipes as files: written as readable JSON, read with a sentence about what is wrong. The engine checks the rest. */
import type { Recipe } from '#studio/jobs.ts';

export function writeRecipe(recipe: Recipe): string {
  return `${JSON.stringify(recipe, null, 2)}\n`;
}

/** The recipe, or why the text is not one. */
export function readRecipe(text: string): { readonly recipe: Recipe } | { readonly problem: string } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `This is not JSON: ${error instanceof Error ? error.message : String(error)}.` };
  }
  if (!isRecord(value)) return { problem: 'A recipe is a JSON object with "version", "name" and "steps".' };
  if (value['version'] !== 1) {
    return {
      problem: `This recipe says version ${JSON.stringify(value['version'])}; version 1 is the one understood here.`,
    };
  }
  const { steps, layers, name } = value;
  if (!Array.isArray(steps)) return { problem: 'The recipe has no list of "steps".' };
  const bad = steps.findIndex((step) => !isRecord(step) || typeof step['pass'] !== 'string');
  if (bad >= 0) return { problem: `Step ${bad + 1} has no "pass" with the name of a pass.` };
  if (layers !== undefined && !isRecord(layers)) return { problem: '"layers" has to be an object by layer name.' };
  return { recipe: { ...value, name: typeof name === 'string' ? name : 'Imported' } as Recipe };
}

/** A file name for a recipe: `int8 per channel` becomes `int8-per-channel.recipe.json`. */
export function recipeFileName(recipe: Recipe): string {
  const stem = recipe.name
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
  return `${stem === '' ? 'recipe' : stem}.recipe.json`;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
