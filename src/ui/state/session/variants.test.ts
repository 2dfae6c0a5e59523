import { describe, expect, it } from 'vitest';
import type { Preview, Recipe } from '#studio/jobs.ts';
import { addVariant, describeRecipe, frontier, noteOutputs, type Variant } from './variants.ts';

const recipe = (bits: number): Recipe => ({
  version: 1,
  name: '',
  steps: [{ pass: 'quantize/weights', options: { bits, granularity: 'channel', block: 32 } }],
});
const preview = (fileBytesAfter: number, weightSqnrDb: number | null): Preview => ({
  layers: [],
  weightBytesBefore: 0,
  weightBytesAfter: 0,
  fileBytesBefore: 100,
  fileBytesAfter,
  weightSqnrDb,
  durationMs: 0,
  notices: [],
});
const add = (variants: readonly Variant[], bits: number, bytes: number, db: number | null) =>
  addVariant(variants, recipe(bits), preview(bytes, db));

describe('variants', () => {
  it('keeps one per recipe and numbers them as they come', () => {
    let variants = add([], 8, 50, 40);
    variants = add(variants, 4, 30, 20);
    variants = add(variants, 8, 51, 41);
    expect(variants.map((one) => [one.number, one.fileBytes])).toEqual([
      [1, 51],
      [2, 30],
    ]);
  });

  it('notes the worst output for the recipe that was compared', () => {
    const output = { name: 'y', sqnrDb: 33, cosine: 1, maxAbs: 0, top1Agreement: null, mse: 0 };
    const variants = noteOutputs(add(add([], 8, 50, 40), 4, 30, 20), recipe(4), [output, { ...output, sqnrDb: 12 }]);
    expect(variants.map((one) => one.outputSqnrDb)).toEqual([null, 12]);
    expect(add(variants, 4, 30, 20)[1]?.outputSqnrDb).toBe(12);
  });

  it('finds those that nothing beats', () => {
    const tried: readonly [number, number, number | null][] = [
      [2, 20, 9],
      [3, 30, 8],
      [4, 30, 20],
      [8, 50, 40],
      [9, 60, 40],
      [32, 100, null],
    ];
    const variants = tried.reduce<readonly Variant[]>((all, [bits, bytes, db]) => add(all, bits, bytes, db), []);
    expect(frontier(variants).map((one) => one.fileBytes)).toEqual([20, 30, 50]);
  });

  it('says what a recipe does', () => {
    expect(describeRecipe(recipe(4))).toBe('weights (4 bits, channel)');
    expect(describeRecipe({ ...recipe(4), steps: [] })).toBe('unchanged');
  });
});
