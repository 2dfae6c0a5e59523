/** Every variant tried: a recipe with what it costs and what it gives, for the chart of size against error. */
import type { OutputError, Preview, Recipe } from '#studio/jobs.ts';
import { recipeKey } from '#ui/state/recipe/edit.ts';

export interface Variant {
  readonly key: string;
  /** Counts up from 1; the name of the point. */
  readonly number: number;
  readonly recipe: Recipe;
  readonly fileBytes: number;
  /** SQNR over the weights of all changed layers together; null where no lossy pass changed anything. */
  readonly weightSqnrDb: number | null;
  /** Worst SQNR over the model's outputs, once they were compared. */
  readonly outputSqnrDb: number | null;
}

/** Older ones are forgotten first. */
const KEPT = 200;

export function addVariant(variants: readonly Variant[], recipe: Recipe, preview: Preview): readonly Variant[] {
  const key = recipeKey(recipe);
  const known = variants.find((variant) => variant.key === key);
  const variant: Variant = {
    key,
    number: known?.number ?? 1 + Math.max(0, ...variants.map((one) => one.number)),
    recipe,
    fileBytes: preview.fileBytesAfter,
    weightSqnrDb: preview.weightSqnrDb,
    outputSqnrDb: known?.outputSqnrDb ?? null,
  };
  return known === undefined
    ? [...variants, variant].slice(-KEPT)
    : variants.map((one) => (one.key === key ? variant : one));
}

export function noteOutputs(
  variants: readonly Variant[],
  recipe: Recipe,
  outputs: readonly OutputError[],
): readonly Variant[] {
  const key = recipeKey(recipe);
  const worst = outputs.length === 0 ? null : Math.min(...outputs.map((output) => output.sqnrDb));
  return variants.map((variant) => (variant.key === key ? { ...variant, outputSqnrDb: worst } : variant));
}

/** Variants that no other beats in both size and error: smallest first. */
export function frontier(variants: readonly Variant[]): readonly Variant[] {
  const sorted = variants
    .filter((variant) => variant.weightSqnrDb !== null)
    .toSorted((a, b) => a.fileBytes - b.fileBytes || quality(b) - quality(a));
  const front: Variant[] = [];
  for (const variant of sorted) {
    const last = front.at(-1);
    if (last === undefined || quality(variant) > quality(last)) front.push(variant);
  }
  return front;
}

function quality(variant: Variant): number {
  return variant.weightSqnrDb ?? -Infinity;
}

/** What a recipe does in a few words: `int4 block 32, 2:4` from its steps' telling options. */
export function describeRecipe(recipe: Recipe): string {
  const parts = recipe.steps.map((step) => {
    const options = step.options ?? {};
    const told = ['bits', 'granularity', 'block', 'blockSize', 'sparsity', 'pattern', 'range'].flatMap((key) => {
      const value = options[key];
      if ((key === 'block' || key === 'blockSize') && options['granularity'] !== 'block') return [];
      if (key === 'bits') return [`${String(value)} bits`].filter(() => value !== undefined);
      return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
    });
    const name = step.pass.split('/').at(-1) ?? step.pass;
    return told.length === 0 ? name : `${name} (${told.join(', ')})`;
  });
  return parts.length === 0 ? 'unchanged' : parts.join(' + ');
}
