import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import { seededRandom } from '#base/random.ts';
import { TensorObserver } from '#measure/calibration/observer.ts';
import type { TensorStatistics } from '#measure/calibration/statistics.ts';
import type { RangeChoice } from '#passes/pass.ts';
import { choicesOf, METHODS, rangeFrom } from './choose.ts';
import { meanSquaredErrors } from './squared-error.ts';

function observed(...samples: readonly ArrayLike<number>[]): TensorStatistics {
  const observer = new TensorObserver();
  for (const sample of samples) observer.add(Float32Array.from(sample));
  const seen = observer.statistics();
  if (seen === null) throw new Error('something was to be seen');
  return seen;
}

/** Student's t with 3 degrees of freedom: far outliers in both directions. */
function heavyTailed(seed: number, count = 50_000): Float32Array {
  const random = seededRandom(seed);
  return Float32Array.from({ length: count }, () => {
    const chi = random.normal() ** 2 + random.normal() ** 2 + random.normal() ** 2;
    return random.normal() / Math.sqrt(chi / 3);
  });
}

const uint8 = { bits: 8, symmetric: false } as const;
const int8 = { bits: 8, symmetric: true } as const;

const TENSORS: readonly (readonly [string, Float32Array])[] = [
  ['heavy tails on both sides', heavyTailed(1)],
  ['heavy tail after a Relu', heavyTailed(2).map((x) => Math.max(0, x))],
  ['all below zero', heavyTailed(3).map((x) => -Math.abs(x) - 0.1)],
  ['far from zero', heavyTailed(4).map((x) => 100 + x / 100)],
  ['a short side below zero', heavyTailed(5).map((x) => (x > 0 ? x : Math.max(-0.278, x / 10)))],
  ['clipped at 6', heavyTailed(6).map((x) => Math.min(6, Math.max(0, 4 * x)))],
  ['two values', Float32Array.of(-1, 3, 3, -1)],
  ['zeros and one outlier', Float32Array.from({ length: 1000 }, (_, i) => (i === 7 ? 50 : 0))],
  ['one value above zero', Float32Array.of(3, 3, 3)],
  ['one value below zero', Float32Array.of(-3, -3)],
  ['zeros', new Float32Array(5)],
];

const CHOICES: readonly RangeChoice[] = METHODS.flatMap((method) =>
  [2, 4, 8, 16].flatMap((bits) => [true, false].map((symmetric) => ({ method, bits, symmetric }))),
);

describe.each(TENSORS)('a range for %s', (_, values) => {
  const seen = observed(values);

  it.each(CHOICES)('by $method, $bits bits, symmetric $symmetric, is valid', (choice) => {
    const { low, high, min, max, count, clipped } = rangeFrom(seen, choice);
    expect(low).toBeLessThanOrEqual(0);
    expect(high).toBeGreaterThanOrEqual(0);
    expect(low).toBeGreaterThanOrEqual(Math.min(0, min));
    expect(high).toBeLessThanOrEqual(Math.max(0, max));
    if (max > min) expect(high).toBeGreaterThan(low);
    const outside = values.filter((x) => x < low || x > high).length / count;
    // Within the bins of both ends the share is an estimate.
    const share = (at: number): number => {
      const bin = Math.floor(at / seen.bins.width) - seen.bins.first;
      return [bin - 1, bin, bin + 1].reduce((sum, i) => sum + (seen.bins.counts[i] ?? 0), 0) / count;
    };
    expect(Math.abs(clipped - outside)).toBeLessThanOrEqual(share(low) + share(high) + 1e-12);
  });

  it.each([2, 3, 4, 8].flatMap((bits) => [true, false].map((symmetric) => ({ bits, symmetric }))))(
    'by least squares has no more error than the whole range: $bits bits, symmetric $symmetric',
    ({ bits, symmetric }) => {
      const error = (method: 'mse' | 'minmax'): number =>
        meanSquaredErrors(seen, bits, symmetric)(rangeFrom(seen, { method, bits, symmetric }));
      expect(error('mse')).toBeLessThanOrEqual(error('minmax'));
    },
  );
});

describe('constant activations', () => {
  it.each(METHODS)('%s: the range from zero to the value', (method) => {
    expect(rangeFrom(observed([3, 3]), { method, ...uint8 })).toMatchObject({ low: 0, high: 3, clipped: 0 });
    expect(rangeFrom(observed([-3]), { method, ...uint8 })).toMatchObject({ low: -3, high: 0, clipped: 0 });
    expect(rangeFrom(observed([0]), { method, ...uint8 })).toMatchObject({ low: 0, high: 0, clipped: 0 });
  });
});

describe('moving average', () => {
  it('moves from sample to sample by the weight', () => {
    const seen = observed([-1, 4], [-3, 2], [-2, 8]);
    const { low, high } = rangeFrom(seen, { method: 'moving-average', averaging: 0.25, ...uint8 });
    expect(low).toBeCloseTo(-1 + 0.25 * -2 + 0.25 * (-2 + 1.5), 12);
    expect(high).toBeCloseTo(4 - 0.5 + 0.25 * (8 - 3.5), 12);
    // Weight 1 keeps the last sample alone.
    expect(rangeFrom(seen, { method: 'moving-average', averaging: 1, ...uint8 })).toMatchObject({ low: -2, high: 8 });
  });
});

describe('percentile', () => {
  const percentile = (values: Float32Array, share: number, symmetric = false): readonly number[] => {
    const { low, high } = rangeFrom(observed(values), {
      method: 'percentile',
      percentile: share,
      bits: 8,
      symmetric,
    });
    return [low, high];
  };
  /** Smallest value that at least this share of the values does not exceed. */
  const quantile = (values: Float32Array, share: number): number =>
    values.toSorted()[Math.max(0, Math.ceil(share * values.length) - 1)] ?? NaN;

  it('cuts half of the rest from each end where values lie on both sides of zero', () => {
    const values = heavyTailed(9);
    const { width } = observed(values).bins;
    const [low, high] = percentile(values, 99);
    expect(Math.abs((low ?? NaN) - quantile(values, 0.005))).toBeLessThanOrEqual(width);
    expect(Math.abs((high ?? NaN) - quantile(values, 0.995))).toBeLessThanOrEqual(width);
  });

  it('cuts from the far side alone where they lie on one', () => {
    const values = heavyTailed(10).map(Math.abs);
    const { width } = observed(values).bins;
    const [low, high] = percentile(values, 99);
    expect(low).toBe(0);
    expect(Math.abs((high ?? NaN) - quantile(values, 0.99))).toBeLessThanOrEqual(width);
    const mirrored = percentile(
      values.map((x) => -x),
      99,
    );
    expect(mirrored[1]).toBe(0);
    expect(Math.abs((mirrored[0] ?? NaN) + (high ?? NaN))).toBeLessThanOrEqual(2 * width);
  });

  it('cuts magnitudes for a symmetric grid', () => {
    const values = heavyTailed(11);
    const limit = quantile(values.map(Math.abs), 0.99);
    const [low, high] = percentile(values, 99, true);
    expect(high).toBe(-(low ?? NaN));
    expect(Math.abs((high ?? NaN) - limit)).toBeLessThanOrEqual(observed(values).bins.width);
  });

  it('keeps everything at 100, and never reaches beyond what was seen', () => {
    const values = heavyTailed(12);
    expect(percentile(values, 100)).toEqual([Math.min(...values), Math.max(...values)]);
  });
});

describe('entropy', () => {
  const entropy = (values: Float32Array, grid: { bits: number; symmetric: boolean } = uint8) =>
    rangeFrom(observed(values), { method: 'entropy', ...grid });

  it('clips heavy tails, on one side and on both', () => {
    for (const values of [heavyTailed(21), heavyTailed(22).map((x) => Math.max(0, x))]) {
      const { low, high, min, max, clipped } = entropy(values);
      expect(high).toBeLessThan(0.8 * max);
      if (min < 0) expect(low).toBeGreaterThan(0.8 * min);
      expect(clipped).toBeGreaterThan(0);
      expect(clipped).toBeLessThan(0.05);
    }
  });

  it('clips nothing where values lie evenly', () => {
    const even = Float32Array.from({ length: 40_000 }, (_, i) => (i + 0.5) / 10_000);
    expect(entropy(even).high).toBeCloseTo(4, 2);
  });

  it('is not moved by zeros, which every grid has', () => {
    const values = heavyTailed(23).map(Math.abs);
    const zeros = new Float32Array(values.length * 20);
    zeros.set(values);
    expect(entropy(zeros).high).toBe(entropy(values).high);
  });

  it('keeps everything where there are more levels than bins', () => {
    const values = heavyTailed(24);
    const { low, high, min, max } = entropy(values, { bits: 16, symmetric: false });
    expect([low, high]).toEqual([min, max]);
  });
});

describe('least squared error', () => {
  /** Error of a uint grid on the values themselves. */
  function trueError(values: Float32Array, low: number, high: number, bits: number): number {
    const steps = 2 ** bits - 1;
    const scale = Math.fround((high - low) / steps);
    const zeroPoint = Math.round(-low / scale);
    let sum = 0;
    for (const x of values) {
      const level = Math.min(steps, Math.max(0, Math.round(x / scale) + zeroPoint));
      sum += (x - (level - zeroPoint) * scale) ** 2;
    }
    return sum / values.length;
  }

  it.each([4, 8])('on the histogram is the error on the values, %i bits', (bits) => {
    const values = heavyTailed(31);
    const seen = observed(values);
    for (const [low, high] of [
      [-3, 5],
      [-8, 2],
      [seen.min, seen.max],
    ] as const) {
      const measured = meanSquaredErrors(seen, bits, false)({ low, high });
      const exact = trueError(values, low, high, bits);
      // Values stand for the centre of their bin: off by width² / 12 at most on average, and by some at the ends.
      expect(Math.abs(measured - exact)).toBeLessThanOrEqual(0.02 * exact + seen.bins.width ** 2);
    }
  });

  it.each([
    ['both sides', heavyTailed(32)],
    ['a short side below zero', heavyTailed(33).map((x) => (x > 0 ? x : Math.max(-0.278, x / 10)))],
    ['after a Relu', heavyTailed(34).map((x) => Math.max(0, x))],
  ])('is as low as that of a fine search over both ends: %s', (_, values) => {
    const seen = observed(values);
    for (const bits of [3, 4, 6]) {
      const found = rangeFrom(seen, { method: 'mse', bits, symmetric: false });
      const errorOf = meanSquaredErrors(seen, bits, false);
      const error = errorOf(found);
      let least = Infinity;
      for (let i = 0; i <= 100; i += 1) {
        for (let j = 0; j <= 100; j += 1) {
          const range = { low: (Math.min(0, seen.min) * i) / 100, high: (Math.max(0, seen.max) * j) / 100 };
          if (range.high > range.low) least = Math.min(least, errorOf(range));
        }
      }
      expect(error).toBeLessThanOrEqual(least * 1.02);
      expect(error).toBeLessThan(errorOf({ low: seen.min, high: seen.max }));
    }
  });

  it('is never worse than the whole range, on random tensors', () => {
    const tensor = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 60 });
    fc.assert(
      fc.property(tensor, fc.integer({ min: 2, max: 16 }), fc.boolean(), (values, bits, symmetric) => {
        const seen = observed(values);
        const error = (method: 'mse' | 'minmax'): number =>
          meanSquaredErrors(seen, bits, symmetric)(rangeFrom(seen, { method, bits, symmetric }));
        const [least, whole] = [error('mse'), error('minmax')];
        expect(least <= whole || whole === Infinity).toBe(true);
      }),
      { seed: 5, numRuns: 200 },
    );
  });
});

describe('choicesOf', () => {
  it('tells what every method would choose', () => {
    const seen = observed(heavyTailed(41), heavyTailed(42));
    const choices = choicesOf(seen, { method: 'minmax', ...int8 });
    expect(choices.map((choice) => choice.method)).toEqual([...METHODS]);
    for (const { method, low, high } of choices) {
      expect(rangeFrom(seen, { method, ...int8 })).toMatchObject({ low, high });
    }
  });
});

it.each([
  { method: 'percentile', percentile: 0, ...uint8 },
  { method: 'percentile', percentile: 101, ...uint8 },
  { method: 'moving-average', averaging: 0, ...uint8 },
  { method: 'mse', bits: 1, symmetric: false },
  { method: 'mse', bits: 32, symmetric: false },
] as const)('refuses %j in a sentence', (choice) => {
  expect(() => rangeFrom(observed([1, 2]), choice)).toThrow(PareError);
});
