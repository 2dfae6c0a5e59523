import { describe, expect, it } from 'vitest';
import { readdirSync } from 'node:fs';
import { buildModel, type BuildModel } from '#ir/testing/build.ts';
import { allValues } from '#ir/walk.ts';
import { checkShapes } from './infer.ts';
import { layersOf } from './layers.ts';
import { OPERATORS, operatorName, operatorOf } from './table.ts';
import { weightRoleOf } from './weight-role.ts';

async function shapesOf(spec: BuildModel): Promise<Record<string, unknown>> {
  const { model, store } = buildModel(spec);
  const inferred = await checkShapes(model, store);
  expect(inferred.notices).toEqual([]);
  return Object.fromEntries([...allValues(inferred.model.graph).values()].map((value) => [value.name, value.shape]));
}

describe('the table', () => {
  it('has every file of the families folder and no operator twice', () => {
    const files = readdirSync(new URL('./families', import.meta.url)).filter((file) => !file.includes('.test.'));
    expect(files.length).toBe(18);
    const names = OPERATORS.map((row) => operatorName(row.domain ?? '', row.name));
    expect(new Set(names).size).toBe(names.length);
    expect(operatorOf('', 'NoSuchOperator')).toBeUndefined();
  });
});

describe('inferShapes', () => {
  it('follows names through Shape, Gather, Unsqueeze, Concat and Reshape', async () => {
    const shapes = await shapesOf({
      inputs: { x: { dtype: 'f32', shape: ['N', 4, 7, 7] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      initializers: {
        zero: { dtype: 'i64', shape: [], data: [0] },
        first: { dtype: 'i64', shape: [1], data: [0] },
        rest: { dtype: 'i64', shape: [1], data: [-1] },
      },
      nodes: [
        { op: 'Shape', inputs: ['x'], outputs: ['s'] },
        { op: 'Gather', inputs: ['s', 'zero'], outputs: ['n'], attrs: { axis: 0 } },
        { op: 'Unsqueeze', inputs: ['n', 'first'], outputs: ['n1'] },
        { op: 'Concat', inputs: ['n1', 'rest'], outputs: ['target'], attrs: { axis: 0 } },
        { op: 'Reshape', inputs: ['x', 'target'], outputs: ['y'] },
      ],
    });
    expect(shapes).toMatchObject({ s: [4], n: [], n1: [1], target: [2], y: ['N', 196] });
  });

  it('cancels names when a -1 takes what is left', async () => {
    const shapes = await shapesOf({
      inputs: { x: { dtype: 'f32', shape: ['N', 8, 'T'] } },
      outputs: { y: { dtype: 'f32', shape: null }, z: { dtype: 'f32', shape: null } },
      initializers: {
        a: { dtype: 'i64', shape: [3], data: [0, -1, 4] },
        b: { dtype: 'i64', shape: [2], data: [-1, 8] },
      },
      nodes: [
        { op: 'Reshape', inputs: ['x', 'a'], outputs: ['y'] },
        { op: 'Reshape', inputs: ['x', 'b'], outputs: ['z'] },
      ],
    });
    expect(shapes).toMatchObject({ y: ['N', '2*T', 4], z: ['N*T', 8] });
  });

  it('keeps a contradicting declaration and says so', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [2, 3] } },
      outputs: { y: { dtype: 'f32', shape: [2, 4] } },
      nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['y'] }],
    });
    const { model: inferred, notices } = await checkShapes(model, store);
    expect(notices.map((notice) => notice.text)).toEqual([
      'The value y is declared [2, 4] but its operator gives [2, 3]; the declaration is kept in the file.',
    ]);
    expect([...inferred.graph.values.values()].find((value) => value.name === 'y')?.shape).toEqual([2, 4]);
  });

  it('goes into both branches of If and keeps what agrees', async () => {
    const shapes = await shapesOf({
      inputs: { x: { dtype: 'f32', shape: [2, 3] }, c: { dtype: 'bool', shape: [] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      nodes: [
        {
          op: 'If',
          inputs: ['c'],
          outputs: ['y'],
          attrs: {
            then_branch: { graph: { outputs: ['t'], nodes: [{ op: 'Relu', inputs: ['x'], outputs: ['t'] }] } },
            else_branch: {
              graph: {
                outputs: ['e'],
                nodes: [{ op: 'Concat', inputs: ['x', 'x'], outputs: ['e'], attrs: { axis: 1 } }],
              },
            },
          },
        },
      ],
    });
    expect(shapes).toMatchObject({ t: [2, 3], e: [2, 6], y: [2, null] });
  });

  it('reads small integers only: a weight is never touched', async () => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [1, 64] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      initializers: {
        w: { dtype: 'f32', shape: [64, 32], data: new Float32Array(64 * 32) },
        shape: { dtype: 'i64', shape: [2], data: [4, 8] },
      },
      nodes: [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['m'] },
        { op: 'Reshape', inputs: ['m', 'shape'], outputs: ['y'] },
      ],
    });
    const read: number[] = [];
    const watched = {
      ...store,
      read: (tensor: Parameters<typeof store.read>[0]) => (read.push(tensor.shape.length), store.read(tensor)),
    };
    await checkShapes(model, watched);
    expect(read).toEqual([1]);
  });
});

describe('layersOf', () => {
  const spec: BuildModel = {
    opset: { '': 21, 'com.microsoft': 1, 'my.own': 1 },
    inputs: { x: { dtype: 'f32', shape: ['batch', 8, 10, 10] } },
    outputs: { y: { dtype: 'f32', shape: null } },
    initializers: {
      w8: { dtype: 'i8', shape: [16, 4, 3, 3], data: new Int8Array(576) },
      s: { dtype: 'f32', shape: [16], data: new Float32Array(16) },
      z: { dtype: 'i8', shape: [16], data: new Int8Array(16) },
      b: { dtype: 'f32', shape: [16], data: new Float32Array(16) },
      table: { dtype: 'f32', shape: [16], data: new Float32Array(16) },
    },
    nodes: [
      { op: 'DequantizeLinear', name: 'dq', inputs: ['w8', 's', 'z'], outputs: ['w'], attrs: { axis: 0 } },
      {
        op: 'Conv',
        name: 'conv',
        inputs: ['x', 'w', 'b'],
        outputs: ['c'],
        attrs: { group: 2, pads: [1, 1, 1, 1], strides: [2, 2] },
      },
      { op: 'Relu', name: 'relu', inputs: ['c'], outputs: ['r'] },
      { op: 'Odd', domain: 'my.own', name: 'odd', inputs: ['r', 'table'], outputs: ['y'] },
    ],
  };

  it('counts a dequantized weight for the layer that reads it', async () => {
    const { model, store } = buildModel(spec);
    const layers = layersOf((await checkShapes(model, store)).model);
    const conv = layers.find((layer) => layer.name === 'conv');
    expect(layers.map((layer) => [layer.name, layer.parameters, layer.weightBytes, layer.macs])).toEqual([
      ['dq', 0, 0, 0],
      ['conv', 576 + 16, 576 + 64 + 16 + 64, 16 * 5 * 5 * 4 * 9],
      ['relu', 0, 0, 0],
      ['odd', 16, 64, null],
    ]);
    expect(conv?.weights.map((weight) => [weight.name, weight.input, weight.bits, weight.sizeBytes])).toEqual([
      ['w8', 1, 8, 576 + 64 + 16],
      ['b', 2, 32, 64],
    ]);
    expect(layers[3]?.macsUnknown).toBe('operator my.own.Odd is not known to Pare');
  });

  it('gives a shared constant to the first layer and names the others', () => {
    const { model } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [1, 4] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      initializers: { w: { dtype: 'f32', shape: [4, 4], data: new Float32Array(16) } },
      nodes: [
        { op: 'MatMul', name: 'a', inputs: ['x', 'w'], outputs: ['m'] },
        { op: 'MatMul', name: 'b', inputs: ['m', 'w'], outputs: ['y'] },
      ],
    });
    const layers = layersOf(model);
    expect(layers.map((layer) => [layer.parameters, layer.weightBytes, layer.weights[0]?.sharedWith])).toEqual([
      [16, 64, ['b']],
      [0, 0, ['a']],
    ]);
  });
});

describe('weightRoleOf', () => {
  const role = (op: string, input: number, rank: number, attrs: Record<string, number> = {}): unknown => {
    const { model } = buildModel({
      inputs: { x: { dtype: 'f32', shape: null } },
      outputs: { y: { dtype: 'f32', shape: null } },
      nodes: [{ op, inputs: ['x', 'x', 'x'], outputs: ['y'], attrs }],
    });
    const node = model.graph.nodes[0];
    const found =
      node === undefined
        ? undefined
        : weightRoleOf(
            node,
            input,
            Array.from({ length: rank }, () => 2),
          );
    return [found?.role, found?.axis, found?.sumAxis, found?.groups];
  };
  it.each([
    ['Conv', 1, 4, { group: 2 }, ['weight', 0, 1, 2]],
    ['ConvTranspose', 1, 4, { group: 3 }, ['weight', 1, 0, 3]],
    ['Gemm', 1, 2, { transB: 1 }, ['weight', 0, 1, 1]],
    ['Gemm', 1, 2, {}, ['weight', 1, 0, 1]],
    ['MatMul', 1, 2, {}, ['weight', 1, 0, 1]],
    ['MatMul', 1, 3, {}, ['weight', 2, 1, 1]],
    ['MatMul', 0, 2, {}, ['weight', 0, 1, 1]],
    ['Gather', 0, 2, {}, ['table', 0, null, 1]],
    ['LSTM', 1, 3, {}, ['weight', 1, 2, 1]],
    ['Reshape', 1, 1, {}, ['setting', null, null, 1]],
    ['Conv', 2, 1, {}, ['bias', null, null, 1]],
    ['Add', 1, 1, {}, ['data', null, null, 1]],
  ] as const)('%s input %i of rank %i', (op, input, rank, attrs, expected) => {
    expect(role(op, input, rank, attrs)).toEqual(expected);
  });
});

describe('a node that breaks a rule of its operator', () => {
  it.each([
    ['a step of 0', { op: 'Slice', inputs: ['x', 'a', 'a', 'a', 'a'] }],
    ['a size below 0', { op: 'Expand', inputs: ['x', 'negative'] }],
    ['an axis that is not there', { op: 'Transpose', inputs: ['x'], attrs: { perm: [5, 7] } }],
  ])('has a result of unknown shape: %s', async (_, node) => {
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [4, 4] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      initializers: {
        a: { dtype: 'i64', shape: [1], data: [0] },
        negative: { dtype: 'i64', shape: [2], data: [-3, 4] },
      },
      nodes: [
        { ...node, name: 'bad', outputs: ['m'] },
        { op: 'Relu', inputs: ['m'], outputs: ['y'] },
      ],
    });
    const { model: inferred } = await checkShapes(model, store);
    const shape = [...inferred.graph.values.values()].find((value) => value.name === 'y')?.shape;
    expect(shape === null || shape?.some((size) => size === null)).toBe(true);
    expect(() => layersOf(inferred)).not.toThrow();
  });
});
