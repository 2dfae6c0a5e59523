/**
 * Results of recipes, by id. Only the last few are held, since each holds the weights it made; an older one is made again
 * from its recipe when it is asked for.
 */
import type { Recipe } from '#recipes/recipe.ts';
import type { DataChoice } from './jobs.ts';
import type { Optimized } from './workshop.ts';

/** What a result was made from, so that it can be made again. */
export interface Origin {
  readonly modelId: string;
  readonly recipe: Recipe;
  /** Data that ranges were measured on; absent where no step needs any. */
  readonly data?: DataChoice | undefined;
}

export const RESULTS_HELD = 4;

export interface Results {
  /** Remembers a result and returns its id; the same recipe on the same model and data has the same id. */
  add(origin: Origin, result: Optimized): string;
  originOf(id: string): Origin | undefined;
  /** A result, made again by `remake` where it is no longer held; undefined for an id that was never given. */
  get(id: string, remake: (origin: Origin) => Promise<Optimized>): Promise<Optimized | undefined>;
  forgetModel(modelId: string): void;
}

/** `dropped` is told of each result that is let go, so that what was cached for it can be freed. */
export function createResults(dropped: (result: Optimized) => void, held = RESULTS_HELD): Results {
  const known = new Map<string, Origin>();
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
    add(origin, result) {
      const id = idOf(origin);
      known.set(id, origin);
      put(id, result);
      return id;
    },
    originOf: (id) => known.get(id),
    async get(id, remake) {
      const origin = known.get(id);
      if (origin === undefined) return undefined;
      const result = results.get(id) ?? (await remake(origin));
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

/** The id that a result of this origin has, made or not. */
export function idOf({ modelId, recipe, data }: Origin): string {
  return `${modelId}/${JSON.stringify(recipe)}${data === undefined ? '' : `/${JSON.stringify(data)}`}`;
}
