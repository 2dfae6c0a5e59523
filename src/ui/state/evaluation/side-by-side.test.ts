import { describe, expect, it } from 'vitest';
import type { VariantEvaluation } from '#ui/state/session/variants.ts';
import { layerLines, sideLines, type Side } from './side-by-side.ts';

const evaluation = (share: number, dataKey: string = 'd'): VariantEvaluation => ({
  dataKey,
  data: '900 samples',
  samples: 900,
  top1: { hits: share * 900, of: 900, share, low: share - 0.02, high: share + 0.02 },
  top1Before: null,
  top5: null,
  paired: null,
  agreement: null,
  sqnrDb: 30,
  cosine: null,
  klNats: null,
  latency: null,
});
const side = (fileBytes: number, evaluated: VariantEvaluation | null): Side => ({
  key: String(fileBytes),
  title: '',
  recipe: null,
  fileBytes,
  counted: true,
  weightSqnrDb: 40,
  evaluation: evaluated,
  layerNoise: null,
});
const difference = (a: Side, b: Side, label: string) =>
  sideLines(a, b)
    .find((line) => line.label === label)
    ?.difference.text.replaceAll('\u202f', ' ');

describe('two variants side by side', () => {
  it('have their figures held against each other, with what the intervals allow to say', () => {
    const a = side(1000, evaluation(0.9));
    expect(difference(a, side(250, null), 'File size')).toBe('−75 %');
    expect(difference(a, side(250, evaluation(0.89)), 'Top-1')).toBe('−1.0 points');
    expect(difference(a, side(250, evaluation(0.8)), 'Top-1')).toBe('−10.0 points');
    const under = (b: Side) => sideLines(a, b).find((line) => line.label === 'Top-1')?.difference.under;
    expect(under(side(250, evaluation(0.89)))).toBe('intervals overlap');
    expect(under(side(250, evaluation(0.8)))).toBe('intervals apart');
    expect(difference(a, side(250, evaluation(0.8)), 'Outputs SQNR')).toBe('±0.0 dB');
  });

  it('are not compared where one is unknown or measured on other data', () => {
    const a = side(1000, evaluation(0.9));
    expect(difference(a, side(250, null), 'Top-1')).toBe('–');
    expect(difference(a, side(250, evaluation(0.8, 'e')), 'Top-1')).toBe('other data');
    expect(sideLines(a, side(250, null)).find((line) => line.label === 'Top-1')?.b.text).toBe('unknown');
  });

  it('list layers by what changes most', () => {
    const lines = layerLines({ a: 30, b: 40, c: 20 }, { a: 31, b: 20, d: 9 });
    expect(lines.map((line) => [line.layer, line.difference])).toEqual([
      ['b', -20],
      ['a', 1],
      ['c', null],
      ['d', null],
    ]);
  });
});
