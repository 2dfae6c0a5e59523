import { describe, expect, it, vi } from 'vitest';
import type { Recipe } from '#recipes/recipe.ts';
import { createResults } from './results.ts';
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
    const ids = made.map((one) => results.add('model', one));
    expect(dropped.mock.calls).toEqual([[made[0]]]);
    const remake = vi.fn(async (_modelId: string, recipe: Recipe) => result(recipe.name));
    expect(await results.get(ids[2] ?? '', remake)).toBe(made[2]);
    expect(remake).not.toHaveBeenCalled();
    const again = await results.get(ids[0] ?? '', remake);
    expect(again?.recipe.name).toBe('a');
    expect(remake).toHaveBeenCalledWith('model', made[0]?.recipe);
    // Asked for last, so the other one was let go.
    expect(dropped.mock.calls.at(-1)).toEqual([made[1]]);
  });

  it('have the same id for the same recipe on the same model', () => {
    const results = createResults(() => undefined);
    expect(results.add('m', result('a'))).toBe(results.add('m', result('a')));
    expect(results.add('m', result('a'))).not.toBe(results.add('n', result('a')));
  });

  it('go with their model', async () => {
    const dropped = vi.fn();
    const results = createResults(dropped);
    const id = results.add('m', result('a'));
    results.forgetModel('m');
    expect(dropped).toHaveBeenCalledOnce();
    expect(await results.get(id, () => Promise.reject(new Error('not to be made again')))).toBeUndefined();
  });
});
