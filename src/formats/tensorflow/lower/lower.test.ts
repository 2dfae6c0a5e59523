import { describe, expect, it } from 'vitest';
import type { DType } from '#base/dtype.ts';
import { createLowering } from '#formats/lowering/create-lowering.ts';
import type { TfAttr, TfGraph, TfNode } from '#formats/tensorflow/graph.ts';
import type { Model, Node, Value } from '#ir/model.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { lowerTfGraph } from './lower.ts';
import { lowerRecorded, recordedCases } from './testing/recorded.ts';

const store = createWeightStore();

function tensor(dtype: DType, shape: readonly number[], values: readonly number[]): TfAttr {
  const array = dtype === 'i32' ? Int32Array.from(values) : Float32Array.from(values);
  const bytes = new Uint8Array(array.buffer);
  return { kind: 'tensor', value: store.put(dtype, shape, bytes), bytes: bytes.slice() };
}

function node(name: string, op: string, inputs: readonly string[] = [], attrs: Record<string, TfAttr> = {}): TfNode {
  const refs = inputs.map((text) => {
    const [from = '', output = '0'] = text.split(':');
    return { node: from, output: Number(output) };
  });
  return { name, op, inputs: refs, attrs: new Map(Object.entries(attrs)) };
}

function constant(name: string, dtype: DType, shape: readonly number[], values: readonly number[]): TfNode {
  return node(name, 'Const', [], { value: tensor(dtype, shape, values), dtype: { kind: 'type', value: dtype } });
}

/** A graph of one input `x` that ends in `output`. */
function graphOf(shape: readonly (number | null)[], nodes: readonly TfNode[], output = 'y'): TfGraph {
  return {
    name: 'main',
    inputs: [{ name: 'picture', node: 'x', dtype: 'f32', shape }],
    outputs: [{ name: 'answer', ref: { node: output, output: 0 } }],
    nodes: [node('x', 'Placeholder'), ...nodes],
    functions: new Map(),
  };
}

function lowered(graph: TfGraph): Model {
  const source = { format: 'savedmodel', file: 'made', sizeBytes: 0 } as const;
  const lowering = createLowering({ store, name: 'made', source });
  lowerTfGraph(graph, lowering);
  return lowering.finish().model;
}

function valueOf(model: Model, id: Node['outputs'][number]): Value | undefined {
  return id === null || id === undefined ? undefined : model.graph.values.get(id);
}

function weightOf(model: Model, op: string, input = 1): Value | undefined {
  const found = model.graph.nodes.find((one) => one.op === op);
  return valueOf(model, found?.inputs[input] ?? null);
}

function opsOf(model: Model): readonly string[] {
  return model.graph.nodes.map(({ op }) => op);
}

describe('lowerTfGraph', () => {
  it('names inputs and outputs as the signature, the rest as the graph; open sizes get names', () => {
    const model = lowered(graphOf([null, 3, null], [node('a/Relu', 'Relu', ['x']), node('y', 'Tanh', ['a/Relu'])]));
    const names = [...model.graph.inputs, ...model.graph.outputs].map((id) => valueOf(model, id)?.name);
    expect(names).toEqual(['picture', 'answer']);
    expect(valueOf(model, model.graph.inputs[0]!)?.shape).toEqual(['batch', 3, 'picture_2']);
    expect(model.graph.nodes.map(({ name }) => name)).toEqual(['a/Relu', 'y']);
    expect(valueOf(model, model.graph.nodes[0]?.outputs[0] ?? null)?.name).toBe('a/Relu');
  });

  it('keeps what it does not know as an opaque operator, and lowers the rest', () => {
    const model = lowered(
      graphOf([2, 3], [node('hash', 'StringToHashBucketFast', ['x']), node('y', 'Relu', ['hash'])]),
    );
    expect(refusalsOf(model)).toEqual([
      {
        operator: 'StringToHashBucketFast',
        node: 'hash',
        reason: 'Pare has no conversion for it.',
        hint: expect.stringContaining('without it'),
      },
    ]);
    expect(opsOf(model)).toEqual(['StringToHashBucketFast', 'Relu']);
  });

  it('says why an operator that it knows cannot be said in this form', () => {
    const sizes = [constant('lengths', 'i32', [2], [1, 2])];
    const attrs = { seq_dim: { kind: 'int', value: 2 }, batch_dim: { kind: 'int', value: 0 } } as const;
    const model = lowered(graphOf([2, 3, 4], [...sizes, node('y', 'ReverseSequence', ['x', 'lengths'], attrs)]));
    expect(refusalsOf(model)[0]?.reason).toBe('It reverses along an axis that ONNX does not reverse sequences along.');
  });

  it('refuses a circle, a missing node, a missing output and an input of no shape', () => {
    expect(() => lowered(graphOf([1], [node('y', 'Add', ['x', 'z']), node('z', 'Neg', ['y'])]))).toThrow(
      /depends on its own result. Loops of TensorFlow 1/u,
    );
    expect(() => lowered(graphOf([1], [node('y', 'Neg', ['gone'])]))).toThrow(/reads a node that it does not have/u);
    expect(() => lowered(graphOf([1], [node('z', 'Neg', ['x']), node('y', 'Neg', ['z:3'])]))).toThrow(
      /Output 3 of the Neg operator is read, but it has none/u,
    );
    const shapeless = { ...graphOf([1], [node('y', 'Neg', ['x'])]) };
    const inputs = [{ name: 'x', node: 'x', dtype: 'f32' as const, shape: null }];
    expect(() => lowered({ ...shapeless, inputs })).toThrow(/number of axes that is not known/u);
  });

  it('lowers a chain of 20,000 nodes without a stack of calls', () => {
    const chain = Array.from({ length: 20_000 }, (_, at) => node(`n${at}`, 'Neg', [at === 0 ? 'x' : `n${at - 1}`]));
    expect(lowered(graphOf([1], chain, 'n19999')).graph.nodes.length).toBe(20_000);
  });

  it('gives shapes as the 32-bit integers that TensorFlow declares', () => {
    const model = lowered(graphOf([null, 3], [node('y', 'Shape', ['x'])]));
    expect(valueOf(model, model.graph.outputs[0]!)?.dtype).toBe('i32');
    expect(opsOf(model)).toEqual(['Shape', 'Cast']);
  });

  it('takes a bias into the product before it, unless someone else reads the product', () => {
    const weights = [constant('w', 'f32', [3, 2], [1, 2, 3, 4, 5, 6]), constant('b', 'f32', [2], [1, 2])];
    const alone = [...weights, node('m', 'MatMul', ['x', 'w']), node('y', 'BiasAdd', ['m', 'b'])];
    expect(opsOf(lowered(graphOf([2, 3], alone)))).toEqual(['Gemm']);
    const shared = [
      ...weights,
      node('m', 'MatMul', ['x', 'w']),
      node('p', 'BiasAdd', ['m', 'b']),
      node('y', 'Mul', ['p', 'm']),
    ];
    expect(opsOf(lowered(graphOf([2, 3], shared)))).toEqual(['Gemm', 'Add', 'Mul']);
  });
});

describe('patterns of recorded graphs', () => {
  const cases = recordedCases('operators');
  const model = (name: string): Model => lowerRecorded(cases.get(name)!).model;

  it('a convolution over one axis is one, with its bias inside', () => {
    const made = model('Conv1D bias');
    expect(opsOf(made).filter((op) => op !== 'Transpose')).toEqual(['Conv']);
    expect(weightOf(made, 'Conv')?.shape).toEqual([4, 2, 3]);
    expect(weightOf(made, 'Conv', 2)?.shape).toEqual([4]);
  });

  it('a convolution between SpaceToBatchND and BatchToSpaceND is a dilated one', () => {
    for (const [name, dilations] of [
      ['Conv dilated by batches', [2, 2]],
      ['Conv1D dilated by batches', [2]],
    ] as const) {
      const made = model(name);
      expect(
        opsOf(made).filter((op) => op !== 'Transpose'),
        name,
      ).toEqual(['Conv']);
      const attr = made.graph.nodes.find(({ op }) => op === 'Conv')?.attrs.get('dilations');
      expect(attr?.type === 'ints' ? attr.value.map(Number) : undefined, name).toEqual(dilations);
    }
  });

  it('an Einsum with weights is a product with a constant matrix', () => {
    expect(weightOf(model('Einsum heads'), 'MatMul')?.shape).toEqual([6, 6]);
    expect(weightOf(model('Einsum heads'), 'MatMul')?.constant).toBeDefined();
    expect(opsOf(model('Einsum scores'))).toContain('MatMul');
    expect(opsOf(model('Einsum ellipsis'))).toEqual(['Einsum']);
  });

  it('batch normalization that is spelled out is one again', () => {
    for (const form of ['', ' without shift', ' without scale', ' wide']) {
      const made = model(`batch_normalization${form}`);
      expect(
        opsOf(made).filter((op) => op !== 'Transpose'),
        form,
      ).toEqual(['Conv', 'BatchNormalization']);
    }
  });

  it('a mean that is reshaped to where its axes were keeps them', () => {
    expect(opsOf(model('Mean reshaped'))).not.toContain('Reshape');
    expect(opsOf(model('Mean reshaped otherwise'))).toContain('Reshape');
  });

  it('a product between two reshapes is one over all leading axes', () => {
    for (const name of ['Dense 3-D', 'Dense 4-D open']) expect(opsOf(model(name)), name).toEqual(['MatMul', 'Add']);
  });

  it('fake quantization of values is their grid', () => {
    const grids = [...model('FakeQuantVars').graph.values.values()].filter(({ quantization }) => quantization);
    expect(grids.map(({ quantization }) => quantization?.levels)).toEqual(['u8']);
    expect(opsOf(model('FakeQuantVars'))).toEqual(['Abs']);
  });

  it('fake quantization leaves alone what others read unrounded, under another name as well', () => {
    expect(opsOf(model('FakeQuantVars beside'))).toContain('Identity');
    const aliased = lowered(
      graphOf(
        [4],
        [
          node('t', 'Tanh', ['x']),
          node('alias', 'Identity', ['t']),
          node('q', 'FakeQuantWithMinMaxArgs', ['t']),
          node('y', 'Sub', ['q', 'alias']),
        ],
      ),
    );
    expect(opsOf(aliased)).toEqual(['Tanh', 'Identity', 'Sub']);
  });

  it('fake quantization of weights keeps their integers, per channel on the last axis', () => {
    const perChannel = weightOf(model('FakeQuantPerChannel weights'), 'Gemm');
    expect(perChannel?.constant?.dtype).toBe('i8');
    expect(perChannel?.quantization).toMatchObject({ axis: 1 });
    const kernel = weightOf(model('FakeQuantPerChannel conv'), 'Conv');
    expect([kernel?.constant?.dtype, kernel?.quantization?.axis, kernel?.shape]).toEqual(['u8', 0, [4, 3, 3, 3]]);
  });

  it('shape arithmetic with an open batch folds away', () => {
    for (const name of ['Reshape shape arithmetic', 'Flatten like', 'Einsum dense', 'Dense 3-D']) {
      expect(
        opsOf(model(name)).filter((op) => /Shape|Gather|Concat|Slice|Cast/u.test(op)),
        name,
      ).toEqual([]);
    }
  });

  it('reversals on both sides of a recurrent layer are its direction', () => {
    const both = lowerRecorded(recordedCases('recurrent').get('Keras 2 Bidirectional LSTM')!).model;
    expect(opsOf(both)).not.toContain('Slice');
    const last = lowerRecorded(recordedCases('recurrent').get('Keras 3 LSTM')!).model;
    expect(opsOf(last)).toEqual(['Transpose', 'LSTM', 'Squeeze']);
  });
});
