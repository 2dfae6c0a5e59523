import type { NdArray } from '#base/nd-array.ts';
import { describe, expect, it } from 'vitest';
import { numbersOf } from './numbers.ts';
import { feedsFromArrays } from './given-inputs.ts';
import { randomFeeds } from './random-inputs.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';

describe('randomFeeds', () => {
  const slots: SlotInfo[] = [
    { name: 'x', dtype: 'f32', shape: ['batch', 3, null] },
    { name: 'h', dtype: 'f16', shape: [4] },
    { name: 'ids', dtype: 'i64', shape: ['batch', 50] },
    { name: 'attention_mask', dtype: 'i64', shape: ['batch', 2] },
    { name: 'flag', dtype: 'bool', shape: [8] },
    { name: 'sr', dtype: 'i64', shape: [] },
  ];

  it('is the same for the same seed and differs between runs', () => {
    const first = randomFeeds(slots, { runs: 2, seed: 1 });
    expect(randomFeeds(slots, { runs: 2, seed: 1 })).toEqual(first);
    expect(first.feeds[0]).not.toEqual(first.feeds[1]);
    expect(randomFeeds(slots, { runs: 2, seed: 2 }).feeds).not.toEqual(first.feeds);
  });

  it('fills open sizes, keeps ids below their table, and says what it did', () => {
    const { feeds, method } = randomFeeds(slots, {
      runs: 1,
      seed: 1,
      dims: new Map([
        ['batch', 2],
        ['x:2', 5],
      ]),
      limits: new Map([['ids', 7]]),
    });
    const shapes = [...(feeds[0] ?? [])].map(([name, array]) => [name, array.shape]);
    expect(shapes).toEqual([
      ['x', [2, 3, 5]],
      ['h', [4]],
      ['ids', [2, 50]],
      ['attention_mask', [2, 2]],
      ['flag', [8]],
      ['sr', []],
    ]);
    const values = (name: string): number[] => Array.from(numbersOf(feeds[0]?.get(name) as NdArray) ?? []);
    expect(new Set(values('ids'))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
    expect(values('attention_mask')).toEqual([1, 1, 1, 1]);
    expect(values('sr')).toEqual([16_000]);
    expect(method).toBe(
      '1 run on seeded random inputs (seed 1, floats normal with deviation 1, sr = 16000, batch = 2, x:2 = 5)',
    );
  });

  it('makes loud and quiet signals in turn', () => {
    const wide: SlotInfo = { name: 'x', dtype: 'f32', shape: [1000] };
    const { feeds, method } = randomFeeds([wide], { runs: 5, seed: 1 });
    const sizes = feeds.map((feed) => {
      const values = Array.from(numbersOf(feed.get('x') as NdArray) ?? []);
      return Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
    });
    expect(sizes.map((size) => Number(size.toPrecision(1)))).toEqual([1, 0.1, 0.01, 0.3, 1]);
    expect(method).toContain('deviation 1, 0.1, 0.01, 0.3');
  });

  it('takes fixed values', () => {
    const { feeds, method } = randomFeeds(slots, { runs: 1, seed: 1, values: new Map([['sr', 8000]]) });
    expect(feeds[0]?.get('sr')?.data).toEqual(new BigInt64Array([8000n]));
    expect(method).toContain('sr = 8000');
  });

  it('refuses text', () => {
    const text: SlotInfo = { name: 'words', dtype: 'string', shape: [1] };
    expect(() => randomFeeds([text], { runs: 1, seed: 1 })).toThrow(/^input words: .*text/);
  });
});

describe('feedsFromArrays', () => {
  const x: SlotInfo = { name: 'x', dtype: 'f32', shape: ['n', 2] };
  const k: SlotInfo = { name: 'k', dtype: 'i64', shape: [] };
  const array = (shape: number[], values: number[]): NdArray => ({
    dtype: 'f64',
    shape,
    data: new Float64Array(values),
  });

  it('takes a single array under any name and converts its type', () => {
    const { feeds, method } = feedsFromArrays([x], new Map([['arr_0', array([1, 2], [1, 2])]]), 'in.npz');
    expect(feeds).toEqual([new Map([['x', { dtype: 'f32', shape: [1, 2], data: new Float32Array([1, 2]) }]])]);
    expect(method).toBe('1 run on in.npz');
  });

  it('splits runs off the front and reuses single ones', () => {
    const arrays = new Map([
      ['x', array([2, 1, 2], [1, 2, 3, 4])],
      ['k', array([], [5])],
    ]);
    const { feeds } = feedsFromArrays([x, k], arrays, 'in.npz');
    expect(feeds.map((feed) => [feed.get('x')?.data, feed.get('k')?.data])).toEqual([
      [new Float32Array([1, 2]), new BigInt64Array([5n])],
      [new Float32Array([3, 4]), new BigInt64Array([5n])],
    ]);
  });

  it.each([
    ['an input without an array', [x, k], [['x', array([1, 2], [1, 2])]], /in\.npz: there is no array for the input k/],
    [
      'a shape that does not fit',
      [x],
      [['x', array([3], [1, 2, 3])]],
      /in\.npz, array x: its shape \[3\] does not fit/,
    ],
    [
      'run counts that differ',
      [x, k],
      [
        ['x', array([2, 1, 2], [1, 2, 3, 4])],
        ['k', array([3], [1, 2, 3])],
      ],
      /array x: it has 2 runs where another array has 3/,
    ],
  ] as [string, SlotInfo[], [string, NdArray][], RegExp][])('refuses %s', (_, slots, arrays, message) => {
    expect(() => feedsFromArrays(slots, new Map(arrays), 'in.npz')).toThrow(message);
  });
});
