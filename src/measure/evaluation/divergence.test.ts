import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { outputMeter } from '#measure/output-meter.ts';
import { rowDivergence } from './divergence.ts';
import { f32 } from './testing/samples.ts';

function of(x: readonly number[], y: readonly number[]): number {
  return rowDivergence(x, y, 0, x.length);
}

describe('rowDivergence', () => {
  // scipy 1.17.1: entropy(p, q); entropy(softmax(x), softmax(y)).
  it('of chances', () => {
    expect(of([0.5, 0.3, 0.2], [0.4, 0.4, 0.2])).toBeCloseTo(0.025267153921570557, 14);
    expect(of([1, 0], [0.5, 0.5])).toBeCloseTo(Math.LN2, 14);
  });

  it('of logits', () => {
    expect(of([2, 1, -1], [1.5, 1.25, -0.5])).toBeCloseTo(0.07051279154473344, 14);
    expect(of([1000, 0], [0, 1000])).toBeCloseTo(1000, 10);
    expect(of([-2000, -2001], [-2000, -2001])).toBe(0);
  });

  it('has a bound where a chance was rounded to zero', () => {
    expect(of([0.5, 0.5], [1, 0])).toBeCloseTo(0.5 * Math.log(0.5) + 0.5 * Math.log(0.5 * 2 ** 24), 12);
  });

  it('divides chances of the result by their sum', () => {
    expect(of([0.5, 0.5], [0.498, 0.498])).toBeCloseTo(0, 15);
  });

  it('is the same for logits that are shifted, never negative, and zero of a row to itself', () => {
    const logits = fc.array(fc.double({ min: -50, max: 50, noNaN: true }), { minLength: 3, maxLength: 3 });
    fc.assert(
      fc.property(logits, logits, fc.double({ min: -100, max: 100, noNaN: true }), (x, y, shift) => {
        fc.pre(x.some((value) => value < -0.01) || x.reduce((sum, value) => sum + value, 0) > 1.1);
        const divergence = of(x, y);
        expect(divergence).toBeGreaterThanOrEqual(0);
        expect(
          of(
            x,
            y.map((value) => value + shift),
          ),
        ).toBeCloseTo(divergence, 8);
        expect(of(x, x)).toBe(0);
      }),
    );
  });
});

describe('agreement of outputs', () => {
  function agreement(shape: number[], x: number[], y: number[]) {
    const meter = outputMeter('y');
    expect(meter.add(f32(shape, x), f32(shape, y))).toBeUndefined();
    return meter.agreement();
  }

  it('has intervals, and a threshold where the original stays within 0 to 1', () => {
    const { top1, threshold, klNats, mse } = agreement([2, 2], [0.25, 0.75, 0.5, 0.5], [0.75, 0.25, 0.5, 0.4]);
    expect([top1?.hits, top1?.of, threshold?.hits, threshold?.of]).toEqual([1, 2, 1, 4]);
    expect(mse).toBeCloseTo((0.25 + 0.25 + 0 + 0.01) / 4, 7);
    expect(klNats).toBeGreaterThan(0);
    expect(agreement([2], [0.5, 1.5], [0.5, 1.5]).threshold).toBeNull();
  });

  it('has no divergence where that means nothing', () => {
    expect(agreement([1, 1], [0.5], [0.5]).klNats).toBeNull();
    expect(agreement([1, 1, 1, 2], [1, 2], [1, 2]).klNats).toBeNull();
    expect(agreement([1, 2], [1, NaN], [1, 2]).klNats).toBeNull();
    expect(agreement([1, 2], [1, 3], [1, 3]).klNats).toBe(0);
  });
});
