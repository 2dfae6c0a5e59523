import { describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import { leastDivergence } from './entropy.ts';

/** KL(P, Q) of one clip, written out as the method is described: every bin of both distributions. */
function divergence(counts: readonly number[], kept: number, levels: number): number {
  const total = counts.reduce((a, b) => a + b, 0);
  const reference = counts.slice(0, kept);
  const inside = reference.reduce((a, b) => a + b, 0);
  const p = reference.map((n, i) => (i === kept - 1 ? n + total - inside : n));
  const q = reference.map(() => 0);
  for (let level = 0; level < levels; level += 1) {
    const from = Math.floor((level * kept) / levels);
    const to = Math.floor(((level + 1) * kept) / levels);
    const group = reference.slice(from, to);
    const filled = group.filter((n) => n > 0).length;
    const sum = group.reduce((a, b) => a + b, 0);
    group.forEach((n, i) => (q[from + i] = n > 0 ? sum / filled : 0));
  }
  if ((reference[kept - 1] ?? 0) === 0) q[kept - 1] = 0.5;
  return p.reduce((sum, n, i) => {
    if (n === 0) return sum;
    return sum + (n / total) * Math.log((n * inside) / ((q[i] ?? NaN) * total));
  }, 0);
}

describe('leastDivergence', () => {
  it.each([
    [1, 200, 16],
    [2, 333, 32],
    [3, 90, 8],
    [4, 500, 128],
  ])('finds the clip that trying every one finds (seed %i, %i bins, %i levels)', (seed, bins, levels) => {
    const random = seededRandom(seed);
    const counts = Array.from({ length: bins }, (_, i) => {
      const expected = 3000 * Math.exp((-8 * i) / bins);
      return Math.max(0, Math.round(expected + Math.sqrt(expected) * random.normal() - 2));
    });
    counts[bins - 1] = 1;
    counts[0] = counts[1] ?? 0;
    let best = bins;
    let least = Infinity;
    for (let kept = bins; kept >= levels; kept -= 1) {
      const found = divergence(counts, kept, levels);
      if (found < least - 1e-12) [best, least] = [kept, found];
    }
    const kept = leastDivergence(Float64Array.from(counts), levels);
    expect(divergence(counts, kept, levels)).toBeCloseTo(least, 9);
    expect(kept).toBe(best);
    expect(kept).toBeLessThan(bins);
  });
});
