/**
 * Results of recipes, by id. Only the last few are held, since each holds the weights it made; an older one is made again
 * from its recipe when it is asked for.
 */
import type { Recipe } from '#recipes/recipe.ts';
import type { Optimized } from './workshop.ts';

interface Known {
  readonly modelId: string;
  readonly recipe: Recipe;
}

export const RESULTS_HELD = 4;

export interface Results {
  /** Remembers a result and returns its id; the same recipe on the same model has the same id. */
  add(modelId: string, result: Optimized): string;
  /** A result, made again by `remake` where it is no longer held; undefined for an id that was never given. */
  get(id: string, remake: (modelId: string, recipe: Recipe) => Promise<Optimized>): Promise<Optimized | undefined>;
  forgetModel(modelId: string): void;
}

/** `dropped` is told of each result that is let go, so that what was cached for it can be freed. */
export function createResults(dropped: (result: Optimized) => void, held = RESULTS_HELD): Results {
  const known = new Map<string, Known>();
  /** Most recently used last. */
  const results = new Map<string, Optimized>();

  const put = (id: string, result: Optimized): void => {
    const before = results.get(id);
    if (before !== undefined && before !== result) dropped(before);
    results.delete(id);
    results.set(id, result);
    for (const [oldest, old] of results) {
      if (results.size <= held) break;
      results.delete(oldest);
      dropped(old);
    }
  };

  return {
    add(modelId, result) {
      const id = `${modelId}/${JSON.stringify(result.recipe)}`;
      known.set(id, { modelId, recipe: result.recipe });
      put(id, result);
      return id;
    },
    async get(id, remake) {
      const origin = known.get(id);
      if (origin === undefined) return undefined;
      const result = results.get(id) ?? (await remake(origin.modelId, origin.recipe));
      put(id, result);
      return result;
    },
    forgetModel(modelId) {
      for (const [id, origin] of known) {
        if (origin.modelId !== modelId) continue;
        known.delete(id);
        const result = results.get(id);
        results.delete(id);
        if (result !== undefined) dropped(result);
      }
    },
  };
}
