import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import { MOST_BINS, MOST_SAMPLES_KEPT, TensorObserver } from './observer.ts';
import type { TensorStatistics } from './statistics.ts';

function observed(parts: readonly ArrayLike<number>[], observer = new TensorObserver()): TensorStatistics {
  for (const part of parts) expect(observer.add(part)).toBe(0);
  const seen = observer.statistics();
  if (seen === null) throw new Error('something was to be seen');
  return seen;
}

/** Counts in the bins of a width, straight from their definition. */
function counted(values: readonly number[], { width, first, counts }: TensorStatistics['bins']): number[] {
  const found = Array.from(counts, () => 0);
  for (const value of values) {
    const bin = Math.floor(value / width) - first;
    found[bin] = (found[bin] ?? NaN) + 1;
  }
  return found;
}

const float32 = fc.float({ noNaN: true, noDefaultInfinity: true });
/** Values of very different sizes, so that widths double many times, and ordinary ones. */
const values = fc.array(
  fc.oneof(float32, fc.float({ min: -8, max: 8, noNaN: true }), fc.constantFrom(0, -0, 0.5, -1)),
  {
    minLength: 1,
    maxLength: 200,
  },
);

describe('TensorObserver', () => {
  it('gives the same, however the values are cut into samples', () => {
    fc.assert(
      fc.property(values, fc.array(fc.nat(199), { maxLength: 6 }), (all, cuts) => {
        const edges = [0, ...cuts.map((cut) => cut % all.length).toSorted((a, b) => a - b), all.length];
        const parts = edges.slice(1).map((end, i) => Float32Array.from(all.slice(edges[i], end)));
        const { sampleMin: _, sampleMax: __, samples: ___, ...streamed } = observed(parts);
        const { sampleMin: _a, sampleMax: _b, samples: _c, ...whole } = observed([Float32Array.from(all)]);
        expect(streamed).toEqual(whole);
      }),
      { seed: 1, numRuns: 150 },
    );
  });

  it('counts every value in the bin that the width and zero give it', () => {
    fc.assert(
      fc.property(values, (all) => {
        const exact = Array.from(Float32Array.from(all));
        const { bins, count, min, max, sum, sumOfSquares } = observed([Float32Array.from(all)]);
        expect([...bins.counts]).toEqual(counted(exact, bins));
        expect(bins.counts.length).toBeLessThanOrEqual(MOST_BINS);
        expect({ count, min, max }).toEqual({
          count: exact.length,
          min: Math.min(...exact) + 0,
          max: Math.max(...exact) + 0,
        });
        expect(sum).toBe(exact.reduce((a, b) => a + b, 0));
        expect(sumOfSquares).toBe(exact.reduce((a, b) => a + b * b, 0));
      }),
      { seed: 2, numRuns: 500 },
    );
  });

  it('has the finest width that reaches over the values and zero', () => {
    fc.assert(
      fc.property(values, (all) => {
        fc.pre(all.some((value) => Math.fround(value) !== 0));
        const { bins, min, max } = observed([Float32Array.from(all)]);
        const needed = (width: number): number =>
          Math.floor(Math.max(0, max) / width) - Math.floor(Math.min(0, min) / width) + 1;
        expect(Number.isInteger(Math.log2(bins.width))).toBe(true);
        expect(needed(bins.width)).toBe(bins.counts.length);
        expect(needed(bins.width / 2)).toBeGreaterThan(MOST_BINS);
      }),
      { seed: 3, numRuns: 300 },
    );
  });

  it('empties its counters into wider ones without losing any', () => {
    const random = seededRandom(4);
    const parts = Array.from({ length: 40 }, (_, part) =>
      Float32Array.from({ length: 100 }, () => random.normal() * 2 ** (part % 7)),
    );
    const spilled = observed(parts, new TensorObserver(null, 250));
    const plain = observed(parts);
    expect(spilled.bins.counts).toBeInstanceOf(Float64Array);
    expect([...spilled.bins.counts]).toEqual([...plain.bins.counts]);
  });

  it('counts what is not finite apart, wherever it stands', () => {
    const observer = new TensorObserver();
    expect(observer.add(Float32Array.of(NaN, 1, Infinity, -2, -Infinity, NaN))).toBe(4);
    expect(observer.add(Float32Array.of(NaN))).toBe(1);
    expect(observer.statistics()).toMatchObject({ count: 2, min: -2, max: 1, samples: 1 });
  });

  it('has seen nothing after nothing', () => {
    const observer = new TensorObserver();
    observer.add(new Float32Array(0));
    expect(observer.statistics()).toBeNull();
  });

  it.each([
    ['zeros', [0, -0, 0], { min: 0, max: 0, counts: [3] }],
    ['one value', [2, 2], { min: 2, max: 2 }],
    ['the largest floats', [3.4e38, -3.4e38], { min: Math.fround(-3.4e38), max: Math.fround(3.4e38) }],
    ['the smallest floats', [2 ** -149, -(2 ** -149)], { min: -(2 ** -149), max: 2 ** -149 }],
  ])('keeps %s', (_, all, { min, max, counts }: { min: number; max: number; counts?: number[] }) => {
    const seen = observed([Float32Array.from(all)]);
    expect(Object.is(seen.min, min) && Object.is(seen.max, max)).toBe(true);
    expect([...seen.bins.counts].reduce((a, b) => a + b, 0)).toBe(all.length);
    if (counts !== undefined) expect([...seen.bins.counts]).toEqual(counts);
  });

  it('keeps the extremes of each sample, of the newest ones where there are many', () => {
    const few = observed([Float32Array.of(1, 3), Float32Array.of(-1, 2)]);
    expect([[...few.sampleMin], [...few.sampleMax], few.samples]).toEqual([[1, -1], [3, 2], 2]);
    const count = MOST_SAMPLES_KEPT + 5;
    const many = observed(Array.from({ length: count }, (_, i) => Float32Array.of(i)));
    expect(many.samples).toBe(count);
    expect([...many.sampleMax]).toEqual(Array.from({ length: MOST_SAMPLES_KEPT }, (_, i) => i + 5));
  });

  it('keeps the extremes of channels where it is asked to', () => {
    const observer = new TensorObserver(1);
    observer.add(Float32Array.of(1, 2, -3, 4, 5, 6, 0, 1), [2, 2, 2]);
    observer.add(Float32Array.of(9, 0, 0, -7), [1, 2, 2]);
    const { channels } = observer.statistics() ?? { channels: null };
    expect(channels).toEqual({
      axis: 1,
      mean: Float64Array.of(23 / 6, -5 / 6),
      min: Float64Array.of(0, -7),
      max: Float64Array.of(9, 4),
    });
  });
});
