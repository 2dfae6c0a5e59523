import { describe, expect, it } from 'vitest';
import type { Evaluation, PairedTest } from '#studio/jobs.ts';
import {
  describePaired,
  describeRatio,
  formatAccuracy,
  formatInterval,
  formatMs,
  formatSigned,
  whyNoAccuracy,
} from './words.ts';

const plain = (text: string) => text.replaceAll('\u202f', ' ');
const paired: PairedTest = {
  bothRight: 820,
  bothWrong: 73,
  onlyBefore: 4,
  onlyAfter: 3,
  pValue: 1,
  differencePoints: -0.11,
  lowPoints: -0.8,
  highPoints: 0.6,
};

describe('figures of an evaluation in words', () => {
  it('gives shares one decimal and says when there is none', () => {
    expect(plain(formatAccuracy(0.9153))).toBe('91.5 %');
    expect(formatAccuracy(Number.NaN)).toBe('unknown');
    expect(plain(formatInterval({ hits: 9, of: 10, share: 0.9, low: 0.596, high: 0.982 }))).toBe('59.6 to 98.2 %');
    expect(formatInterval({ hits: 0, of: 0, share: Number.NaN, low: 0, high: 1 })).toBe('no samples');
  });

  it.each([
    [-0.11, '−0.1'],
    [0.04, '±0.0'],
    [2, '+2.0'],
  ])('signs %d', (value, text) => expect(formatSigned(value)).toBe(text));

  it.each([
    [0.41234, '0.412 ms'],
    [12.345, '12.3 ms'],
    [1234.5, '1235 ms'],
  ])('writes %d ms', (ms, text) => expect(plain(formatMs(ms))).toBe(text));

  it('claims no difference that was not measured', () => {
    expect(describePaired(paired)).toMatch(
      /^No measurable difference: −0\.1 points \(95 % interval −0\.8 to \+0\.6, exact McNemar p = 1\.0\)\. Of 900/,
    );
    expect(describePaired({ ...paired, onlyBefore: 30, pValue: 1e-6, differencePoints: -3 })).toMatch(
      /^Accuracy fell by 3\.0 points .*p < 0\.001/,
    );
    expect(describePaired({ ...paired, onlyBefore: 0, onlyAfter: 0 })).toMatch(/^No difference on any of 893 samples/);
  });

  it('says whether the result is faster only where the quartiles do', () => {
    expect(describeRatio({ median: 0.5, low: 0.48, high: 0.53 })).toMatch(/^2\.00 times as fast/);
    expect(describeRatio({ median: 0.98, low: 0.9, high: 1.1 })).toMatch(/^No measurable difference/);
    expect(describeRatio({ median: 1.3, low: 1.2, high: 1.4 })).toMatch(/^Slower/);
  });

  it('says why there is no accuracy', () => {
    const evaluation = { before: { classification: null } } as Evaluation;
    expect(whyNoAccuracy(evaluation, 0)).toMatch(/no labels/);
    expect(whyNoAccuracy(evaluation, 9)).toMatch(/no output/);
  });
});
