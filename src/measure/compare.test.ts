import type { NdArray } from '#base/nd-array.ts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';
import { compareSessions } from './compare.ts';
import { outputMeter } from './output-meter.ts';
import type { OutputFigures } from './output-meter.ts';

function f32(shape: number[], values: number[]): NdArray {
  return { dtype: 'f32', shape, data: new Float32Array(values) };
}

function figuresOf(x: NdArray, y: NdArray): OutputFigures {
  const meter = outputMeter('y');
  expect(meter.add(x, y)).toBeUndefined();
  return meter.figures();
}

describe('outputMeter', () => {
  it('computes the figures of a small example', () => {
    const { sqnrDb, cosine, maxAbs, mse, top1Agreement, count, shape } = figuresOf(
      f32([2, 2], [1, 2, 3, 4]),
      f32([2, 2], [1, 2, 3, 2]),
    );
    expect(sqnrDb).toBeCloseTo(10 * Math.log10(30 / 4), 12);
    expect(cosine).toBeCloseTo((1 + 4 + 9 + 8) / Math.sqrt(30 * 18), 12);
    expect([maxAbs, mse, top1Agreement, count, shape]).toEqual([2, 1, 0.5, 4, [2, 2]]);
  });

  it.each([
    ['equal values', [1, -2], [1, -2], { sqnrDb: Infinity, cosine: 1, maxAbs: 0 }],
    ['zeros in both', [0, 0], [0, 0], { sqnrDb: Infinity, cosine: 1, maxAbs: 0 }],
    ['a result where there was silence', [0, 0], [1, 0], { sqnrDb: -Infinity, cosine: 0, maxAbs: 1 }],
    ['NaN in both', [NaN, 1], [NaN, 1], { sqnrDb: Infinity, cosine: 1, maxAbs: 0 }],
    ['the same infinity', [-Infinity, 1], [-Infinity, 1], { sqnrDb: Infinity, cosine: 1, maxAbs: 0 }],
    ['a number that became NaN', [1, 1], [NaN, 1], { sqnrDb: -Infinity, cosine: 1, maxAbs: Infinity }],
    ['an infinity of the other sign', [Infinity, 1], [-Infinity, 1], { sqnrDb: -Infinity, maxAbs: Infinity }],
  ])('judges %s', (_, x, y, expected) => {
    expect(figuresOf(f32([2], x), f32([2], y))).toMatchObject(expected);
  });

  it('counts elements that are not finite', () => {
    const { notFinite } = figuresOf(f32([3], [NaN, 1, 2]), f32([3], [NaN, Infinity, 2]));
    expect(notFinite).toEqual({ original: 1, result: 2 });
  });

  it('compares element types by value', () => {
    const half: NdArray = { dtype: 'f16', shape: [2], data: new Uint16Array([0x3c00, 0xc000]) };
    const long: NdArray = { dtype: 'i64', shape: [2], data: new BigInt64Array([1n, -2n]) };
    expect(figuresOf(f32([2], [1, -2]), half).maxAbs).toBe(0);
    expect(figuresOf(long, half).maxAbs).toBe(0);
  });

  it('has no top-1 agreement where the last axis has one element', () => {
    expect(figuresOf(f32([3, 1], [1, 2, 3]), f32([3, 1], [1, 2, 3])).top1Agreement).toBeNull();
    expect(figuresOf(f32([], [1]), f32([], [1])).top1Agreement).toBeNull();
  });

  it('says why an output cannot be compared, and then has no figures', () => {
    const meter = outputMeter('y');
    expect(meter.add(f32([2], [1, 2]), f32([1, 2], [1, 2]))).toBe('has shape [1, 2] instead of [2]');
    const text: NdArray = { dtype: 'string', shape: [1], data: ['a'] };
    expect(meter.add(text, text)).toContain('text');
    expect(meter.figures().sqnrDb).toBeNaN();
  });

  it('gives the same figures in one run as in several, and obeys their bounds', () => {
    const value = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 });
    const pairs = fc.array(fc.tuple(value, value), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(pairs, (list) => {
        const whole = figuresOf(
          f32(
            [list.length],
            list.map(([x]) => x),
          ),
          f32(
            [list.length],
            list.map(([, y]) => y),
          ),
        );
        const meter = outputMeter('y');
        for (const [x, y] of list) meter.add(f32([1], [x]), f32([1], [y]));
        const parts = meter.figures();
        expect([parts.sqnrDb, parts.cosine, parts.maxAbs, parts.mse]).toEqual([
          whole.sqnrDb,
          whole.cosine,
          whole.maxAbs,
          whole.mse,
        ]);
        expect(Math.abs(whole.cosine)).toBeLessThanOrEqual(1);
        expect(whole.mse).toBeLessThanOrEqual(whole.maxAbs ** 2 * (1 + 1e-12));
      }),
    );
  });
});

function session(
  inputs: SlotInfo[],
  outputs: SlotInfo[],
  run: (feeds: ReadonlyMap<string, NdArray>) => NdArray[],
): Session {
  return {
    inputs,
    outputs,
    run: async (feeds) => new Map(run(feeds).map((array, i) => [outputs[i]?.name ?? '', array])),
    close: async () => {},
  };
}

const slot = (name: string, dtype: SlotInfo['dtype'] = 'f32'): SlotInfo => ({ name, dtype, shape: [2] });

describe('compareSessions', () => {
  const original = session([slot('x')], [slot('y'), slot('z')], (feeds) => {
    const x = feeds.get('x');
    return x === undefined ? [] : [x, x];
  });

  it('hands both models the same values, in the type each wants', async () => {
    const seen: string[] = [];
    const result = session([slot('x', 'f16')], [slot('y'), slot('z')], (feeds) => {
      seen.push(...[...feeds.values()].map((array) => array.dtype));
      return [f32([2], [1, 2]), f32([2], [1, 3])];
    });
    const { outputs, runs } = await compareSessions(original, result, [new Map([['x', f32([2], [1, 2])]])]);
    expect(seen).toEqual(['f16']);
    expect(runs).toBe(1);
    expect(outputs.map((output) => [output.name, output.maxAbs])).toEqual([
      ['y', 0],
      ['z', 1],
    ]);
  });

  it('names an output that the result lacks, and refuses models without common outputs', async () => {
    const feeds = [new Map([['x', f32([2], [1, 2])]])];
    const less = session([slot('x')], [slot('y')], () => [f32([2], [1, 2])]);
    const { outputs, notices } = await compareSessions(original, less, feeds);
    expect(outputs.map((output) => output.name)).toEqual(['y']);
    expect(notices.map((notice) => [notice.code, notice.at])).toEqual([['compare/missing-output', 'z']]);
    const other = session([slot('x')], [slot('w')], () => []);
    await expect(compareSessions(original, other, feeds)).rejects.toThrow('no output in common: y, z against w');
  });

  it('stops between runs when cancelled', async () => {
    const controller = new AbortController();
    controller.abort();
    const feeds = [new Map([['x', f32([2], [1, 2])]])];
    await expect(compareSessions(original, original, feeds, { signal: controller.signal })).rejects.toThrow(
      'Cancelled',
    );
  });
});
