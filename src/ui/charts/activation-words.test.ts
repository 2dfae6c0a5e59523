import { describe, expect, it } from 'vitest';
import type { ActivationView } from '#studio/jobs.ts';
import { bitsOfLevels, cutsAtZero, formatClipped, gridOf } from './activation-words.ts';

const view = { scale: 0.5, zeroPoint: 2, levels: 'u2' } as ActivationView;

describe('activations in words', () => {
  it.each([
    [0, 'none'],
    [0.000012, '0.0012 %'],
    [0.0123, '1.2 %'],
  ])('writes the clipped share %d', (share, text) => expect(formatClipped(share).replace('\u202f', ' ')).toBe(text));

  it('knows the width of levels by their name', () => {
    expect(['uint8', 'int16', 'u4', null].map(bitsOfLevels)).toEqual([8, 16, 4, null]);
  });

  it('knows the range of a folded Relu', () => {
    expect(cutsAtZero({ low: 0, min: -3 })).toBe(true);
    expect(cutsAtZero({ low: 0, min: 0 })).toBe(false);
    expect(cutsAtZero({ low: -1, min: -3 })).toBe(false);
  });

  it('gives the real values of the levels', () => {
    expect(gridOf(view)).toEqual([-1, -0.5, 0, 0.5]);
    expect(gridOf({ ...view, levels: 'i2', zeroPoint: 0 })).toEqual([-1, -0.5, 0, 0.5]);
    expect(gridOf({ ...view, levels: 'uint16' })).toEqual([]);
    expect(gridOf({ ...view, scale: null })).toEqual([]);
  });
});
