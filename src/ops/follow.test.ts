/**
 * Named sizes survive the shape arithmetic that exporters and readers write: each case makes a list of sizes from the shape of
 * x, [N, 4, 6], and a tensor of these sizes. What is inferred with the name must be what onnxruntime makes of N = 3.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import type { Dim, Shape } from '#ir/model.ts';
import { arrayOf } from '#measure/numbers.ts';
import { runnable } from '#measure/testing/run-model.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { checkShapes } from './infer.ts';

const N = 3;

const list = (...data: number[]): BuildTensor => ({ dtype: 'i64', shape: [data.length], data });
const scalar = (value: number): BuildTensor => ({ dtype: 'i64', shape: [], data: [value] });

const CONSTANTS: Readonly<Record<string, BuildTensor>> = {
  zero: list(0),
  one: list(1),
  two: list(2),
  three: list(3),
  minus: list(-1),
  first: scalar(0),
  pair: list(0, 1),
  tail: list(4, 6),
  half: { dtype: 'f32', shape: [1], data: [0.5] },
  double: { dtype: 'f32', shape: [1], data: [2] },
  flag: { dtype: 'bool', shape: [1], data: [1] },
  rows: { dtype: 'i64', shape: [1, 1], data: [1] },
};

const node = (op: string, inputs: string, output: string, attrs: BuildNode['attrs'] = {}): BuildNode => ({
  op,
  inputs: inputs.split(' '),
  outputs: [output],
  attrs,
});
/** n: [1], the batch size. */
const BATCH = node('Gather', 'shape zero', 'n');

const CASES: readonly (readonly [string, readonly BuildNode[], Shape])[] = [
  ['Gather and Concat', [BATCH, node('Concat', 'n tail', 's', { axis: 0 })], ['N', 4, 6]],
  ['Slice', [node('Slice', 'shape zero two', 's')], ['N', 4]],
  [
    'a scalar, Unsqueeze',
    [node('Gather', 'shape first', 'n0'), node('Unsqueeze', 'n0 zero', 'n'), node('Concat', 'n two', 's', { axis: 0 })],
    ['N', 2],
  ],
  [
    'Squeeze and Reshape',
    [
      BATCH,
      node('Squeeze', 'n zero', 'n0'),
      node('Reshape', 'n0 one', 'n1'),
      node('Concat', 'n1 two', 's', { axis: 0 }),
    ],
    ['N', 2],
  ],
  ['Cast to i32 and back', [BATCH, node('Cast', 'n', 'c', { to: 6 }), node('Cast', 'c', 's', { to: 7 })], ['N']],
  [
    'Cast to f32 and back',
    [BATCH, node('Cast', 'n', 'c', { to: 1 }), node('Mul', 'c double', 'd'), node('Cast', 'd', 's', { to: 7 })],
    ['2*N'],
  ],
  [
    'half of it',
    [BATCH, node('Cast', 'n', 'c', { to: 1 }), node('Mul', 'c half', 'd'), node('Cast', 'd', 's', { to: 7 })],
    [null],
  ],
  ['Mul', [BATCH, node('Mul', 'n tail', 's')], ['4*N', '6*N']],
  ['Mul and Div', [BATCH, node('Mul', 'n tail', 'm'), node('Div', 'm two', 's')], ['2*N', '3*N']],
  ['ReduceProd', [node('ReduceProd', 'shape', 's', { keepdims: 1 })], ['24*N']],
  [
    'ReduceProd of a part',
    [node('Slice', 'shape zero two', 'p'), node('ReduceProd', 'p', 's', { axes: [0] })],
    ['4*N'],
  ],
  ['ReduceSum of one', [BATCH, node('ReduceSum', 'n zero', 's')], ['N']],
  ['ReduceMax of one', [BATCH, node('ReduceMax', 'n', 's', { axes: [0] })], ['N']],
  ['Size', [node('Size', 'x', 'z'), node('Reshape', 'z one', 's')], ['24*N']],
  ['Max with itself', [BATCH, node('Max', 'n n', 's')], ['N']],
  ['Min with itself', [BATCH, node('Min', 'n n', 's')], ['N']],
  ['Max with a number', [BATCH, node('Max', 'n two', 's')], [null]],
  ['Expand', [BATCH, node('Expand', 'n two', 's')], ['N', 'N']],
  ['Tile', [BATCH, node('Tile', 'n two', 's')], ['N', 'N']],
  ['Where with one flag', [BATCH, node('Where', 'flag shape tail3', 's')], ['N', 4, 6]],
  ['Where by Equal', [BATCH, node('Equal', 'n n', 'e'), node('Where', 'e n two', 's')], ['N']],
  ['Equal of what nobody knows', [BATCH, node('Equal', 'n two', 'e'), node('Where', 'e n two', 's')], [null]],
  ['ScatterND', [BATCH, node('ScatterND', 'tail rows n', 's')], [4, 'N']],
  ['Flatten', [BATCH, node('Flatten', 'n', 'f', { axis: 0 }), node('Reshape', 'f one', 's')], ['N']],
  ['Split', [{ ...node('Split', 'shape', 's'), outputs: ['s', 'b', 'c'] }], ['N']],
];

function modelOf(nodes: readonly BuildNode[]): BuildModel {
  return {
    inputs: { x: { dtype: 'f32', shape: ['N', 4, 6] } },
    outputs: { y: { dtype: 'f32', shape: null } },
    initializers: { ...CONSTANTS, tail3: list(5, 5, 5) },
    nodes: [node('Shape', 'x', 'shape'), ...nodes, node('ConstantOfShape', 's', 'y')],
  };
}

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

/** A size with the name put in. */
function bound(size: Dim): Dim {
  if (typeof size !== 'string') return size;
  return size.split('*').reduce((product, factor) => product * (factor === 'N' ? N : Number(factor)), 1);
}

describe('named sizes', () => {
  it.each(CASES)('survive %s', async (_, nodes, shape) => {
    const built = buildModel(modelOf(nodes));
    const { model, notices } = await checkShapes(built.model, built.store);
    expect(notices).toEqual([]);
    const y = [...model.graph.values.values()].find((value) => value.name === 'y')!;
    expect(y.shape).toEqual(shape);
    const session = await runtime.load(await runnable(built.model, built.store));
    const results = await session.run(
      new Map([['x', arrayOf('f32', [N, 4, 6], new Float32Array(countOf([N, 4, 6])))]]),
    );
    await session.close();
    const actual = results.get('y')!.shape;
    expect(shape.map((size, axis) => (size === null ? actual[axis] : bound(size)))).toEqual(actual);
  });

  it('a condition on them picks one branch of If', async () => {
    const branch = (name: string, to: string): { readonly graph: BuildModel } => ({
      graph: { outputs: [name], nodes: [node('Reshape', `x ${to}`, name)] },
    });
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: ['N', 4, 1] } },
      outputs: { y: { dtype: 'f32', shape: null } },
      initializers: { at: scalar(2), one: scalar(1), flat: list(0, 4), same: list(0, 4, 1) },
      nodes: [
        node('Shape', 'x', 'shape'),
        node('Gather', 'shape at', 'last'),
        node('Equal', 'last one', 'c'),
        node('If', 'c', 'y', { then_branch: branch('a', 'flat'), else_branch: branch('b', 'same') }),
      ],
    });
    const inferred = (await checkShapes(model, store)).model;
    expect([...inferred.graph.values.values()].find((value) => value.name === 'y')?.shape).toEqual(['N', 4]);
  });
});
