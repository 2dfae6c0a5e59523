import { describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import { TensorObserver } from './observer.ts';
import type { TensorStatistics } from './statistics.ts';
import { cumulative, displayHistogram, magnitudesOf, shareOutside } from './statistics.ts';

const random = seededRandom(11);
const VALUES = Float32Array.from({ length: 20_000 }, () => random.normal() * 3 + 0.5);
const SORTED = VALUES.toSorted();

function observed(values: Float32Array): TensorStatistics {
  const observer = new TensorObserver();
  observer.add(values);
  const seen = observer.statistics();
  if (seen === null) throw new Error('something was to be seen');
  return seen;
}

const seen = observed(VALUES);

describe('cumulative', () => {
  const { below, valueAt } = cumulative(seen);

  it('is exact at the edges of bins', () => {
    for (const bin of [0, 1, 700, 4000]) {
      const edge = (seen.bins.first + bin) * seen.bins.width;
      expect(below(edge)).toBe(SORTED.filter((value) => value < edge).length);
    }
    expect([below(-1e9), below(1e9)]).toEqual([0, VALUES.length]);
  });

  it('finds a rank to within a bin, and back', () => {
    for (const rank of [1, 20, 10_000, 19_999]) {
      expect(Math.abs(valueAt(rank) - (SORTED[rank - 1] ?? NaN))).toBeLessThanOrEqual(seen.bins.width);
      expect(below(valueAt(rank))).toBeCloseTo(rank, 6);
    }
    expect([valueAt(0), valueAt(VALUES.length)]).toEqual([seen.min, seen.max]);
  });
});

describe('magnitudesOf', () => {
  it('lays negative values over positive ones', () => {
    const { bins, max, min } = magnitudesOf(seen);
    const plain = observed(VALUES.map(Math.abs));
    expect({ max, min }).toEqual({ max: plain.max, min: 0 });
    // No value lies on an edge, so both count alike; widths differ by what the folded ones need less.
    const factor = bins.width / plain.bins.width;
    const sums = new Float64Array(bins.counts.length);
    plain.bins.counts.forEach((n, i) => (sums[Math.floor(i / factor)]! += n));
    expect([...bins.counts]).toEqual([...sums]);
  });
});

describe('displayHistogram', () => {
  it('adds up, and is near the histogram of the values', () => {
    const { from, to, counts } = displayHistogram(seen, 40);
    expect([from, to, counts.length]).toEqual([seen.min, seen.max, 40]);
    expect(counts.reduce((a, b) => a + b, 0)).toBe(VALUES.length);
    const step = (to - from) / 40;
    for (const [bin, count] of counts.entries()) {
      const true0 = SORTED.filter((v) => v >= from + bin * step && v < from + (bin + 1) * step).length;
      // An edge inside a fine bin is off by at most that bin's share: some 20 of 20000 values in the densest.
      expect(Math.abs(count - true0)).toBeLessThanOrEqual(40);
    }
  });

  it('shows one value as one bin', () => {
    expect(displayHistogram(observed(Float32Array.of(3, 3)), 10)).toEqual({ from: 3, to: 3, counts: [2] });
  });
});

describe('shareOutside', () => {
  it('is exactly zero for the whole range', () => {
    expect(shareOutside(seen, seen.min, seen.max)).toBe(0);
    expect(shareOutside(seen, -100, 100)).toBe(0);
  });

  it('is near the true share otherwise', () => {
    const share = SORTED.filter((value) => value < -2 || value > 4).length / VALUES.length;
    expect(shareOutside(seen, -2, 4)).toBeCloseTo(share, 3);
  });
});
