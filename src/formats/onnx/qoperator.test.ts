import { describe, expect, it } from 'vitest';
import { buildModel } from '#ir/testing/build.ts';
import { I8, QuantizedSketch, U8, type TestGrid } from '#ir/testing/quantized.ts';
import type { Model } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import { verifyModel } from '#ir/verify.ts';
import { inferShapes } from '#ops/infer.ts';
import { spellQuantization } from './quantization.ts';
import { toQOperators } from './qoperator.ts';

const OTHER: TestGrid = { type: 'u8', scale: 0.07, zero: 100 };
const WIDE: TestGrid = { type: 'u16', scale: 0.0001, zero: 30000 };
const BIAS: TestGrid = { type: 'i32', scale: 0.0003, zero: 0 };
const CHANNELS: TestGrid = { type: 'i8', scale: [0.01, 0.02, 0.03, 0.04], zero: 0, axis: 0 };

interface Case {
  readonly make: (net: QuantizedSketch) => string | readonly string[];
  /** Operators of the result, in order. */
  readonly ops: readonly string[];
  readonly opset?: number;
}

const image = (net: QuantizedSketch): string => net.input('x', [1, 3, 8, 8]);
const matrix = (net: QuantizedSketch): string => net.input('x', [2, 32]);

const CASES: Readonly<Record<string, Case>> = {
  'Conv with a bias, per channel': {
    make: (net) =>
      net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3], CHANNELS), net.weight([4], BIAS)])),
    ops: ['QuantizeLinear', 'QLinearConv', 'DequantizeLinear'],
  },
  'Conv without zero points': {
    make: (net) => {
      const weight: TestGrid = { type: 'i8', scale: 0.01 };
      return net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3], weight)]), { ...U8, zero: 0 });
    },
    ops: ['QuantizeLinear', 'QLinearConv', 'DequantizeLinear'],
  },
  'Conv whose result is read in float': {
    make: (net) => {
      const y = net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])]);
      return [net.qdq(y), net.op('Tanh', [y])];
    },
    ops: [
      'QuantizeLinear',
      'DequantizeLinear',
      'DequantizeLinear',
      'Conv',
      'QuantizeLinear',
      'DequantizeLinear',
      'Tanh',
    ],
  },
  'Conv with a float bias': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3]), net.floats([4])])),
    ops: ['QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Conv', 'QuantizeLinear', 'DequantizeLinear'],
  },
  'Conv with 16-bit activations': {
    make: (net) => net.qdq(net.op('Conv', [net.qdq(image(net), WIDE), net.weight([4, 3, 3, 3])]), WIDE),
    ops: ['QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Conv', 'QuantizeLinear', 'DequantizeLinear'],
    opset: 21,
  },
  'signed activations with unsigned weights': {
    make: (net) => {
      const weight = net.weight([32, 4], { type: 'u8', scale: 0.01, zero: 128 });
      return net.qdq(net.op('MatMul', [net.qdq(matrix(net), I8), weight]), I8);
    },
    ops: ['DequantizeLinear', 'QuantizeLinear', 'DequantizeLinear', 'MatMul', 'QuantizeLinear', 'DequantizeLinear'],
  },
  'products of two kinds': {
    make: (net) => {
      const h = net.qdq(net.op('MatMul', [net.qdq(matrix(net)), net.weight([32, 16])]));
      return net.op('Gemm', [h, net.weight([4, 16], { ...CHANNELS }, 5), net.weight([4], BIAS)], { transB: 1 });
    },
    ops: ['QuantizeLinear', 'QLinearMatMul', 'com.microsoft.QGemm'],
  },
  'Gemm that scales its product': {
    make: (net) => net.qdq(net.op('Gemm', [net.qdq(matrix(net)), net.weight([32, 4])], { alpha: { float: 0.5 } })),
    ops: ['QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Gemm', 'QuantizeLinear', 'DequantizeLinear'],
  },
  'element by element, with a constant': {
    make: (net) => {
      const x = net.qdq(image(net));
      const sum = net.qdq(net.op('Add', [x, net.weight([3, 1, 1], OTHER)]));
      const gate = net.qdq(net.op('Sigmoid', [sum]), OTHER);
      const product = net.qdq(net.op('Mul', [net.qdq(net.op('LeakyRelu', [sum])), gate]));
      return net.qdq(net.op('Softmax', [product]), OTHER);
    },
    ops: [
      'QuantizeLinear',
      'com.microsoft.QLinearAdd',
      'com.microsoft.QLinearSigmoid',
      'com.microsoft.QLinearLeakyRelu',
      'com.microsoft.QLinearMul',
      'com.microsoft.QLinearSoftmax',
      'DequantizeLinear',
    ],
  },
  'Add of two types': {
    make: (net) => net.qdq(net.op('Add', [net.qdq(image(net)), net.weight([3, 1, 1])])),
    ops: ['QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Add', 'QuantizeLinear', 'DequantizeLinear'],
  },
  'pooling, joining and choosing': {
    make: (net) => {
      const x = net.qdq(image(net));
      const window = { kernel_shape: [3, 3], pads: [1, 1, 1, 1] };
      const mean = net.qdq(net.op('AveragePool', [x], window), OTHER);
      const most = net.qdq(net.op('MaxPool', [x], window));
      const both = net.qdq(net.op('Concat', [mean, most], { axis: 1 }));
      const chosen = net.qdq(net.op('Where', [net.input('c', [1, 6, 8, 8], 'bool'), both, net.weight([1], OTHER)]));
      return net.qdq(net.op('GlobalAveragePool', [chosen]));
    },
    ops: [
      'QuantizeLinear',
      'com.microsoft.QLinearAveragePool',
      'MaxPool',
      'com.microsoft.QLinearConcat',
      'com.microsoft.QLinearWhere',
      'com.microsoft.QLinearGlobalAveragePool',
      'DequantizeLinear',
    ],
  },
  'steps that only move values': {
    make: (net) => {
      let x = net.qdq(image(net));
      x = net.qdq(net.op('Transpose', [x], { perm: [0, 2, 3, 1] }));
      x = net.qdq(net.op('Reshape', [x, net.constant('i64', [2], [8, 24])]));
      const [a = '', b = ''] = net.ops('Split', [x, net.constant('i64', [2], [12, 12])], 2, { axis: 1 });
      return [net.qdq(a), net.qdq(b)];
    },
    ops: ['QuantizeLinear', 'Transpose', 'Reshape', 'Split', 'DequantizeLinear', 'DequantizeLinear'],
  },
  'a step between two grids': {
    make: (net) => net.qdq(net.op('Transpose', [net.qdq(image(net))], { perm: [0, 2, 3, 1] }), OTHER),
    ops: ['QuantizeLinear', 'DequantizeLinear', 'Transpose', 'QuantizeLinear', 'DequantizeLinear'],
  },
  'one value for a reader in integers and one in float': {
    make: (net) => {
      const h = net.qdq(net.op('Conv', [net.qdq(image(net)), net.weight([4, 3, 3, 3])]));
      return [net.op('Tanh', [h]), net.qdq(net.op('Sigmoid', [h]))];
    },
    ops: [
      'QuantizeLinear',
      'QLinearConv',
      'DequantizeLinear',
      'Tanh',
      'com.microsoft.QLinearSigmoid',
      'DequantizeLinear',
    ],
  },
};

const operators = (model: Model): readonly string[] =>
  model.graph.nodes.map(({ op, domain }) => (domain === '' ? op : `${domain}.${op}`));

describe('the form with integer operators', () => {
  it.each(Object.entries(CASES))('%s', async (_name, { make, ops, opset = 17 }) => {
    const net = new QuantizedSketch();
    const outputs = make(net);
    const built = buildModel(net.build(typeof outputs === 'string' ? [outputs] : outputs, opset, opset >= 21 ? 10 : 8));
    const model = await inferShapes(built.model, built.store);
    const made = await toQOperators(model, built.store);
    expect(operators(made)).toEqual(ops);
    expect(verifyModel(made)).toEqual([]);
    // Layers and outputs keep their names, and no constant stays that nothing reads.
    const names = (each: Model): readonly string[] => each.graph.nodes.map((node) => node.name);
    expect(names(model)).toEqual(expect.arrayContaining([...names(made)]));
    const given = (each: Model) => each.graph.outputs.map((id) => each.graph.values.get(id)?.name);
    expect(given(made)).toEqual(given(model));
    const edit = openEditor(made);
    const unread = [...made.graph.values.values()].filter(
      ({ id, constant }) => constant !== undefined && edit.users(id).length === 0,
    );
    expect(unread.map((value) => value.name)).toEqual([]);
  });

  it('is taken where an activation asks for it', async () => {
    const net = new QuantizedSketch();
    const y = net.op('Sigmoid', [image(net)]);
    const { model, store } = buildModel(net.build([y]));
    const scale = store.put('f32', [], new Uint8Array(Float32Array.of(0.05).buffer));
    const zeroPoint = store.put('u8', [], Uint8Array.of(128));
    for (const form of [undefined, 'qoperator'] as const) {
      const edit = openEditor(await inferShapes(model, store));
      for (const id of [...edit.graph.inputs, ...edit.graph.outputs]) {
        edit.setQuantization(id, { scale, zeroPoint, levels: 'u8', ...(form === undefined ? {} : { form }) });
      }
      const written = operators(await spellQuantization(edit.finish(), store));
      expect(written).toEqual(
        form === undefined
          ? ['QuantizeLinear', 'DequantizeLinear', 'Sigmoid', 'QuantizeLinear', 'DequantizeLinear']
          : ['QuantizeLinear', 'com.microsoft.QLinearSigmoid', 'DequantizeLinear'],
      );
    }
  });
});
