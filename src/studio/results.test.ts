import { describe, expect, it, vi } from 'vitest';
import { dataSettings } from '#data/settings.ts';
import type { Recipe } from '#recipes/recipe.ts';
import { createResults, type Origin } from './results.ts';
import type { Optimized } from './workshop.ts';

function result(name: string): Optimized {
  const recipe: Recipe = { version: 1, name, steps: [] };
  return { recipe } as Optimized;
}

describe('results', () => {
  it('are held in number, and made again from their recipe', async () => {
    const dropped = vi.fn();
    const results = createResults(dropped, 2);
    const made = ['a', 'b', 'c'].map(result);
    const ids = made.map((one) => results.add({ modelId: 'model', recipe: one.recipe }, one));
    expect(dropped.mock.calls).toEqual([[made[0]]]);
    const remake = vi.fn(async ({ recipe }: Origin) => result(recipe.name));
    expect(await results.get(ids[2] ?? '', remake)).toBe(made[2]);
    expect(remake).not.toHaveBeenCalled();
    const again = await results.get(ids[0] ?? '', remake);
    expect(again?.recipe.name).toBe('a');
    expect(remake).toHaveBeenCalledWith({ modelId: 'model', recipe: made[0]?.recipe });
    // Asked for last, so the other one was let go.
    expect(dropped.mock.calls.at(-1)).toEqual([made[1]]);
  });

  it('have the same id for the same recipe on the same model', () => {
    const results = createResults(() => undefined);
    const add = (modelId: string, data?: Origin['data']): string => {
      const made = result('a');
      return results.add({ modelId, recipe: made.recipe, data }, made);
    };
    const data = { dataId: 'd', settings: dataSettings.parse({}) };
    expect(add('m')).toBe(add('m'));
    expect(add('m')).not.toBe(add('n'));
    expect(add('m', data)).toBe(add('m', data));
    expect(add('m', data)).not.toBe(add('m', { ...data, dataId: 'e' }));
  });

  it('go with their model', async () => {
    const dropped = vi.fn();
    const results = createResults(dropped);
    const made = result('a');
    const id = results.add({ modelId: 'm', recipe: made.recipe }, made);
    results.forgetModel('m');
    expect(dropped).toHaveBeenCalledOnce();
    expect(await results.get(id, () => Promise.reject(new Error('not to be made again')))).toBeUndefined();
  });
});
