import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { firstLargest } from '#measure/numbers.ts';
import { classifierMeter } from './classifier.ts';
import { scoresOutput } from './scores.ts';
import { f32 } from './testing/samples.ts';

describe('classifierMeter', () => {
  it('fills the table of classes and the confusion matrix', () => {
    const meter = classifierMeter('y', 3);
    meter.add('a', [9, 1, 0], [0]);
    meter.add('b', [1, 9, 0], [0]);
    meter.add('c', [1, 9, 0], [1]);
    meter.add('d', [9, 1, 0], [2]);
    const { top1, top5, rows, confusion, classes } = meter.figures(['cat', 'dog']);
    expect([top1.hits, top1.of, top1.share, top5, classes]).toEqual([2, 4, 0.5, null, 3]);
    expect(confusion).toEqual([
      [1, 1, 0],
      [0, 1, 0],
      [1, 0, 0],
    ]);
    expect(rows.map(({ name, samples, predicted }) => [name, samples, predicted])).toEqual([
      ['cat', 2, 2],
      ['dog', 1, 2],
      ['2', 1, 0],
    ]);
    expect(rows.map(({ recall, precision }) => [recall.share, precision.share])).toEqual([
      [0.5, 0.5],
      [1, 0.5],
      [0, NaN],
    ]);
    expect(meter.right()).toEqual([true, false, true, false]);
  });

  it('counts a sample that accepts several classes for the one it was predicted as, else for the first', () => {
    const meter = classifierMeter('y', 3);
    meter.add('a', [0, 0, 1], [1, 2]);
    meter.add('b', [1, 0, 0], [1, 2]);
    expect(meter.figures().confusion).toEqual([
      [0, 0, 0],
      [1, 0, 0],
      [0, 0, 1],
    ]);
  });

  it('counts the first five, equal scores in the order of their classes', () => {
    const meter = classifierMeter('y', 7);
    const scores = [1, 2, 2, 2, 2, 2, 3];
    // Ranks: 6, then 1 to 5, then 0; the fifth place is class 4.
    for (const label of [6, 1, 4, 5, 0]) meter.add('s', scores, [label]);
    const { top1, top5 } = meter.figures();
    expect([top1.hits, top5?.hits, top5?.of]).toEqual([1, 3, 5]);
  });

  it('never counts a score that is NaN among the first five', () => {
    const meter = classifierMeter('y', 6);
    meter.add('s', [NaN, NaN, NaN, NaN, NaN, NaN], [0]);
    expect(meter.figures().top5?.hits).toBe(0);
  });

  it.each([
    ['chances', [0.2, 0.5, 0.9, 0.49], [0, 1, 1, 0]],
    ['logits', [-3, 0, 0.2, -0.1], [0, 1, 1, 0]],
  ])('takes a lone output of %s as yes or no', (_, scores, answers) => {
    const meter = classifierMeter('y', 1);
    for (const [i, score] of scores.entries()) meter.add('s', [score], [answers[i] ?? -1]);
    const { top1, classes, confusion } = meter.figures();
    expect([top1.share, classes, confusion]).toEqual([
      1,
      2,
      [
        [2, 0],
        [0, 2],
      ],
    ]);
  });

  it('lists of very many classes those that occur in either model', () => {
    const one = classifierMeter('y', 1000);
    const scores = (at: number): number[] => Array.from({ length: 1000 }, (_, i) => (i === at ? 1 : 0));
    one.add('a', scores(7), [3]);
    expect(one.figures().rows.map((row) => row.index)).toEqual([3, 7]);
    expect(one.figures(null, new Set([3, 7, 12])).rows.map((row) => row.index)).toEqual([3, 7, 12]);
    expect(one.figures().confusion).toEqual([
      [0, 1],
      [0, 0],
    ]);
  });

  it.each([3, -1, 0.5])('refuses the label %d of three classes, with the sample named', (label) => {
    const meter = classifierMeter('scores', 3);
    expect(() => meter.add('cats/1.png', [1, 2, 3], [label])).toThrow(
      /^cats\/1\.png: its label is class .* output scores has 3 classes, 0 to 2\./,
    );
  });

  it('has tables that add up', () => {
    const sample = fc.tuple(fc.array(fc.double({ noNaN: true }), { minLength: 6, maxLength: 6 }), fc.nat({ max: 5 }));
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1 }), (list) => {
        const meter = classifierMeter('y', 6);
        for (const [scores, label] of list) meter.add('s', scores, [label]);
        const { top1, top5, confusion, rows } = meter.figures();
        const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
        expect(sum(confusion.flat())).toBe(list.length);
        expect(sum(rows.map((row) => row.recall.hits))).toBe(top1.hits);
        expect(sum(rows.map((row) => row.predicted))).toBe(list.length);
        expect(top5?.hits).toBeGreaterThanOrEqual(top1.hits);
        expect(meter.right().filter(Boolean).length).toBe(top1.hits);
      }),
    );
  });
});

describe('firstLargest', () => {
  it.each([
    [[1, 3, 3], 1],
    [[NaN, 1], 1],
    [[NaN, NaN], 0],
    [[-Infinity, -5], 1],
  ])('of %j is %i', (scores, index) => expect(firstLargest(scores)).toBe(index));
});

describe('scoresOutput', () => {
  const none = new Set<string>();
  const outputs = {
    length: { dtype: 'i64', shape: [1, 3], data: new BigInt64Array(3) } as const,
    frames: f32([1, 4, 3], new Float32Array(12)),
    scores: f32([1, 3, 1, 1], [1, 2, 3]),
    chance: f32([1, 1], [0.5]),
    levels: { dtype: 'i8', shape: [1, 3], data: Int8Array.of(-128, 5, 127) } as const,
  };
  const of = (...names: (keyof typeof outputs)[]) => new Map(names.map((name) => [name, outputs[name]]));

  it('is the first float output that is one row, wherever its long axis is', () => {
    expect(scoresOutput(of('length', 'frames', 'chance', 'scores'), undefined, none)).toBe('scores');
  });

  it('is a row of levels where no float is one', () => {
    expect(scoresOutput(of('length', 'levels'), undefined, none)).toBe('levels');
    expect(scoresOutput(of('levels', 'scores'), undefined, none)).toBe('scores');
  });

  it('is a lone number where that is all there is, states left aside', () => {
    expect(scoresOutput(of('chance', 'frames'), undefined, new Set(['frames']))).toBe('chance');
    expect(scoresOutput(of('chance', 'frames'), undefined, none)).toBeNull();
    expect(scoresOutput(of('length', 'frames'), undefined, none)).toBeNull();
  });

  it('is the one asked for, if it can be', () => {
    expect(scoresOutput(of('scores', 'chance'), 'chance', none)).toBe('chance');
    expect(() => scoresOutput(of('scores'), 'logits', none)).toThrow(/output logits: the model has no output/);
    expect(() => scoresOutput(of('frames'), 'frames', none)).toThrow(/gave f32\[1, 4, 3\], which is not one row/);
  });
});
