import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from './random.ts';

describe('seededRandom', () => {
  it('gives the same numbers for the same seed, and others for another', () => {
    const first = Array.from({ length: 5 }, seededRandom(7).bits);
    expect(Array.from({ length: 5 }, seededRandom(7).bits)).toEqual(first);
    expect(Array.from({ length: 5 }, seededRandom(8).bits)).not.toEqual(first);
    expect(Array.from({ length: 5 }, seededRandom(-7).bits)).not.toEqual(first);
  });

  it('draws integers below any limit, all of them', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 32 }), fc.integer(), (limit, seed) => {
        const drawn = seededRandom(seed).below(limit);
        expect(drawn).toBeGreaterThanOrEqual(0);
        expect(drawn).toBeLessThan(limit);
      }),
    );
    const random = seededRandom(1);
    expect(new Set(Array.from({ length: 200 }, () => random.below(6))).size).toBe(6);
  });

  it('has the mean and variance of the distributions it names', () => {
    const random = seededRandom(3);
    const count = 40_000;
    let sum = 0;
    let squares = 0;
    let uniform = 0;
    for (let i = 0; i < count; i++) {
      const x = random.normal();
      sum += x;
      squares += x * x;
      uniform += random.uniform();
    }
    // Five standard errors: 5 / sqrt(n), 5 sqrt(2 / n) and 5 / sqrt(12 n).
    expect(Math.abs(sum / count)).toBeLessThan(5 / Math.sqrt(count));
    expect(Math.abs(squares / count - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
    expect(Math.abs(uniform / count - 0.5)).toBeLessThan(5 / Math.sqrt(12 * count));
  });
});
