import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { buildTensor } from '#ir/testing/build.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { referenceKernels } from '#kernels/reference/index.ts';
import { levelsWithin, readRowScales, rowName, weightsOfRow } from './weight-rows.ts';

const counting = (shape: readonly number[]): Float32Array => Float32Array.from({ length: countOf(shape) }, (_, i) => i);

describe('weightsOfRow', () => {
  it.each([
    ['the tensor', [2, 3], {}, 0, [0, 1, 2, 3, 4, 5]],
    ['a channel along the first axis', [2, 3], { axis: 0 }, 1, [3, 4, 5]],
    ['a channel along the last axis', [2, 3], { axis: 1 }, 1, [1, 4]],
    ['a block along the last axis', [2, 4], { axis: 1, block: 2 }, 3, [6, 7]],
    ['a short block', [2, 3], { axis: 1, block: 2 }, 1, [2]],
    ['a block along the first axis', [4, 2], { axis: 0, block: 2 }, 3, [5, 7]],
    ['a block along a middle axis', [1, 4, 2], { axis: 1, block: 2 }, 2, [4, 6]],
  ])('gives %s', (_name, shape, quantization, row, expected) => {
    expect([...weightsOfRow(counting(shape), shape, quantization, row)]).toEqual(expected);
  });

  it('gives every weight to exactly one row', () => {
    const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        shapes,
        fc.nat(),
        fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined }),
        (shape, pick, block) => {
          const axis = pick % shape.length;
          const size = shape[axis] ?? 1;
          const rows = block === undefined ? size : (countOf(shape) / size) * Math.ceil(size / block);
          const quantization = block === undefined ? { axis } : { axis, block };
          const data = counting(shape);
          const seen = Array.from({ length: rows }, (_, row) => [
            ...weightsOfRow(data, shape, quantization, row),
          ]).flat();
          expect(seen.toSorted((a, b) => a - b)).toEqual([...data]);
        },
      ),
    );
  });
});

describe('readRowScales', () => {
  it.each([
    ['u4', [3, 15, 8], [3, 15, 8]],
    ['i4', [-8, 7, -1], [-8, 7, -1]],
    ['i8', [-128, 127, 0], [-128, 127, 0]],
    ['u8', [0, 255, 128], [0, 255, 128]],
    ['u16', [0, 65535, 300], [0, 65535, 300]],
    ['i16', [-32768, 5, -1], [-32768, 5, -1]],
  ] as const)('unpacks zero points of %s', async (dtype, stored, expected) => {
    const store = createWeightStore();
    const quantization = {
      scale: buildTensor(store, { dtype: 'f16', shape: [3], data: [0.5, 0.25, 2] }),
      zeroPoint: buildTensor(store, { dtype, shape: [3], data: stored }),
      axis: 0,
    };
    const { scale, zeroPoint } = await readRowScales(quantization, dtype, store, referenceKernels);
    expect([...scale]).toEqual([0.5, 0.25, 2]);
    expect([...zeroPoint]).toEqual(expected);
  });
});

describe('levelsWithin', () => {
  const scales = { scale: new Float32Array([0.5, -0.5]), zeroPoint: new Int32Array([0, 0]) };
  it('gives the levels over the range, lowest first, whatever the sign of the scale', () => {
    expect(levelsWithin({ ...scales, dtype: 'i4' }, 0, -1, 1)).toEqual([-1, -0.5, 0, 0.5, 1]);
    expect(levelsWithin({ ...scales, dtype: 'i4' }, 0, -99, 99)).toHaveLength(16);
    expect(levelsWithin({ ...scales, dtype: 'i4' }, 1, 3, 99).at(-1)).toBe(4);
  });
  it('gives none where there are too many to draw', () => {
    expect(levelsWithin({ ...scales, dtype: 'i16' }, 0, -1, 1)).toEqual([]);
  });
});

it('rows have names', () => {
  expect([rowName({}, 0, 1), rowName({ axis: 0 }, 2, 64), rowName({ axis: 1, block: 32 }, 4, 128)]).toEqual([
    'whole tensor',
    'channel 3 of 64',
    'block 5 of 128',
  ]);
});
