/** Branches and loops against onnxruntime: values from around, carried and scanned ones, loops that end early or never start. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { buildModel, type BuildGraph, type BuildModel } from '#ir/testing/build.ts';
import { runnable } from '#measure/testing/run-model.ts';
import { arrayOf } from '#measure/numbers.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { openInterpreter } from './interpreter.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

type Feeds = Readonly<Record<string, NdArray>>;

/** Both results, by name, as plain lists. */
async function agree(spec: BuildModel, given: Feeds): Promise<void> {
  const { model, store } = buildModel(spec);
  const feeds = new Map(Object.entries(given));
  const session = await runtime.load(await runnable(model, store));
  const expected = await session.run(feeds);
  await session.close();
  const actual = await (await openInterpreter(model, store)).run(feeds);
  const plain = (results: ReadonlyMap<string, NdArray>): unknown =>
    [...results].map(([name, { dtype, shape, data }]) => [name, dtype, shape, Array.from(data as ArrayLike<number>)]);
  expect(plain(actual)).toEqual(plain(expected));
}

const real = (...values: number[]): NdArray => arrayOf('f32', [values.length], values);
const scalar = (dtype: 'i64' | 'bool', value: number): NdArray => arrayOf(dtype, [], [value]);

const f32 = { dtype: 'f32', shape: [3] } as const;
const counter = { dtype: 'i64', shape: [] } as const;
const flag = { dtype: 'bool', shape: [] } as const;

describe('If', () => {
  const branch = (op: string): BuildGraph => ({
    outputs: { [`${op}_made`]: f32 },
    nodes: [{ op, inputs: ['x', 'x'], outputs: [`${op}_made`] }],
  });
  it.each([0, 1])('takes the branch for %s', async (cond) => {
    const spec: BuildModel = {
      inputs: { cond: flag, x: f32 },
      outputs: { y: f32 },
      nodes: [
        {
          op: 'If',
          inputs: ['cond'],
          outputs: ['y'],
          attrs: { then_branch: { graph: branch('Add') }, else_branch: { graph: branch('Mul') } },
        },
      ],
    };
    await agree(spec, { cond: scalar('bool', cond), x: real(1, 2, 3) });
  });
});

describe('Loop', () => {
  /** total = total + x, as long as the turn is below `until`; each turn's total is scanned. */
  const body: BuildGraph = {
    inputs: { turn: counter, going: flag, total: f32 },
    outputs: { still: flag, next: f32, seen: f32 },
    nodes: [
      { op: 'Add', inputs: ['total', 'x'], outputs: ['next'] },
      { op: 'Identity', inputs: ['next'], outputs: ['seen'] },
      { op: 'Less', inputs: ['turn', 'until'], outputs: ['still'] },
    ],
  };
  const spec = (inputs: readonly string[]): BuildModel => ({
    inputs: { m: counter, cond: flag, x: f32, until: counter },
    outputs: { last: f32, all: { dtype: 'f32', shape: [null, 3] } },
    nodes: [{ op: 'Loop', inputs, outputs: ['last', 'all'], attrs: { body: { graph: body } } }],
  });
  const feeds = (m: number, cond: number, until: number): Feeds => ({
    m: scalar('i64', m),
    cond: scalar('bool', cond),
    x: real(1, 2, 3),
    until: scalar('i64', until),
  });
  it.each([
    ['all its turns', 4, 1, 9],
    ['until the condition fails', 9, 1, 2],
    ['no turn at all', 0, 1, 9],
    ['no turn for a false condition', 4, 0, 9],
  ])('runs %s', async (_, m, cond, until) => {
    await agree(spec(['m', 'cond', 'x']), feeds(m, cond, until));
  });
  it('runs without a count', async () => {
    const { m: _m, cond: _cond, ...given } = feeds(0, 1, 3);
    const { inputs, ...rest } = spec(['', '', 'x']);
    const { m: _a, cond: _b, ...left } = inputs ?? {};
    await agree({ ...rest, inputs: left }, given);
  });
});

describe('Scan', () => {
  const row = { dtype: 'f32', shape: [2] } as const;
  const body: BuildGraph = {
    inputs: { state: row, slice: row },
    outputs: { next: row, made: row },
    nodes: [
      { op: 'Add', inputs: ['state', 'slice'], outputs: ['next'] },
      { op: 'Mul', inputs: ['state', 'slice'], outputs: ['made'] },
    ],
  };
  it.each([
    ['forwards', {}],
    ['backwards', { scan_input_directions: [1] }],
    ['into a reversed output', { scan_output_directions: [1] }],
    ['along other axes', { scan_input_axes: [1], scan_output_axes: [1] }],
    ['along the last axis', { scan_output_axes: [-1] }],
  ])('runs %s', async (_, attrs) => {
    const turned = 'scan_input_axes' in attrs;
    const spec: BuildModel = {
      inputs: { start: row, xs: { dtype: 'f32', shape: turned ? [2, 3] : [3, 2] } },
      outputs: { last: row, all: { dtype: 'f32', shape: [null, null] } },
      nodes: [
        {
          op: 'Scan',
          inputs: ['start', 'xs'],
          outputs: ['last', 'all'],
          attrs: { body: { graph: body }, num_scan_inputs: 1, ...attrs },
        },
      ],
    };
    const xs = arrayOf('f32', turned ? [2, 3] : [3, 2], [1, 2, 3, 4, 5, 6]);
    await agree(spec, { start: real(0.5, -1), xs });
  });
});
