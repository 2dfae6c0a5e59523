/** Says what is wrong with a recipe before anything runs: unknown passes, wrong options, order, layers that do not exist. */
import type { z } from 'zod';
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Layer } from '#ir/layer.ts';
import { PASSES } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import { type Recipe, recipeSchema } from './recipe.ts';
import { sentencesOf } from './zod-sentences.ts';
import { matchesName } from './where.ts';

/** A recipe from JSON text; refuses text that is no recipe, naming the file and the place. */
export function readRecipe(text: string, file: string): Recipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    const problem = cause instanceof Error ? cause.message : String(cause);
    throw new PareError(
      { code: 'recipe/not-json', file, problem: `it is not JSON: ${problem}.`, hint: 'A recipe is a JSON object.' },
      { cause },
    );
  }
  const parsed = recipeSchema.safeParse(json, { reportInput: true });
  if (parsed.success) return parsed.data;
  throw new PareError({
    code: 'recipe/wrong-shape',
    file,
    problem: sentencesOf(parsed.error, 'recipe').join(' '),
    hint: 'The presets show what a recipe looks like.',
  });
}

/** Everything that is wrong (blocker) or doubtful (warning) about a recipe; with `layers`, for one model. */
export function checkRecipe(
  recipe: Recipe,
  against: { readonly passes?: readonly Pass[]; readonly layers?: readonly Layer[] } = {},
): readonly Notice[] {
  const passes = new Map((against.passes ?? PASSES).map((pass) => [pass.name, pass]));
  const notices: Notice[] = [];
  recipe.steps.forEach((step, index) => {
    const at = `step ${index + 1}`;
    const pass = passes.get(step.pass);
    if (pass === undefined) {
      notices.push(blocker('recipe/unknown-pass', at, unknownPass(step.pass, index, [...passes.keys()])));
      return;
    }
    for (const text of problemsOf(pass.options, step.options ?? {}, `Step ${index + 1} (${pass.name})`)) {
      notices.push(blocker('recipe/wrong-option', at, text));
    }
    const late = recipe.steps.slice(index + 1).find((later) => pass.after?.includes(later.pass) === true);
    if (late !== undefined) {
      notices.push(
        blocker(
          'recipe/order',
          at,
          `Step ${index + 1} (${pass.name}) must come after ${late.pass}: move ${late.pass} before it.`,
        ),
      );
    }
    if (against.layers !== undefined) notices.push(...checkWhere(step.where, index, against.layers));
  });
  notices.push(...checkLayers(recipe, passes, against.layers));
  return notices;
}

/** Refuses a recipe with a blocker, as one sentence. */
export function requireSound(recipe: Recipe, notices: readonly Notice[]): void {
  const blockers = notices.filter((notice) => notice.level === 'blocker');
  const first = blockers[0];
  if (first === undefined) return;
  throw new PareError({
    code: first.code,
    place: `recipe "${recipe.name}"`,
    problem: blockers.map((notice) => notice.text).join(' '),
  });
}

function checkWhere(where: Recipe['steps'][number]['where'], index: number, layers: readonly Layer[]): Notice[] {
  const notices: Notice[] = [];
  for (const name of where?.names ?? []) {
    if (layers.some((layer) => matchesName(name, layer.name))) continue;
    const text = `Step ${index + 1} names the layer "${name}", and no layer of this model is called that.`;
    notices.push({ level: 'warning', code: 'recipe/no-such-layer', text, at: `step ${index + 1}` });
  }
  for (const op of where?.ops ?? []) {
    if (layers.some((layer) => layer.op === op)) continue;
    const text = `Step ${index + 1} is about ${op} layers, and this model has none.`;
    notices.push({ level: 'warning', code: 'recipe/no-such-operator', text, at: `step ${index + 1}` });
  }
  return notices;
}

function checkLayers(
  recipe: Recipe,
  passes: ReadonlyMap<string, Pass>,
  layers: readonly Layer[] | undefined,
): Notice[] {
  const notices: Notice[] = [];
  const names = layers === undefined ? undefined : new Set(layers.map((layer) => layer.name));
  for (const [name, settings] of Object.entries(recipe.layers ?? {})) {
    if (names?.has(name) === false) {
      const text = `The recipe sets the layer "${name}", and no layer of this model is called that.`;
      notices.push({ level: 'warning', code: 'recipe/no-such-layer', text, at: name });
    }
    for (const [passName, options] of Object.entries(settings.options ?? {})) {
      const pass = passes.get(passName);
      if (pass === undefined) {
        const text = `Layer "${name}" sets options of the pass ${passName}, which does not exist.`;
        notices.push(blocker('recipe/unknown-pass', name, text));
        continue;
      }
      const steps = recipe.steps.filter((step) => step.pass === passName);
      if (steps.length === 0) {
        const text = `Layer "${name}" sets options of ${passName}, which is no step of this recipe.`;
        notices.push({ level: 'warning', code: 'recipe/unused-option', text, at: name });
      }
      const bases = steps.length === 0 ? [{}] : steps.map((step) => step.options ?? {});
      for (const base of bases) {
        for (const text of problemsOf(pass.options, { ...base, ...options }, `Layer "${name}" (${passName})`)) {
          if (!notices.some((notice) => notice.text === text)) {
            notices.push(blocker('recipe/wrong-option', name, text));
          }
        }
      }
    }
  }
  return notices;
}

function problemsOf(schema: z.ZodType, options: Readonly<Record<string, unknown>>, where: string): readonly string[] {
  const parsed = schema.safeParse(options, { reportInput: true });
  const wrong = parsed.success ? [] : sentencesOf(parsed.error, 'option');
  return [...wrong, ...unknownOptions(schema, options)].map((sentence) => `${where}: ${sentence}`);
}

/** A schema passes over what it does not know; in a recipe that is a slip of the pen, and would change nothing silently. */
function unknownOptions(schema: z.ZodType, options: Readonly<Record<string, unknown>>): readonly string[] {
  if (!('shape' in schema)) return [];
  const known = Object.keys(schema.shape as object);
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => `there is no option called "${name}". Options are ${known.join(', ')}.`);
}

function unknownPass(name: string, index: number, known: readonly string[]): string {
  return `Step ${index + 1} asks for the pass "${name}", which does not exist. Passes are ${known.join(', ')}.`;
}

function blocker(code: string, at: string, text: string): Notice {
  return { level: 'blocker', code, text, at };
}
