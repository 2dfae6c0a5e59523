import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Grid } from '#kernels/kernels.ts';
import { referenceKernels as kernels } from './index.ts';

const int8: Grid = {
  bits: 8,
  signed: true,
  low: -127,
  high: 127,
  scale: Float32Array.of(0.5),
  zeroPoint: Int32Array.of(0),
};

describe('quantize', () => {
  test('rounds ties to even, clamps, and measures what that costs', async () => {
    const data = Float32Array.of(0.25, 0.75, -0.25, -0.75, 100, -100);
    const { levels, error } = await kernels.quantize({ data, rows: 1, rowLength: 6 }, int8, 'levels');
    expect([...levels!]).toEqual([0, 2, 0, -2, 127, -127]);
    expect(error.maxAbsError).toBe(36.5);
    expect(error.squaredError).toBe(4 * 0.25 ** 2 + 2 * 36.5 ** 2);
  });

  test('a row of scale zero becomes the zero point', async () => {
    const grid = { ...int8, signed: false, low: 0, high: 15, scale: Float32Array.of(0), zeroPoint: Int32Array.of(8) };
    const { levels } = await kernels.quantize({ data: Float32Array.of(1, -1), rows: 1, rowLength: 2 }, grid, 'levels');
    expect([...levels!]).toEqual([8, 8]);
  });

  test('inside the range no weight moves by more than half a step', async () => {
    const weight = fc.double({ min: -1, max: 1, noNaN: true }).map(Math.fround);
    await fc.assert(
      fc.asyncProperty(fc.array(weight, { minLength: 1, maxLength: 40 }), async (weights) => {
        const data = Float32Array.from(weights);
        const grid = { ...int8, scale: Float32Array.of(1 / 127) };
        const { error } = await kernels.quantize({ data, rows: 1, rowLength: data.length }, grid, 'error');
        expect(error.maxAbsError).toBeLessThanOrEqual((1 / 127 / 2) * (1 + 1e-5));
      }),
    );
  });
});

test('of equal magnitudes the earlier one is kept in N:M and pruned first below a threshold', async () => {
  const data = Float32Array.of(1, -1, 1, 1, 5, 0);
  const kept = await kernels.pruneNM({ data, rows: 1, rowLength: 6 }, 2, 4);
  expect([...kept.data]).toEqual([1, -1, 0, 0, 5, 0]);
  expect(kept.zeros).toBe(3);
  const below = await kernels.pruneBelow(data, 1, 2);
  expect([...below.data]).toEqual([0, 0, 1, 1, 5, 0]);
  expect(below.error.squaredError).toBe(2);
});

test('a clipped scale beats the full range when one weight lies far out', async () => {
  const data = Float32Array.from({ length: 1000 }, (_, i) => Math.sin(i));
  data[500] = 20;
  const search = { bits: 4, signed: true, low: -7, high: 7, symmetric: true, candidates: 80, divisor: 7 } as const;
  const { scale, squaredError } = await kernels.searchScale({ data, rows: 1, rowLength: 1000 }, search);
  const grid = { ...int8, bits: 4, low: -7, high: 7, scale: Float32Array.of(20 / 7) } as const;
  const full = await kernels.quantize({ data, rows: 1, rowLength: 1000 }, grid, 'error');
  expect(scale[0]!).toBeLessThan(20 / 7);
  expect(squaredError[0]!).toBeLessThan(full.error.squaredError);
});

test('transpose, histogram and selection by hand', async () => {
  expect([...(await kernels.transpose(Float32Array.of(1, 2, 3, 4, 5, 6), 2, 3))]).toEqual([1, 4, 2, 5, 3, 6]);
  expect([...(await kernels.histogram(Float32Array.of(-9, 0, 0.5, 1, 9), 4, 0, 1)).counts]).toEqual([2, 0, 1, 2]);
  expect(await kernels.selectMagnitude(Float32Array.of(-3, 1, 2), 2)).toBe(3);
  await expect(kernels.selectMagnitude(Float32Array.of(1), 1)).rejects.toThrow('no magnitude number 1');
});
