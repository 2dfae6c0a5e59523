/** Every operator family on a small model, against what tf.lite.Interpreter made of it (scripts/reference/formats/record-tflite.py). */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { refusalsOf } from '#ir/opaque.ts';
import { type Expected, expectOutputs, largestDifference } from '#formats/testing/expected.ts';
import { OPERATORS } from './operators.ts';
import { builtinName } from './record/builtin-names.ts';
import { levelDifference, readFixture, runFixture } from './testing/fixtures.ts';

/** Over max(1, |expected|). */
const FLOAT = 1e-5;

const REALS: Readonly<Record<string, number>> = {
  unary: FLOAT,
  gelu: FLOAT,
  binary: FLOAT,
  integers: 0,
  select: 0,
  convolutions: FLOAT,
  depthwise: FLOAT,
  transposed: FLOAT,
  conv3d: FLOAT,
  pooling: FLOAT,
  matrices: FLOAT,
  resizing: FLOAT,
  reductions: FLOAT,
  arranging: 0,
  slicing: 0,
  gathering: 0,
  where: 0,
  blocks: 0,
  prelu: FLOAT,
  spectrum: FLOAT,
  shapes: FLOAT,
  dynamic_batch: FLOAT,
  lstm: FLOAT,
  lstm_both_ways: FLOAT,
  gru: FLOAT,
  loop: FLOAT,
  branch: FLOAT,
  branch_else: FLOAT,
  both_ways: FLOAT,
  both_ways_merged: FLOAT,
  rnn: FLOAT,
  rnn_time_major: FLOAT,
  l2_pool: FLOAT,
  embedding: 0,
  clipped: 0,
  clipped_0_to_1: 0,
  dense_rows: FLOAT,
  network_half: FLOAT,
  dense_int4: FLOAT,
  dense_blocks: FLOAT,
  // Of weights alone on levels: TFLite also rounds activations when it runs, which is not part of the model.
  network_dynamic: FLOAT,
  lstm_dynamic: FLOAT,
  dense_sparse: FLOAT,
  dense_outside: FLOAT,
};

describe('operators on reals', () => {
  it.each(Object.entries(REALS))('%s: within %d', async (name, tolerance) => {
    for (const [output, [actual, expected]] of await runFixture(name)) {
      expect(actual.dtype, output).toBe(expected.dtype);
      expect(largestDifference(actual, expected).relative, output).toBeLessThanOrEqual(tolerance);
    }
  });
});

/**
 * Least share of levels that are equal where it is not 98 %: XNNPACK multiplies by whole 256ths in LEAKY_RELU, and what it gives for
 * -100 on the grid of this fixture lies 0.37 steps from the product.
 */
const LESS_EQUAL: Readonly<Record<string, number>> = { 'int8_elementwise Identity_7': 0.93 };

describe('operators on integers', () => {
  it.each([
    'network_int8',
    'network_uint8_ends',
    'network_float_ends',
    'network_int16',
    'uint8_pool',
    'int8_elementwise',
    'int8_pooling',
    'int8_arranging',
    'int8_matrices',
  ])('%s: nearly all levels equal, none more than a step away', async (name) => {
    for (const [output, [actual, expected]] of await runFixture(name)) {
      const { equal, steps } = levelDifference(actual, expected);
      expect(steps, output).toBeLessThanOrEqual(1);
      expect(equal, output).toBeGreaterThanOrEqual(LESS_EQUAL[`${name} ${output}`] ?? 0.98);
    }
  });
});

describe('the model', () => {
  const valuesOf = async (name: string) => {
    const { model } = await readFixture(name);
    return { model, values: [...model.graph.values.values()], ops: model.graph.nodes.map(({ op }) => op) };
  };

  it('keeps integers at its ends and grids on the values between', async () => {
    const { model, values, ops } = await valuesOf('network_int8');
    const types = [...model.graph.inputs, ...model.graph.outputs].map((id) => model.graph.values.get(id)?.dtype);
    expect(types).toEqual(['i8', 'i8']);
    expect(ops.filter((op) => op === 'DequantizeLinear' || op === 'QuantizeLinear')).toEqual([
      'DequantizeLinear',
      'QuantizeLinear',
    ]);
    const weight = values.find(({ constant }) => constant?.dtype === 'i8' && constant.shape.length === 4);
    expect(weight?.quantization).toMatchObject({ axis: 0, scale: { dtype: 'f32', shape: [8] } });
    const bias = values.find(({ constant }) => constant?.dtype === 'i32');
    expect(bias?.quantization?.scale.shape).toEqual(bias?.constant?.shape);
    expect(values.filter(({ quantization }) => quantization?.levels === 'u8').length).toBeGreaterThan(8);
    expect(model.opsets.get('')).toBe(17);
  });

  it('keeps weights of half precision at half the size, widened when the model is loaded', async () => {
    const { values, ops } = await valuesOf('network_half');
    const half = values.filter(({ constant }) => constant?.dtype === 'f16');
    expect(half.length).toBeGreaterThanOrEqual(4);
    expect(ops.filter((op) => op === 'Cast')).toHaveLength(half.length);
    expect(ops.filter((op) => op === 'Transpose').length).toBeLessThanOrEqual(2);
  });

  it('keeps 4-bit weights, by rows and by blocks', async () => {
    const rows = await valuesOf('dense_int4');
    expect(rows.values.find(({ constant }) => constant?.dtype === 'i4')?.quantization?.axis).toBe(0);
    const blocks = await valuesOf('dense_blocks');
    expect(blocks.values.find(({ constant }) => constant?.dtype === 'i4')?.quantization).toMatchObject({
      block: 32,
      axis: 1,
    });
  });

  it('has no Transpose inside a plain network', async () => {
    const { model, ops } = await valuesOf('network_float_ends');
    expect(ops.filter((op) => op === 'Transpose').length).toBeLessThanOrEqual(2);
    expect(model.graph.nodes.some(({ op }) => op === 'Conv')).toBe(true);
  });

  it('leaves the batch to the caller where the file does', async () => {
    const { model } = await valuesOf('dynamic_batch');
    const shapes = [...model.graph.inputs, ...model.graph.outputs].map((id) => model.graph.values.get(id)?.shape);
    expect(shapes).toEqual([
      ['batch', 8, 8, 3],
      ['batch', 5],
    ]);
  });

  it('keeps an operator that it does not know by name, with its settings', async () => {
    const { model, notices } = await readFixture('custom');
    expect(refusalsOf(model)).toEqual([
      {
        operator: 'HomeMade',
        node: 'Sin',
        reason: 'It is a custom operator, whose meaning only its own program knows.',
        hint: 'Convert the model without it, or leave that part out.',
      },
    ]);
    const node = model.graph.nodes.find(({ op }) => op === 'HomeMade');
    expect(node?.domain).toBe('tflite');
    const settings = node?.attrs.get('options');
    expect(settings?.type === 'string' && new TextDecoder().decode(settings.value)).toBe('its own settings');
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Gemm', 'HomeMade', 'Tanh']);
    expect(notices.map(({ code }) => code)).toContain('tflite/no-counterpart');
  });

  it('says that the state of a recurrent layer starts anew', async () => {
    const { notices } = await readFixture('lstm');
    expect(notices.map(({ code }) => code)).toEqual(['tflite/state', 'tflite/cell-clip']);
  });
});

describe('signatures', () => {
  const recorded = JSON.parse(readFileSync('fixtures/formats/tflite/signatures.expected.json', 'utf8')) as Readonly<
    Record<string, Expected>
  >;

  it.each(['encode', 'decode'])('%s: its graph is the one that is read', async (key) => {
    const { model, store, signatures } = await readFixture('signatures', key);
    expect(signatures).toEqual({ chosen: key, all: ['decode', 'encode'] });
    const names = JSON.parse(model.metadata.get('tflite.signature') ?? '') as {
      readonly inputs: Readonly<Record<string, string>>;
      readonly outputs: Readonly<Record<string, string>>;
    };
    const { inputs, outputs } = recorded[key]!;
    const renamed = (arrays: Expected['inputs'], to: Readonly<Record<string, string>>): Expected['inputs'] =>
      Object.fromEntries(Object.entries(arrays).map(([name, array]) => [to[name] ?? name, array]));
    await expectOutputs(model, store, {
      inputs: renamed(inputs, names.inputs),
      outputs: renamed(outputs, names.outputs),
    });
  });

  it('one that is not there is refused by name', async () => {
    await expect(readFixture('signatures', 'train')).rejects.toThrow(
      'signatures.tflite: It has no signature "train". It has "decode", "encode".',
    );
  });
});

describe('the operator table', () => {
  it('has each builtin once, by a name that TFLite has', () => {
    const names = OPERATORS.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const known = new Set(Array.from({ length: 210 }, (_, code) => builtinName(code)));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
