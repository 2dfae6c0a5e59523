/** Edits of a recipe as pure functions: each returns a new recipe, or the same one when nothing changes. */
import type { LayerSettings, PassInfo, Recipe, Step } from '#studio/jobs.ts';

export const EMPTY_RECIPE: Recipe = { version: 1, name: 'Untitled', steps: [] };

export function addStep(recipe: Recipe, step: Step, at: number = recipe.steps.length): Recipe {
  return { ...recipe, steps: recipe.steps.toSpliced(at, 0, step) };
}

export function removeStep(recipe: Recipe, at: number): Recipe {
  return { ...recipe, steps: recipe.steps.toSpliced(at, 1) };
}

/** Moves a step by whole places, stopping at either end. */
export function moveStep(recipe: Recipe, from: number, by: number): Recipe {
  const to = Math.max(0, Math.min(recipe.steps.length - 1, from + by));
  const step = recipe.steps[from];
  if (step === undefined || to === from) return recipe;
  return { ...recipe, steps: recipe.steps.toSpliced(from, 1).toSpliced(to, 0, step) };
}

export function setOptions(recipe: Recipe, at: number, options: Readonly<Record<string, unknown>>): Recipe {
  const step = recipe.steps[at];
  if (step === undefined) return recipe;
  return { ...recipe, steps: recipe.steps.with(at, { ...step, options: { ...step.options, ...options } }) };
}

export function isExcluded(recipe: Recipe, layer: string): boolean {
  return recipe.layers?.[layer]?.exclude === true;
}

/** Leaves layers out of every lossy step, or takes them back in. */
export function setExcluded(recipe: Recipe, layers: readonly string[], exclude: boolean): Recipe {
  return layers.reduce((done, layer) => withLayer(done, layer, { exclude: exclude || undefined }), recipe);
}

/** Options of one pass for one layer alone; `null` goes back to the step's own. */
export function setLayerOptions(
  recipe: Recipe,
  layer: string,
  pass: string,
  options: Readonly<Record<string, unknown>> | null,
): Recipe {
  const { [pass]: own, ...others } = recipe.layers?.[layer]?.options ?? {};
  const merged = options === null ? others : { ...others, [pass]: { ...own, ...options } };
  return withLayer(recipe, layer, { options: Object.keys(merged).length === 0 ? undefined : merged });
}

export function layerOptions(recipe: Recipe, layer: string, pass: string): Readonly<Record<string, unknown>> | null {
  return recipe.layers?.[layer]?.options?.[pass] ?? null;
}

export function countExcluded(recipe: Recipe): number {
  return Object.values(recipe.layers ?? {}).filter((settings) => settings.exclude === true).length;
}

export function countOverridden(recipe: Recipe): number {
  return Object.values(recipe.layers ?? {}).filter((settings) => settings.options !== undefined).length;
}

/** Settings that say nothing are dropped, so that equal recipes are equal as JSON. */
function withLayer(
  recipe: Recipe,
  layer: string,
  change: { exclude?: true | undefined; options?: LayerSettings['options'] },
): Recipe {
  const merged = Object.entries({ ...recipe.layers?.[layer], ...change }).filter(([, value]) => value !== undefined);
  const others = Object.entries(recipe.layers ?? {}).filter(([name]) => name !== layer);
  const layers = merged.length === 0 ? others : [...others, [layer, Object.fromEntries(merged)] as const];
  const { layers: _old, ...rest } = recipe;
  return layers.length === 0 ? rest : { ...rest, layers: Object.fromEntries(layers) };
}

/** Settings of the data; the same recipe when they are the same. */
export function setData(recipe: Recipe, data: Recipe['data']): Recipe {
  const { data: old, ...rest } = recipe;
  return old === data ? recipe : data === undefined ? rest : { ...rest, data };
}

/** Whether a step has to be calibrated on data. */
export function needsRanges(recipe: Recipe, passes: readonly PassInfo[]): boolean {
  return recipe.steps.some((step) => passes.find((pass) => pass.name === step.pass)?.needs.includes('ranges') === true);
}

/** The recipe as far as its result goes: settings of data count only where something is calibrated on it. */
export function forResult(recipe: Recipe, passes: readonly PassInfo[]): Recipe {
  return needsRanges(recipe, passes) ? recipe : setData(recipe, undefined);
}

/** What makes two recipes the same work: everything but the name, with keys in order. */
export function recipeKey(recipe: Recipe): string {
  return JSON.stringify(
    { steps: recipe.steps, layers: recipe.layers ?? {}, data: recipe.data },
    (_key, value: unknown) =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)))
        : value,
  );
}
