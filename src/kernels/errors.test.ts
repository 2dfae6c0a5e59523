import { expect, test } from 'vitest';
import { addErrors, figuresOf, NO_ERRORS } from './errors.ts';
import { referenceKernels } from './reference/index.ts';

test('figures of a known difference', async () => {
  const sums = await referenceKernels.compare(Float32Array.of(3, 4), Float32Array.of(3, 0));
  expect(sums).toEqual({ count: 2, squaredError: 16, squaredSignal: 25, squaredResult: 9, maxAbsError: 4 });
  const figures = figuresOf(sums);
  expect(figures.sqnrDb).toBeCloseTo(10 * Math.log10(25 / 16), 12);
  expect(figures.mse).toBe(8);
  expect(figures.cosine).toBeCloseTo(9 / (5 * 3), 12);
  expect(figures.maxAbs).toBe(4);
});

test('nothing has no mean, an unchanged tensor has infinite SQNR, a vanished one no cosine', async () => {
  expect(figuresOf(NO_ERRORS)).toEqual({ sqnrDb: Infinity, mse: null, cosine: 1, maxAbs: 0 });
  const vanished = await referenceKernels.compare(Float32Array.of(1), Float32Array.of(0));
  expect(figuresOf(vanished)).toEqual({ sqnrDb: 0, mse: 1, cosine: null, maxAbs: 1 });
  expect(figuresOf({ ...NO_ERRORS, count: 1, squaredError: 1, squaredResult: 1 }).sqnrDb).toBeNull();
});

test('sums of two halves add up to the sums of the whole', async () => {
  const x = Float32Array.of(1, -2, 3, -4);
  const y = Float32Array.of(1.5, -2, 2, -4);
  const half = (start: number, end: number) => referenceKernels.compare(x.subarray(start, end), y.subarray(start, end));
  expect(addErrors(await half(0, 2), await half(2, 4))).toEqual(await referenceKernels.compare(x, y));
});
