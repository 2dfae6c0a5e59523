import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mcNemar, pairedDifference, pairedTest, proportion, quantile, wilsonInterval } from './statistics.ts';

describe('wilsonInterval', () => {
  // scipy 1.17.1, scipy.stats.binomtest(k, n).proportion_ci(method='wilson'). The first three are the examples of Newcombe,
  // Statistics in Medicine 17 (1998) 857-872, whose table I gives 0.2553 to 0.3662, 0.0624 to 0.1605 and 0 to 0.1611.
  it.each([
    [81, 263, 0.2552885198782742, 0.36620957698280004],
    [15, 148, 0.06238639953073629, 0.16048724172330803],
    [0, 20, 0, 0.16112515805281935],
    [1, 29, 0.006113214292762667, 0.17175521879320282],
    [915, 1000, 0.8960871089966437, 0.9307366814603455],
    [0, 10, 0, 0.27753279986288926],
    [10, 10, 0.7224672001371106, 1],
    [50, 100, 0.4038315303659956, 0.5961684696340044],
    [1968, 2000, 0.9775005335818276, 0.9886437646499193],
  ])('of %i out of %i', (hits, of, low, high) => {
    const interval = wilsonInterval(hits, of);
    expect(interval.low).toBeCloseTo(low, 13);
    expect(interval.high).toBeCloseTo(high, 13);
  });

  it('knows nothing of no trials', () => {
    expect(wilsonInterval(0, 0)).toEqual({ low: 0, high: 1 });
    expect(proportion(0, 0).share).toBeNaN();
  });

  it('holds the share, and is the mirror image for misses', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100_000 }), fc.double({ min: 0, max: 1, noNaN: true }), (of, part) => {
        const hits = Math.round(part * of);
        const { low, high, share } = proportion(hits, of);
        expect(low).toBeLessThanOrEqual(share);
        expect(high).toBeGreaterThanOrEqual(share);
        const misses = wilsonInterval(of - hits, of);
        expect(misses.low).toBeCloseTo(1 - high, 12);
        expect(misses.high).toBeCloseTo(1 - low, 12);
      }),
    );
  });
});

describe('mcNemar', () => {
  // scipy 1.17.1, scipy.stats.binomtest(b, b + c, 0.5).pvalue; statsmodels 0.15.0, mcnemar(table, exact=True), agrees. The
  // second is the airway example of Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13:91 (2013).
  it.each([
    [5, 15, 0.04138946533203125],
    [1, 7, 0.0703125],
    [121, 59, 4.4344492637551645e-6],
    [12, 9, 0.6636238098144531],
    [300, 420, 8.807756168615114e-6],
    [2000, 2300, 5.079935568924055e-6],
    [0, 6, 0.03125],
    [5, 0, 0.0625],
    [10, 10, 1],
    [3, 4, 1],
    [3, 5, 0.7265625],
    [0, 0, 1],
  ])('of %i against %i', (before, after, p) => {
    expect(mcNemar(before, after) / p).toBeCloseTo(1, 10);
  });

  it('stays a chance where no factorial fits a double', () => {
    expect(mcNemar(500_000, 500_000)).toBe(1);
    expect(mcNemar(400_000, 600_000)).toBe(0);
    const p = mcNemar(499_000, 501_000);
    // Normal approximation with continuity correction: z = 1999 / 1000.
    expect(p).toBeCloseTo(0.0456, 3);
  });
});

describe('pairedDifference', () => {
  // Given as [both right, only before, only after, both wrong], and before minus after, so that signs turn here. Literals: the
  // formula in Python with the Wilson limits of statsmodels 0.15.0. Newcombe 1998 has 0.0569 to 0.3404 for the first, Fagerland,
  // Lydersen and Laake 2013 have -0.507 to -0.026 for the third; the second is table 6.2 of Altman et al., Statistics with
  // Confidence (2000), the example of the R package biostatUZH.
  it.each([
    [[36, 12, 2, 0], 0.2, 0.0569295840032388, 0.3404276029749408],
    [[14, 5, 0, 22], 0.12195121951219512, 0.011483241383033221, 0.2264926843512112],
    [[1, 1, 7, 12], -0.2857142857142857, -0.506920226686141, -0.025559124164859837],
    [[20, 12, 2, 16], 0.2, 0.05615642484174821, 0.32920699540014053],
    [[43, 0, 1, 0], -0.022727272727272728, -0.1180770969821329, 0.05971800835088899],
  ] as const)('of %j', ([bothRight, onlyBefore, onlyAfter, bothWrong], difference, low, high) => {
    const found = pairedDifference({ bothRight, onlyBefore, onlyAfter, bothWrong });
    expect(found.difference).toBeCloseTo(-difference, 12);
    expect(found.low).toBeCloseTo(-high, 12);
    expect(found.high).toBeCloseTo(-low, 12);
  });

  it('is told in points', () => {
    const test = pairedTest({ bothRight: 90, onlyBefore: 4, onlyAfter: 1, bothWrong: 5 });
    expect(test.differencePoints).toBeCloseTo(-3, 12);
    expect(test.lowPoints).toBeLessThan(-3);
    expect(test.highPoints).toBeGreaterThan(-3);
    expect(test.pValue).toBeCloseTo(0.375, 12);
  });

  it('turns its sign with the models', () => {
    const count = fc.integer({ min: 0, max: 500 });
    fc.assert(
      fc.property(count, count, count, count, (bothRight, onlyBefore, onlyAfter, bothWrong) => {
        fc.pre(bothRight + onlyBefore + onlyAfter + bothWrong > 0);
        const one = pairedDifference({ bothRight, onlyBefore, onlyAfter, bothWrong });
        const other = pairedDifference({ bothRight, onlyBefore: onlyAfter, onlyAfter: onlyBefore, bothWrong });
        expect(one.low).toBeCloseTo(-other.high, 12);
        expect(one.high).toBeCloseTo(-other.low, 12);
        expect(one.low).toBeLessThanOrEqual(one.difference);
        expect(one.high).toBeGreaterThanOrEqual(one.difference);
      }),
    );
  });
});

describe('quantile', () => {
  it('lies between neighbours on a straight line, as numpy.quantile has it', () => {
    const values = [3, 1, 2, 10];
    expect([0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q))).toEqual([1, 1.75, 2.5, 4.75, 10]);
  });

  it('of one value is that value, and of none is unknown', () => {
    expect(quantile([7], 0.25)).toBe(7);
    expect(quantile([], 0.5)).toBeNaN();
  });
});
