import { describe, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { PareError } from '#base/failure.ts';
import type { Sample } from '#data/samples.ts';
import { evaluateModels } from './evaluate.ts';
import type { EvaluationWork } from './evaluate.ts';
import { echo, f32, row, samplesFrom, sessionOf, unreadable } from './testing/samples.ts';

function evaluate(list: readonly (Sample | Error)[], more: Partial<EvaluationWork> = {}) {
  return evaluateModels({
    before: echo(),
    after: null,
    samples: samplesFrom(list),
    runtime: 'a function',
    ...more,
  });
}

const twice = (value: number): number => 2 * value;
/** The answer 0 is always preferred a little. */
const biased = (value: number, index: number): number => (index === 0 ? value + 1.5 : value);

describe('evaluateModels', () => {
  const list = [row('a', [3, 0], [0]), row('b', [0, 1], [1]), row('c', [0, 3], [1]), row('d', [0, 1], [0])];

  it('counts one model', async () => {
    const { before, after, agreement, paired, latency, data, runtime } = await evaluate(list);
    expect([before.samples, before.classification?.top1.hits, before.golden]).toEqual([4, 3, []]);
    expect([after, agreement, paired, latency]).toEqual([null, [], null, null]);
    expect([data, runtime]).toEqual(['4 samples of a test', 'a function']);
  });

  it('counts two models in one pass over the data, pair by pair', async () => {
    const samples = samplesFrom(list);
    const { before, after, agreement, paired } = await evaluate([], { samples, after: echo(biased) });
    expect(samples.asked).toEqual([0, 1, 2, 3]);
    expect([before.classification?.top1.hits, after?.classification?.top1.hits]).toEqual([3, 3]);
    expect(paired).toMatchObject({ bothRight: 2, onlyBefore: 1, onlyAfter: 1, bothWrong: 0, pValue: 1 });
    expect(paired?.differencePoints).toBe(0);
    expect(agreement.map(({ name, top1, maxAbs }) => [name, top1?.hits, maxAbs])).toEqual([['y', 2, 1.5]]);
  });

  it('skips what cannot be read, counts it and lists it', async () => {
    const { before, failures, notices } = await evaluate([list[0]!, unreadable('broken.png'), list[1]!]);
    expect(before.samples).toBe(2);
    expect(failures).toEqual([{ sample: 'broken.png', problem: 'broken.png: it is no picture.' }]);
    expect(notices.map((notice) => notice.text)).toContain('1 of 3 samples could not be read and are left out.');
    await expect(evaluate([unreadable('a.png'), unreadable('b.png')])).rejects.toThrow(
      'none of the 2 samples can be read; the first failed like this: a.png: it is no picture.',
    );
    await expect(evaluate([])).rejects.toThrow('there are no samples');
  });

  it('stops at other errors, and names the sample that a run failed on', async () => {
    await expect(evaluate([list[0]!, new TypeError('a bug')])).rejects.toThrow('a bug');
    const bad: Sample = { name: 'row 7', feeds: new Map(), classes: null };
    await expect(evaluate([list[0]!, bad])).rejects.toThrow('input x, sample row 7: the data gives no value for it.');
    const failing = sessionOf(() => {
      throw new PareError({ code: 'runtime/run', problem: 'the sizes do not fit.' });
    });
    await expect(evaluate(list, { after: failing })).rejects.toThrow('sample a: the sizes do not fit.');
  });

  it('gives each model its inputs in its own element types', async () => {
    const seen: string[] = [];
    const after = sessionOf(
      (feeds) => {
        seen.push(...[...feeds.values()].map((array) => array.dtype));
        return { y: f32([1, 2], [1, 0]) };
      },
      ['y'],
      [{ name: 'x', dtype: 'f16', shape: [1, 2] }],
    );
    await evaluate(list.slice(0, 1), { after });
    expect(seen).toEqual(['f16']);
  });

  it('lets each model carry its own state within a sequence', async () => {
    // y = x + state, and the state becomes y, times two in the result.
    const counter = (factor: number) =>
      sessionOf(
        (feeds) => {
          const sum = Number(feeds.get('x')?.data[0]) + Number(feeds.get('state')?.data[0]);
          return { y: f32([1, 1], [sum]), next: f32([1], [factor * sum]) };
        },
        ['y', 'next'],
        [
          { name: 'x', dtype: 'f32', shape: [1, 1] },
          { name: 'state', dtype: 'f32', shape: [1] },
        ],
      );
    const step = (name: string, x: number, sequence: string, expected: number): Sample => ({
      name,
      feeds: new Map([
        ['x', f32([1, 1], [x])],
        ['state', f32([1], [0])],
      ]),
      classes: null,
      sequence,
      expected: new Map([['y', f32([1, 1], [expected])]]),
    });
    const steps = [step('a1', 1, 'a', 1), step('a2', 2, 'a', 3), step('a3', 4, 'a', 7), step('b1', 8, 'b', 8)];
    const { before, after } = await evaluate([], {
      before: counter(1),
      after: counter(2),
      samples: samplesFrom(steps, new Map([['state', 'next']])),
    });
    expect(before.golden.map(({ name, maxAbs }) => [name, maxAbs])).toEqual([['y', 0]]);
    // 1, 2 + 2, 4 + 8, 8 against 1, 3, 7, 8.
    expect(after?.golden[0]?.maxAbs).toBe(5);
    const broken = samplesFrom(steps, new Map([['state', 'nowhere']]));
    await expect(evaluate([], { before: counter(1), samples: broken })).rejects.toThrow('has no output nowhere');
    const forgetful = sessionOf(() => ({ y: f32([1, 1], [0]) }));
    const work = { before: counter(1), after: forgetful, samples: samplesFrom(steps, new Map([['state', 'next']])) };
    await expect(evaluate([], work)).rejects.toThrow('output next: state is carried from it to input state');
  });

  it('notices values that are no numbers, by output and first sample', async () => {
    const { notices } = await evaluate([row('a', [1, 2]), row('b', [-1, -2]), row('c', [-1, 1])], {
      before: echo((value) => Math.log(value)),
    });
    expect(notices).toContainEqual({
      level: 'warning',
      code: 'evaluate/not-finite',
      text: '3 values are NaN or infinite in the output of the model, first for b.',
      at: 'y',
    });
  });

  it('measures agreement alone where outputs are no scores, or nothing is labelled', async () => {
    const frames = (session: (feeds: ReadonlyMap<string, NdArray>) => NdArray) =>
      sessionOf((feeds) => ({ y: session(feeds) }));
    const perFrame = frames((feeds) => f32([2, 2], [...(feeds.get('x')!.data as Float32Array), 1, 2]));
    const framed = await evaluate(list, { before: perFrame, after: perFrame });
    expect([framed.before.classification, framed.paired]).toEqual([null, null]);
    expect(framed.agreement[0]?.top1?.of).toBe(8);
    const unlabelled = await evaluate([row('a', [1, 2])], { after: echo(twice) });
    expect([unlabelled.before.classification, unlabelled.paired]).toEqual([null, null]);
    expect(unlabelled.agreement[0]?.sqnrDb).toBe(0);
  });

  it('says how many samples have no label, and that few say little', async () => {
    const { notices, before } = await evaluate([...list, row('e', [1, 2])]);
    expect(before.classification?.top1.of).toBe(4);
    expect(notices.map((notice) => notice.code)).toEqual(['evaluate/unlabelled', 'evaluate/few-samples']);
  });

  it('refuses labels outside the classes, and does not take a lone number for a class', async () => {
    await expect(evaluate([row('a', [1, 2], [2])])).rejects.toThrow('its label is class 2, but output y has 2 classes');
    const price = await evaluate([row('a', [1], [1]), row('b', [250_000], [34])]);
    expect(price.before.classification).toBeNull();
    expect(price.notices.map((notice) => notice.text)).toContain('it is one number, and b is labelled 34, not 0 or 1.');
  });

  it('says which outputs could not be compared', async () => {
    const after = sessionOf(() => ({ y: f32([1, 3], [1, 2, 3]) }), ['y']);
    const both = sessionOf(() => ({ y: f32([1, 2], [1, 2]), z: f32([1], [1]) }), ['y', 'z']);
    const { agreement, notices } = await evaluate([row('a', [1, 2])], { before: both, after });
    expect(agreement).toEqual([]);
    expect(notices.map((notice) => [notice.code, notice.at])).toEqual([
      ['compare/missing-output', 'z'],
      ['compare/not-comparable', 'y'],
    ]);
    const other = sessionOf(() => ({}), ['other']);
    await expect(evaluate(list, { after: other })).rejects.toThrow('no output in common: y against other');
  });

  it('keeps the largest memory seen, or why there is none', async () => {
    let bytes = 0;
    const probe = { sampleBytes: () => [100, 300, 200, 50][bytes++ % 4] ?? 0, method: 'counted by a test' };
    const { before, after } = await evaluate(list, { after: echo(), memory: { before: probe, after: null } });
    expect([before.peakBytes, before.peakMethod]).toEqual([300, 'counted by a test']);
    expect(after?.peakBytes).toBeNull();
    expect(after?.peakMethod).toContain('not measured');
  });

  it('stops between samples when cancelled', async () => {
    const controller = new AbortController();
    const samples = samplesFrom(list);
    const onProgress = (): void => controller.abort();
    await expect(evaluate([], { samples, signal: controller.signal, onProgress })).rejects.toThrow('Cancelled');
    expect(samples.asked.length).toBeLessThan(4);
  });

  it('times both models on the first sample when asked to', async () => {
    let now = 0;
    const { latency } = await evaluate(list, { after: echo(), latency: { runs: 3, warmUp: 1, clock: () => now++ } });
    expect(latency?.before).toEqual({ medianMs: 1, lowMs: 1, highMs: 1, minMs: 1, runs: 3 });
    expect(latency?.ratio).toEqual({ median: 1, low: 1, high: 1 });
  });
});
