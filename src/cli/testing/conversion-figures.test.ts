/** The yardstick that conversions are held to, held itself to cases that can be done by hand. */
import { describe, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { parseModel } from '#ir/parse.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { broken, Gatherer } from './conversion-figures.ts';
import type { OutputFigures, Rule } from './conversion-figures.ts';
import type { OracleOutput } from './conversion-oracles.ts';
import { feedsFor, matched, transposesOf } from './conversion-trials.ts';
import { generated } from './generated-input.ts';

const TRANSPOSES = `model "m" opset onnx 17 ir 8
graph main(%x: f32[2, 3]) -> (%y) {
  %scale: f32[] = const [0.5]
  %zero: i8[] = const [0]
  %levels = QuantizeLinear(%x, %scale, %zero) @levels
  %real = DequantizeLinear(%levels, %scale, %zero) @real
  %first = Transpose(%real) {perm: ints[1, 0]} @first
  %a = Relu(%first) @a
  %middle = Transpose(%a) {perm: ints[1, 0]} @middle
  %b = Relu(%middle) @b
  %last = Transpose(%b) {perm: ints[1, 0]} @last
  %y = Identity(%last) @named
}
`;

function figures(result: readonly number[], expected: readonly number[], step?: number): OutputFigures {
  const gatherer = new Gatherer();
  gatherer.add('y', result, expected, step);
  const [output] = gatherer.figures();
  if (output === undefined) throw new Error('no figures');
  return output;
}

const FLOAT: Rule = { kind: 'float', bound: 1e-5 };
const LEVELS: Rule = { kind: 'levels', leastEqual: 0.98, mostSteps: 1 };

describe('figures of a conversion', () => {
  it('are the largest difference, the peak, and the ratio of signal and noise', () => {
    const output = figures([1, 2, 3.5], [1, -2, 3]);
    expect(output).toMatchObject({ values: 3, maxAbs: 4, peak: 3, sameTop: { equal: 1, of: 1 } });
    expect(output.sqnrDb).toBeCloseTo(10 * Math.log10((1 + 4 + 9) / (16 + 0.25)), 10);
  });

  it('count levels by steps', () => {
    expect(figures([0.5, 0.25, 0], [0.5, 0.5, 0], 0.25).levels).toEqual({ equalShare: 2 / 3, maxSteps: 1 });
  });

  it('see numbers on one side alone as far apart', () => {
    expect(figures([NaN], [1]).maxAbs).toBe(Infinity);
    expect(figures([1], [NaN]).maxAbs).toBe(Infinity);
    expect(figures([], [1]).maxAbs).toBe(Infinity);
    expect(figures([NaN], [NaN]).maxAbs).toBe(0);
  });
});

describe('a rule', () => {
  it.each<[string, Rule, OutputFigures, boolean]>([
    ['a small difference', FLOAT, figures([0.500009], [0.5]), true],
    ['a larger one', FLOAT, figures([0.50002], [0.5]), false],
    ['a larger one of large numbers', FLOAT, figures([100.0005], [100]), true],
    ['one within the spread', { ...FLOAT, spread: 3e-5 }, figures([0.50002], [0.5]), true],
    ['equal levels', LEVELS, figures([1, 2], [1, 2], 1), true],
    ['too few equal ones', LEVELS, figures([1, 2], [1, 3], 1), false],
    ['one that is two steps off', { ...LEVELS, leastEqual: 0 }, figures([1, 2], [1, 4], 1), false],
    ['no levels at all', LEVELS, figures([1], [1]), false],
    ['little noise', { kind: 'dynamic', leastSqnrDb: 20 }, figures([1.05], [1]), true],
    ['much noise', { kind: 'dynamic', leastSqnrDb: 20 }, figures([1.2], [1]), false],
    ['nothing compared', FLOAT, figures([], []), false],
  ])('tells of %s', (_, rule, output, keeps) => {
    expect(broken(rule, output) === undefined).toBe(keeps);
  });
});

describe('outputs are paired', () => {
  const array = (...shape: number[]): NdArray => ({ dtype: 'f32', shape, data: new Float32Array(shape[0] ?? 1) });
  const output = (name: string, ...shape: number[]): OracleOutput => ({ name, shape, stride: 1, values: [] });
  const slot = (name: string) => ({ name, dtype: 'f32' as const, shape: [null] });

  it('by name, with or without TensorFlow’s number, by shape, and by order', () => {
    const results = new Map([
      ['a', array(2)],
      ['b:0', array(2)],
      ['c', array(3)],
    ]);
    const expected = [output('b', 2), output('a:0', 2), output('other', 3)];
    const pairs = matched([slot('a'), slot('b:0'), slot('c')], results, expected);
    expect(pairs.map(([name, { name: other }]) => [name, other])).toEqual([
      ['a', 'a:0'],
      ['b:0', 'b'],
      ['c', 'other'],
    ]);
  });

  it('and refused where number or shapes differ', () => {
    const results = new Map([['a', array(2)]]);
    expect(() => matched([slot('a')], results, [])).toThrow(/1 outputs, and its own runtime gives 0/);
    expect(() => matched([slot('a')], results, [output('a', 3)])).toThrow(/has the shape \[2\], not \[3\]/);
  });
});

describe('inputs', () => {
  it('are the numbers that Python makes of the same seed', () => {
    // 1664525 + 1013904223 = 1015568748, of which the upper 16 bits are 15496.
    expect(generated(1, [1], { low: 0, high: 65_536 })[0]).toBe(15_496);
    expect(generated(1, [1], { low: 0, high: 256, whole: true })[0]).toBe(60);
  });

  it('are levels to the oracle and what these stand for to a conversion that takes real numbers', () => {
    const levels: NdArray = { dtype: 'i8', shape: [2], data: Int8Array.of(-128, 0) };
    const inputs = [{ name: 'x', dtype: 'i8' as const, shape: [2], grid: { scale: 0.5, zeroPoint: -128 } }];
    const feeds = feedsFor({ inputs: [{ name: 'x', dtype: 'f32', shape: [2] }] }, inputs, { feeds: [levels] });
    expect(feeds.get('x')).toEqual({ dtype: 'f32', shape: [2], data: Float32Array.of(0, 64) });
  });
});

describe('a Transpose', () => {
  it('stands at the edge behind an input, also a rounded one, and before an output', () => {
    const model = parseModel(TRANSPOSES, createWeightStore());
    expect(transposesOf(model).all).toBe(3);
    expect(transposesOf(model).inside).toEqual(['middle']);
  });
});
