import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { describeBar, ticksBetween, ticksTo, type LayerBar } from './layer-bar.ts';

const bar: LayerBar = {
  name: 'conv',
  short: 'conv',
  op: 'Conv',
  value: 41.23,
  before: null,
  excluded: false,
  exact: false,
  band: 'high',
};

describe('layer bars', () => {
  it.each([
    [47, [0, 10, 20, 30, 40, 50]],
    [43.6, [0, 10, 20, 30, 40, 50]],
    [100, [0, 20, 40, 60, 80, 100]],
    [0, [0, 1]],
  ])('ticks up to %d', (most, ticks) => expect(ticksTo(most)).toEqual(ticks));

  it('covers any value with few ticks', () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e12, noNaN: true }), (most) => {
        const ticks = ticksTo(most);
        expect(ticks.at(-1) ?? 0).toBeGreaterThanOrEqual(most * (1 - 1e-9));
        expect(ticks.length).toBeLessThanOrEqual(7);
      }),
    );
  });

  it.each([
    [85.2, 94.6, [86, 88, 90, 92, 94]],
    [0.1e6, 1.8e6, [0.5e6, 1e6, 1.5e6]],
    [0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [3, 3, [3]],
  ])('ticks from %d to %d', (low, high, ticks) => expect(ticksBetween(low, high)).toEqual(ticks));

  it('says what a bar means', () => {
    const plain = (one: LayerBar) => describeBar(one).replaceAll('\u202f', ' ');
    expect(plain(bar)).toBe('41.2 dB SQNR');
    expect(plain({ ...bar, exact: true })).toBe('exact: no error');
    expect(plain({ ...bar, excluded: true })).toBe('excluded, stays as it is');
    expect(plain({ ...bar, before: 4000, value: 1040 })).toBe('4.00 kB → 1.04 kB (−74 %)');
  });
});
