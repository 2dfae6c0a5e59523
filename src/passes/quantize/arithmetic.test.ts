import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import { conventionFor, schemeOf } from './conventions.ts';
import { groupBlocks, groupChannels, groupTensor, rowCount, scalesToTensor, toRows, toTensor } from './granularity.ts';
import { packLevels, unpackLevels } from './pack.ts';
import { chooseGrid, type RangeMethod } from './ranges.ts';

const { kernels } = referenceBackend();
const desk = { kernels, derive: (_of: Float32Array, _name: string, make: () => Promise<Float32Array>) => make() };
const minmax: RangeMethod = { range: 'minmax', percentile: 100, candidates: 80 };

async function gridOf(weights: readonly number[], ...scheme: Parameters<typeof schemeOf>) {
  const data = Float32Array.from(weights);
  const grouping = groupTensor([data.length]);
  const chosen = await chooseGrid(
    { data, rows: 1, rowLength: data.length },
    grouping,
    schemeOf(...scheme),
    minmax,
    desk,
    'f32',
  );
  const { levels } = await kernels.quantize(chosen.rows, chosen.grid, 'levels');
  return { scale: chosen.scale[0], zeroPoint: chosen.grid.zeroPoint[0], levels: Array.from(levels!) };
}

describe('conventions', () => {
  // The largest magnitude is positive: nbits takes a negative scale so that it lands on -8 exactly.
  it.each([
    ['narrow', 4, Math.fround(1.5 / 7), [-2, 0, 7]],
    ['full', 4, Math.fround(3 / 15), [-2, 0, 7]],
    ['nbits', 4, Math.fround(-1.5 / 8), [3, 0, -8]],
    ['narrow', 8, Math.fround(1.5 / 127), [-42, 0, 127]],
    ['full', 8, Math.fround(3 / 255), [-42, 0, 127]],
  ] as const)('symmetric %s, %s bits', async (convention, bits, scale, levels) => {
    const grid = await gridOf([-0.5, 0, 1.5], bits, true, true, convention);
    expect(grid.scale).toBe(scale);
    // -0.5 / 0.2 is a tie that float32 resolves as the runtime does; exact ties are the kernels' own tests.
    expect(grid.levels[1]).toBe(levels[1]);
    expect(grid.levels[2]).toBe(levels[2]);
    expect(Math.abs(grid.levels[0]! - levels[0])).toBeLessThanOrEqual(1);
    expect(grid.zeroPoint).toBe(0);
  });

  it('unsigned symmetric grids hold the same values as signed ones', async () => {
    const weights = [-1, -0.3, 0, 0.2, 0.9];
    const signed = await gridOf(weights, 8, true, true, 'narrow');
    const unsigned = await gridOf(weights, 8, false, true, 'narrow');
    expect(unsigned.scale).toBe(signed.scale);
    expect(unsigned.zeroPoint).toBe(128);
    expect(unsigned.levels).toEqual(signed.levels.map((level) => level + 128));
  });

  it('asymmetric ranges hold zero, whose level is exact', async () => {
    // rmin = 0, rmax = 3: scale 3 / 255, zero point 0 (onnxruntime compute_scale_zp).
    expect(await gridOf([1, 2, 3], 8, false, false, 'full')).toMatchObject({
      scale: Math.fround(3 / 255),
      zeroPoint: 0,
    });
    expect(await gridOf([-1, 3], 8, true, false, 'full')).toMatchObject({
      scale: Math.fround(4 / 255),
      zeroPoint: -64,
    });
  });

  it('zeros alone get scale 1 and stay zero', async () => {
    for (const symmetric of [true, false]) {
      for (const signed of [true, false]) {
        const grid = await gridOf([0, 0], 4, signed, symmetric, 'full');
        expect(grid.scale).toBe(1);
        expect(grid.levels).toEqual([grid.zeroPoint, grid.zeroPoint]);
      }
    }
  });

  it('auto is what the runtime’s own tool would use', () => {
    expect(conventionFor('auto', 8, 'dequantize')).toBe('narrow');
    expect(conventionFor('auto', 4, 'dequantize')).toBe('full');
    expect(conventionFor('auto', 4, 'nbits')).toBe('nbits');
    expect(conventionFor('narrow', 4, 'nbits')).toBe('narrow');
  });
});

describe('packing', () => {
  it('comes back', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(2 as const, 4 as const),
        fc.boolean(),
        fc.array(fc.nat(15), { maxLength: 40 }),
        (bits, signed, raw) => {
          const low = signed ? -(2 ** (bits - 1)) : 0;
          const levels = new (signed ? Int8Array : Uint8Array)(raw.map((value) => (value % 2 ** bits) + low));
          expect(unpackLevels(packLevels(levels, bits), bits, signed, levels.length)).toEqual(levels);
        },
      ),
    );
  });

  it('puts the first element in the low bits', () => {
    expect([...packLevels(Int8Array.of(1, -1, 7), 4)]).toEqual([0xf1, 0x07]);
    expect([...packLevels(Int8Array.of(1, -2, -1, 0, 1), 2)]).toEqual([0b00111001, 0b01]);
  });
});

describe('granularity', () => {
  const shapes = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 });
  const groupings = shapes.chain((shape) =>
    fc
      .record({ axis: fc.nat(shape.length - 1), block: fc.constantFrom(2, 3, 4) })
      .map(({ axis, block }) => [groupTensor(shape), groupChannels(shape, axis), groupBlocks(shape, axis, block)]),
  );

  it('rows go back to the tensor they came from, and each weight meets its own scale', async () => {
    await fc.assert(
      fc.asyncProperty(groupings, async (all) => {
        for (const grouping of all) {
          const count = countOf(grouping.shape);
          const data = Float32Array.from({ length: count }, (_, i) => i + 1);
          const rows = await toRows(data, grouping, kernels);
          expect(toTensor(rows.data, grouping)).toEqual(data);
          const real = Array.from({ length: grouping.rows }, (_, row) => rowCount(grouping, row));
          expect(real.reduce((sum, n) => sum + n, 0)).toBe(count);
          expect(countOf(grouping.scaleShape)).toBe(grouping.rows);
          const rowNumbers = scalesToTensor(
            Float32Array.from({ length: grouping.rows }, (_, row) => row),
            grouping,
          );
          for (let i = 0; i < count; i++) {
            const row = rowNumbers[scaleIndex(grouping, i)]!;
            const own = rows.data.subarray(
              row * grouping.rowLength,
              row * grouping.rowLength + rowCount(grouping, row),
            );
            expect(own).toContain(i + 1);
          }
        }
      }),
    );
  });
});

/** Where ONNX DequantizeLinear looks for the scale of element `i`. */
function scaleIndex(grouping: ReturnType<typeof groupTensor>, i: number): number {
  const { axis, block, shape } = grouping;
  if (axis === undefined) return 0;
  const inner = countOf(shape.slice(axis + 1));
  const along = Math.floor(i / inner) % shape[axis]!;
  if (block === undefined) return along;
  const blocks = Math.ceil(shape[axis]! / block);
  const outer = Math.floor(i / (inner * shape[axis]!));
  return (outer * blocks + Math.floor(along / block)) * inner + (i % inner);
}
