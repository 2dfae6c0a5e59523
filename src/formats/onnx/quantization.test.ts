import { describe, expect, it } from 'vitest';
import { openEditor } from '#ir/open-editor.ts';
import { parseModel } from '#ir/parse.ts';
import type { Model, Quantization, Tensor } from '#ir/model.ts';
import { printWithWeights } from '#ir/print.ts';
import { buildModel, type BuildModel } from '#ir/testing/build.ts';
import { verifyModel } from '#ir/verify.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { spellQuantization } from './quantization.ts';

interface Levels {
  readonly dtype: 'i8' | 'i4' | 'u4' | 'i2';
  readonly shape: readonly number[];
  readonly bytes: readonly number[];
}

function floats(store: WeightStore, shape: readonly number[], values: readonly number[]): Tensor {
  return store.put('f32', shape, new Uint8Array(Float32Array.from(values).buffer));
}

/** The model with constant `w` holding integers. */
function quantized(
  spec: BuildModel,
  levels: Levels,
  quantization: (store: WeightStore) => Quantization,
): { model: Model; store: WeightStore } {
  const { model, store } = buildModel(spec);
  const edit = openEditor(model);
  const w = [...model.graph.values.values()].find((value) => value.name === 'w')!;
  const data = store.put(levels.dtype, levels.shape, Uint8Array.from(levels.bytes));
  edit.setConstant(w.id, data, quantization(store), 'f32');
  return { model: edit.finish(), store };
}

const product = (shape: readonly number[], opset = 21): BuildModel => ({
  opset,
  irVersion: 8,
  inputs: { x: { dtype: 'f32', shape: [1, shape[0]!] } },
  outputs: { y: { dtype: 'f32', shape: [1, shape[1]!] } },
  initializers: { w: { dtype: 'f32', shape, data: new Float32Array(shape[0]! * shape[1]!) } },
  nodes: [{ op: 'MatMul', name: 'product', inputs: ['x', 'w'], outputs: ['y'] }],
});

async function constants(model: Model, store: WeightStore): Promise<Record<string, number[]>> {
  const found: Record<string, number[]> = {};
  for (const { name, constant } of model.graph.values.values()) {
    if (constant !== undefined) found[name] = [...(await store.read(constant))];
  }
  return found;
}

describe('spellQuantization', () => {
  it('leaves a model without quantized constants as it is', async () => {
    const { model, store } = buildModel(product([2, 2]));
    expect(await spellQuantization(model, store)).toBe(model);
  });

  it('puts DequantizeLinear in front of the layer, whose weight keeps its name', async () => {
    const levels = { dtype: 'i8', shape: [2, 2], bytes: [1, 255, 127, 129] } as const;
    const { model, store } = quantized(product([2, 2], 13), levels, (own) => ({
      scale: floats(own, [2], [0.5, 0.25]),
      axis: 1,
    }));
    const spelled = await spellQuantization(model, store);
    expect(verifyModel(spelled)).toEqual([]);
    const lines = (await printWithWeights(spelled, store)).split('\n').slice(2, -2);
    expect(lines).toEqual([
      '  %w_quantized: i8[2, 2] = const [1, -1, 127, -127]',
      '  %w_scale: f32[2] = const [0.5, 0.25]',
      '  %w: f32[2, 2] = DequantizeLinear(%w_quantized, %w_scale) {axis: 1} @w_dequantize',
      '  %y: f32[1, 2] = MatMul(%x, %w) @product',
    ]);
    expect(spelled.irVersion).toBe(8);
  });

  it('takes com.microsoft below the opset that has the form', async () => {
    const levels = { dtype: 'i8', shape: [2, 2], bytes: [1, 2, 3, 4] } as const;
    const { model, store } = quantized(product([2, 2], 11), levels, (own) => ({
      scale: floats(own, [2], [1, 1]),
      axis: 1,
    }));
    const spelled = await spellQuantization(model, store);
    expect(spelled.graph.nodes.map((node) => `${node.domain} ${node.op}`)).toEqual([
      'com.microsoft DequantizeLinear',
      ' MatMul',
    ]);
    expect(spelled.opsets.get('com.microsoft')).toBe(1);
  });

  it('refuses blocks below opset 21 instead of writing a file that no runtime takes', async () => {
    const levels = { dtype: 'i8', shape: [2, 2], bytes: [1, 2, 3, 4] } as const;
    const { model, store } = quantized(product([2, 2], 13), levels, (own) => ({
      scale: floats(own, [1, 2], [1, 1]),
      axis: 0,
      block: 2,
    }));
    await expect(spellQuantization(model, store)).rejects.toThrow(/opset 21/);
  });

  it('packs MatMulNBits by columns, low bits first, and fills the short last block', async () => {
    // K = 18, N = 1, blocks of 16: levels -8 .. 7, then -1 and 2; stored without sign from 0 to 15.
    const raw = [...Array.from({ length: 16 }, (_, k) => k - 8), -1, 2];
    const bytes = Array.from({ length: 9 }, (_, i) => (raw[2 * i]! & 15) | ((raw[2 * i + 1]! & 15) << 4));
    const levels = { dtype: 'i4', shape: [18, 1], bytes } as const;
    const { model, store } = quantized(product([18, 1], 13), levels, (own) => ({
      scale: floats(own, [2, 1], [0.5, -0.25]),
      axis: 0,
      block: 16,
    }));
    const spelled = await spellQuantization(model, store);
    expect(verifyModel(spelled)).toEqual([]);
    const [node] = spelled.graph.nodes;
    expect(node).toMatchObject({ op: 'MatMulNBits', domain: 'com.microsoft', name: 'product' });
    expect(
      Object.fromEntries([...node!.attrs].map(([name, attr]) => [name, attr.type === 'int' ? attr.value : null])),
    ).toEqual({ K: 18, N: 1, bits: 4, block_size: 16 });
    const file = await constants(spelled, store);
    expect(file['w_quantized']).toEqual([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe, 0xa7, 0, 0, 0, 0, 0, 0, 0]);
    expect([...new Float32Array(Uint8Array.from(file['w_scale']!).buffer)]).toEqual([0.5, -0.25]);
    expect(file['w']).toBeUndefined();
  });

  it('packs the zero points of MatMulNBits along the blocks of each column', async () => {
    const levels = { dtype: 'u4', shape: [48, 2], bytes: Array.from({ length: 48 }, () => 0) } as const;
    const { model, store } = quantized(product([48, 2]), levels, (own) => ({
      scale: floats(own, [3, 2], [1, 1, 1, 1, 1, 1]),
      // [blocks, columns] = [[1, 2], [3, 4], [5, 6]]
      zeroPoint: own.put('u4', [3, 2], Uint8Array.of(0x21, 0x43, 0x65)),
      axis: 0,
      block: 16,
    }));
    const file = await constants(await spellQuantization(model, store), store);
    expect(file['w_zero_point']).toEqual([0x31, 0x05, 0x42, 0x06]);
  });
});

describe('rounded activations', () => {
  const U8 = 'quantized {scale: f32[] [0.5], zero: u8[] [3], levels: "u8"}';
  const U16 = 'quantized {scale: f32[] [0.25], zero: u16[] [7], levels: "u16"}';

  async function spelled(lines: string, opset = 13): Promise<string[]> {
    const store = createWeightStore();
    const model = parseModel(`model "m" opset onnx ${String(opset)} ir 8\n${lines}`, store);
    expect(verifyModel(model)).toEqual([]);
    const after = await spellQuantization(model, store);
    expect(verifyModel(after)).toEqual([]);
    return (await printWithWeights(after, store)).split('\n').slice(1, -2);
  }

  it('get one pair for all their readers, behind a graph input too', async () => {
    expect(
      await spelled(`graph main(%x: f32[2] ${U8}) -> (%y, %z) {
        %h: f32[2] ${U8} = Relu(%x) @relu
        %y: f32[2] = Tanh(%h) @first
        %z: f32[2] = Abs(%h) @second
      }`),
    ).toEqual([
      'graph main(%x: f32[2]) -> (%y, %z) {',
      '  %x_scale: f32[] = const [0.5]',
      '  %x_zero_point: u8[] = const [3]',
      '  %h_scale: f32[] = const [0.5]',
      '  %h_zero_point: u8[] = const [3]',
      '  %x_QuantizeLinear_Output: u8[2] = QuantizeLinear(%x, %x_scale, %x_zero_point) @x_QuantizeLinear',
      '  %x_DequantizeLinear_Output: f32[2] = DequantizeLinear(%x_QuantizeLinear_Output, %x_scale, %x_zero_point) @x_DequantizeLinear',
      '  %h: f32[2] = Relu(%x_DequantizeLinear_Output) @relu',
      '  %h_QuantizeLinear_Output: u8[2] = QuantizeLinear(%h, %h_scale, %h_zero_point) @h_QuantizeLinear',
      '  %h_DequantizeLinear_Output: f32[2] = DequantizeLinear(%h_QuantizeLinear_Output, %h_scale, %h_zero_point) @h_DequantizeLinear',
      '  %y: f32[2] = Tanh(%h_DequantizeLinear_Output) @first',
      '  %z: f32[2] = Abs(%h_DequantizeLinear_Output) @second',
    ]);
  });

  it('keep the name of a graph output at its dequantized end', async () => {
    expect(
      (
        await spelled(`graph main(%x: f32[2]) -> (%y, %z) {
          %y: f32[2] ${U8} = Relu(%x) @relu
          %z: f32[2] = Abs(%y) @abs
        }`)
      ).slice(3),
    ).toEqual([
      '  %y_QuantizeLinear_Input: f32[2] = Relu(%x) @relu',
      '  %y_QuantizeLinear_Output: u8[2] = QuantizeLinear(%y_QuantizeLinear_Input, %y_scale, %y_zero_point) @y_QuantizeLinear',
      '  %y: f32[2] = DequantizeLinear(%y_QuantizeLinear_Output, %y_scale, %y_zero_point) @y_DequantizeLinear',
      '  %z: f32[2] = Abs(%y) @abs',
    ]);
  });

  it.each([13, 21])('round a copy again without a node for the copy, opset %i', async (opset) => {
    const domain = opset < 21 ? 'com.microsoft::' : '';
    expect(
      (
        await spelled(
          `graph main(%x: f32[2] ${U8}) -> (%y, %z) {
          %wide: f32[2] ${U16} = Identity(%x) @widen
          %y: f32[2] = Relu(%wide) @relu
          %z: f32[2] = Abs(%x) @abs
        }`,
          opset,
        )
      ).slice(5),
    ).toEqual([
      '  %x_QuantizeLinear_Output: u8[2] = QuantizeLinear(%x, %x_scale, %x_zero_point) @x_QuantizeLinear',
      '  %x_DequantizeLinear_Output: f32[2] = DequantizeLinear(%x_QuantizeLinear_Output, %x_scale, %x_zero_point) @x_DequantizeLinear',
      `  %wide_QuantizeLinear_Output: u16[2] = ${domain}QuantizeLinear(%x_DequantizeLinear_Output, %wide_scale, %wide_zero_point) @wide_QuantizeLinear`,
      `  %wide_DequantizeLinear_Output: f32[2] = ${domain}DequantizeLinear(%wide_QuantizeLinear_Output, %wide_scale, %wide_zero_point) @wide_DequantizeLinear`,
      '  %y: f32[2] = Relu(%wide_DequantizeLinear_Output) @relu',
      '  %z: f32[2] = Abs(%x_DequantizeLinear_Output) @abs',
    ]);
  });

  it('share their constants where they share the tickets', async () => {
    const store = createWeightStore();
    const text = `model "m" opset onnx 13 ir 8
graph main(%x: f32[2] quantized {scale: f32[] #"1", levels: "i8"}) -> (%y) {
  %y: f32[2] quantized {scale: f32[] #"1", levels: "i8"} = Relu(%x) @relu
}`;
    const after = await spellQuantization(parseModel(text, store), store);
    expect(verifyModel(after)).toEqual([]);
    const names = [...after.graph.values.values()].flatMap((value) =>
      value.constant === undefined ? [] : [value.name],
    );
    expect(names).toEqual(['x_scale']);
  });
});
