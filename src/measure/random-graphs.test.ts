/** Random small graphs: inferred shapes hold, and no pass that promises to keep values changes an output in onnxruntime. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import { checkShapes } from '#ops/infer.ts';
import { convertOpset } from '#passes/convert/opset.ts';
import { anyOptions } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import { joinDuplicateConstants } from '#passes/simplify/duplicate-constants.ts';
import { foldConstants } from '#passes/simplify/fold-constants.ts';
import { removeIdentity } from '#passes/simplify/identity.ts';
import { removeUnused } from '#passes/simplify/unused.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { largestDifference } from './testing/largest-difference.ts';
import { valuesByName, withAllOutputs } from './testing/open-fixture.ts';
import { runnable } from './testing/run-model.ts';
import { randomFeeds } from './random-inputs.ts';

/** Folded functions are rounded once instead of twice; a chain of ten operators carries that on. */
const TOLERANCE = 1e-5;

const PASSES: readonly Pass[] = [
  anyOptions(foldConstants),
  anyOptions(removeIdentity),
  anyOptions(joinDuplicateConstants),
  anyOptions(removeUnused),
  anyOptions(convertOpset),
];

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

/** A graph of chosen operators at opset 11 over tensors whose first axis is open. Every choice is a byte of `choices`. */
function graphOf(choices: readonly number[]): BuildModel {
  const random = seededRandom(choices.length);
  const initializers: Record<string, BuildTensor> = {
    zero: { dtype: 'f32', shape: [1], data: [0] },
    one: { dtype: 'f32', shape: [4], data: [1, 1, 1, 1] },
    half: { dtype: 'f32', shape: [4], data: [0.5, 0.5, 0.5, 0.5] },
    again: { dtype: 'f32', shape: [4], data: [0.5, 0.5, 0.5, 0.5] },
    same: { dtype: 'i64', shape: [3], data: [0, -1, 4] },
    target: { dtype: 'i64', shape: [1], data: [4] },
    index: { dtype: 'i64', shape: [1], data: [0] },
    weight: { dtype: 'f32', shape: [4, 4], data: Array.from({ length: 16 }, () => Math.fround(random.normal() / 2)) },
  };
  const nodes: BuildNode[] = [];
  // Every value is [N, 3, 4] or [3, 4] (a constant), so that any two meet.
  const values = ['x', 'half'];
  const pick = (byte: number): string => values[byte % values.length] ?? 'x';
  for (let at = 0; at + 2 < choices.length; at += 3) {
    const [what = 0, a = 0, b = 0] = choices.slice(at, at + 3);
    const y = `v${String(at)}`;
    nodes.push(...nodesFor(what % 18, y, pick(a), pick(b)));
    values.push(y);
  }
  const last = values.at(-1) ?? 'x';
  nodes.push({ op: 'Add', inputs: [last, 'x'], outputs: ['y'] });
  return {
    opset: 11,
    irVersion: 6,
    inputs: { x: { dtype: 'f32', shape: ['N', 3, 4] } },
    outputs: { y: { dtype: 'f32', shape: null } },
    initializers,
    nodes,
  };
}

function nodesFor(what: number, y: string, a: string, b: string): readonly BuildNode[] {
  const one = (
    op: string,
    inputs: readonly string[],
    attrs: NonNullable<BuildNode['attrs']> = {},
  ): readonly BuildNode[] => [{ op, inputs, outputs: [y], attrs, name: `n_${y}` }];
  switch (what) {
    case 0:
      return one('Add', [a, b]);
    case 1:
      return one('Mul', [a, 'one']);
    case 2:
      return one('Add', ['zero', a]);
    case 3:
      return one('Identity', [a]);
    case 4:
      return one('Tanh', [a]);
    case 5:
      return one('MatMul', [a, 'weight']);
    case 6:
      return one('Softmax', [a], { axis: -1 });
    case 7:
      return one('Clip', [a]);
    case 8:
      return one('Mul', ['half', 'again']);
    case 9:
      return [
        { op: 'Unsqueeze', inputs: [a], outputs: [`${y}_u`], attrs: { axes: [0] } },
        { op: 'Squeeze', inputs: [`${y}_u`], outputs: [y], attrs: { axes: [0] } },
      ];
    case 10:
      return [
        { op: 'Shape', inputs: [a], outputs: [`${y}_s`] },
        { op: 'Reshape', inputs: [a, `${y}_s`], outputs: [y] },
      ];
    case 11:
      return one('Sum', [a, b, 'half']);
    case 12:
      return one('Dropout', [a], { ratio: { float: 0.5 } });
    case 13:
      return one('Cast', [a], { to: 1 });
    case 14:
      return [
        { op: 'ReduceMean', inputs: [a], outputs: [`${y}_m`], attrs: { axes: [-1], keepdims: 1 } },
        { op: 'Sub', inputs: [a, `${y}_m`], outputs: [y] },
      ];
    case 15:
      return [
        { op: 'Shape', inputs: ['x'], outputs: [`${y}_s`] },
        { op: 'Gather', inputs: [`${y}_s`, 'index'], outputs: [`${y}_n`] },
        { op: 'Cast', inputs: [`${y}_n`], outputs: [`${y}_f`], attrs: { to: 1 } },
        { op: 'Mul', inputs: [a, `${y}_f`], outputs: [y] },
      ];
    case 16:
      return [
        { op: 'Expand', inputs: ['zero', 'target'], outputs: [`${y}_e`] },
        { op: 'Max', inputs: [a, `${y}_e`], outputs: [y] },
      ];
    default:
      return [
        { op: 'Exp', inputs: [a], outputs: [`${y}_dead`] },
        { op: 'Sigmoid', inputs: [a], outputs: [y] },
      ];
  }
}

const bytes = fc.array(fc.nat(255), { minLength: 3, maxLength: 36 });

describe('random graphs', () => {
  it('have the shapes that were inferred', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (choices) => {
        const { model, store } = buildModel(graphOf(choices));
        const inferred = await checkShapes(model, store);
        expect(inferred.notices).toEqual([]);
        const session = await runtime.load(await runnable(withAllOutputs(inferred.model), store));
        const { feeds } = randomFeeds(session.inputs, { runs: 1, seed: 1, dims: new Map([['N', 5]]) });
        const results = await session.run(feeds[0] ?? new Map());
        await session.close();
        const values = valuesByName(inferred.model);
        for (const [name, { shape, dtype }] of results) {
          const value = values.get(name);
          expect({ name, dtype: value?.dtype, shape: value?.shape?.map((size) => (size === 'N' ? 5 : size)) }).toEqual({
            name,
            dtype,
            shape,
          });
        }
      }),
      { numRuns: 60, seed: 20 },
    );
  });

  it('keep their outputs through every pass that says so', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, async (choices) => {
        const { model, store } = buildModel(graphOf(choices));
        let after = model;
        for (const pass of PASSES) after = (await runPass(pass, after, store)).model;
        expect(await largestDifference(runtime, model, after, store)).toBeLessThanOrEqual(TOLERANCE);
        expect(after.graph.nodes.length).toBeLessThanOrEqual(model.graph.nodes.length);
      }),
      { numRuns: 60, seed: 21 },
    );
  });
});

describe('Loop and Scan', () => {
  it('get the shapes that onnxruntime gives them', async () => {
    const { model, store } = buildModel({
      opset: 17,
      inputs: { x: { dtype: 'f32', shape: [5, 3] }, s: { dtype: 'f32', shape: [3] } },
      outputs: {
        final: { dtype: 'f32', shape: null },
        all: { dtype: 'f32', shape: null },
        grown: { dtype: 'f32', shape: null },
        steps: { dtype: 'f32', shape: null },
      },
      initializers: { times: { dtype: 'i64', shape: [], data: [4] } },
      nodes: [
        {
          op: 'Scan',
          inputs: ['s', 'x'],
          outputs: ['final', 'all'],
          attrs: {
            num_scan_inputs: 1,
            body: {
              graph: {
                inputs: { a: { dtype: 'f32', shape: null }, r: { dtype: 'f32', shape: null } },
                outputs: ['b', 'c'],
                nodes: [
                  { op: 'Add', inputs: ['a', 'r'], outputs: ['b'] },
                  { op: 'Neg', inputs: ['b'], outputs: ['c'] },
                ],
              },
            },
          },
        },
        {
          op: 'Loop',
          inputs: ['times', '', 's'],
          outputs: ['grown', 'steps'],
          attrs: {
            body: {
              graph: {
                inputs: {
                  i: { dtype: 'i64', shape: [] },
                  go: { dtype: 'bool', shape: [] },
                  v: { dtype: 'f32', shape: null },
                },
                outputs: ['on', 'w', 't'],
                nodes: [
                  { op: 'Identity', inputs: ['go'], outputs: ['on'] },
                  { op: 'Concat', inputs: ['v', 's'], outputs: ['w'], attrs: { axis: 0 } },
                  { op: 'Relu', inputs: ['s'], outputs: ['t'] },
                ],
              },
            },
          },
        },
      ],
    });
    const inferred = (await checkShapes(model, store)).model;
    const shapes = Object.fromEntries([...inferred.graph.values.values()].map((value) => [value.name, value.shape]));
    expect(shapes).toMatchObject({ final: [3], all: [5, 3], grown: [null], steps: [null, 3] });
    const session = await runtime.load(await runnable(inferred, store));
    const results = await session.run(randomFeeds(session.inputs, { runs: 1, seed: 1 }).feeds[0] ?? new Map());
    await session.close();
    expect(Object.fromEntries([...results].map(([name, { shape }]) => [name, shape]))).toEqual({
      final: [3],
      all: [5, 3],
      grown: [15],
      steps: [4, 3],
    });
  });
});
