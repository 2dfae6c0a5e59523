/** Half precision in graphs with the traps that converters fall into: each result loads and runs in onnxruntime for Node and web. */
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import type { Model } from '#ir/model.ts';
import { buildModel, type BuildModel, type BuildTensor } from '#ir/testing/build.ts';
import { graphsOf } from '#ir/walk.ts';
import { inferShapes } from '#ops/infer.ts';
import { convertFloat16 } from '#passes/convert/float16.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { outputErrors, runnable } from './testing/run-model.ts';

/** Eleven bits of precision leave about 66 dB; a few layers of rounding take some of that. */
const HALF_DB = 45;

function random(shape: readonly number[], seed = 1): BuildTensor {
  const numbers = seededRandom(seed);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: countOf(shape) }, () => numbers.normal()) };
}
const f32 = (...shape: number[]) => ({ dtype: 'f32' as const, shape });
const open = { dtype: 'f32' as const, shape: null };

const GRAPHS: Readonly<Record<string, BuildModel>> = {
  'Resize keeps float scales': {
    inputs: { x: f32(1, 4, 5, 5) },
    outputs: { y: open },
    initializers: { w: random([4, 4, 1, 1]), s: { dtype: 'f32', shape: [4], data: [1, 1, 2, 2] } },
    nodes: [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
      { op: 'Resize', inputs: ['c', '', 's'], outputs: ['y'], attrs: { mode: 'nearest' } },
    ],
  },
  'Cast to float becomes a cast to half': {
    inputs: { x: { dtype: 'i64', shape: [2, 3] } },
    outputs: { y: open },
    initializers: { w: random([3, 4]) },
    nodes: [
      { op: 'Cast', inputs: ['x'], outputs: ['f'], attrs: { to: 1 } },
      { op: 'MatMul', inputs: ['f', 'w'], outputs: ['y'] },
    ],
  },
  'sizes stay exact': {
    inputs: { x: f32(1, 1, 1, 2051) },
    outputs: { y: open },
    initializers: {
      w: random([1, 1, 1, 1]),
      two: { dtype: 'f32', shape: [], data: [1] },
    },
    nodes: [
      { op: 'Conv', inputs: ['x', 'w'], outputs: ['c'] },
      { op: 'Shape', inputs: ['c'], outputs: ['s'] },
      { op: 'Cast', inputs: ['s'], outputs: ['sf'], attrs: { to: 1 } },
      { op: 'Mul', inputs: ['sf', 'two'], outputs: ['sm'] },
      { op: 'Cast', inputs: ['sm'], outputs: ['si'], attrs: { to: 7 } },
      { op: 'Reshape', inputs: ['c', 'si'], outputs: ['y'] },
    ],
  },
  'a constant read by half and float layers': {
    inputs: { x: f32(3) },
    outputs: { y: open, z: open },
    initializers: { k: random([3]) },
    nodes: [
      { op: 'Add', inputs: ['x', 'k'], outputs: ['y'] },
      { op: 'Max', inputs: ['x', 'k'], outputs: ['z'] },
    ],
  },
  'a float island': {
    inputs: { x: f32(4, 4) },
    outputs: { y: open, h: open },
    initializers: { w: random([4, 4]), a: { dtype: 'i64', shape: [], data: [1] } },
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'CumSum', inputs: ['h', 'a'], outputs: ['c'] },
      { op: 'MatMul', inputs: ['c', 'w'], outputs: ['y'] },
    ],
  },
  'branches of If': {
    inputs: { x: f32(2, 4), c: { dtype: 'bool', shape: [] } },
    outputs: { y: open },
    initializers: { w: random([4, 4]), v: random([4, 4], 2) },
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['i'],
        attrs: {
          then_branch: {
            graph: { outputs: { t: open }, nodes: [{ op: 'MatMul', inputs: ['h', 'v'], outputs: ['t'] }] },
          },
          else_branch: {
            graph: {
              outputs: { e: open },
              initializers: { u: random([4], 3) },
              nodes: [{ op: 'Add', inputs: ['h', 'u'], outputs: ['e'] }],
            },
          },
        },
      },
      { op: 'Relu', inputs: ['i'], outputs: ['y'] },
    ],
  },
  'LSTM with state': {
    inputs: { x: f32(3, 1, 5), h: f32(1, 1, 4), c: f32(1, 1, 4) },
    outputs: { y: open, hn: open },
    initializers: { w: random([1, 16, 5]), r: random([1, 16, 4], 2), b: random([1, 32], 3) },
    nodes: [
      { op: 'LSTM', inputs: ['x', 'w', 'r', 'b', '', 'h', 'c'], outputs: ['y', 'hn'], attrs: { hidden_size: 4 } },
    ],
  },
  'a Constant node and an output that is read': {
    inputs: { x: f32(2, 2) },
    outputs: { y: open, z: open },
    nodes: [
      { op: 'Constant', inputs: [], outputs: ['k'], attrs: { value: { tensor: random([2, 2]) } } },
      { op: 'MatMul', inputs: ['x', 'k'], outputs: ['y'] },
      { op: 'Relu', inputs: ['y'], outputs: ['z'] },
    ],
  },
};

describe('convert/float16', () => {
  let runtimes: readonly Runtime[];
  beforeAll(async () => {
    runtimes = [await openOnnxruntimeNode(), await openOnnxruntimeWeb()];
  });

  const settings = [
    { scope: 'all', keepInputsAndOutputs: true },
    { scope: 'all', keepInputsAndOutputs: false },
    { scope: 'weights', type: 'float16' },
  ] as const;
  const rows = Object.keys(GRAPHS).flatMap((name) =>
    settings.map((setting) => [name, Object.values(setting).join(' '), setting] as const),
  );

  it.each(rows)('%s: %s', async (name, _setting, setting) => {
    const built = buildModel(GRAPHS[name]!);
    const model = await inferShapes(built.model, built.store);
    const result = await runPass(convertFloat16, model, built.store, setting);
    const before = await runnable(model, built.store);
    const after = await runnable(result.model, built.store);
    for (const runtime of runtimes) {
      const outputs = await outputErrors(runtime, before, after);
      expect(outputs.map((output) => output.name)).toEqual(
        model.graph.outputs.map((id) => model.graph.values.get(id)!.name),
      );
      for (const output of outputs) expect(output.sqnrDb, `${output.name} in ${runtime.id}`).toBeGreaterThan(HALF_DB);
    }
    const border = (of: Model): unknown =>
      [...of.graph.inputs, ...of.graph.outputs].map((id) => of.graph.values.get(id)!.dtype);
    if (setting.scope === 'weights' || setting.keepInputsAndOutputs)
      expect(border(result.model)).toEqual(border(model));
    else expect(border(result.model)).not.toContain('f32');
  });

  it('casts a value once however many layers read it', async () => {
    const built = buildModel({
      inputs: { x: f32(2, 2) },
      outputs: { y: open, z: open },
      initializers: { w: random([2, 2]) },
      nodes: [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
        { op: 'Add', inputs: ['x', 'w'], outputs: ['z'] },
      ],
    });
    const { model } = await runPass(convertFloat16, built.model, built.store, { scope: 'all' });
    const casts = [...graphsOf(model.graph)].flatMap((graph) => graph.nodes).filter((node) => node.op === 'Cast');
    expect(casts).toHaveLength(3);
  });

  it('raises what is too small, clamps what is too large and keeps infinities, and says so', async () => {
    const built = buildModel({
      inputs: { x: f32(5) },
      outputs: { y: open },
      initializers: { k: { dtype: 'f32', shape: [5], data: [1e-9, -1e-9, 1e6, -Infinity, 0] } },
      nodes: [{ op: 'Add', name: 'add', inputs: ['x', 'k'], outputs: ['y'] }],
    });
    const { model, ledger } = await runPass(convertFloat16, built.model, built.store, { scope: 'all' });
    const k = [...model.graph.values.values()].find((value) => value.name === 'k')!.constant!;
    const bytes = new Uint8Array(await built.store.read(k));
    expect([...new Uint16Array(bytes.buffer)]).toEqual([0x0001, 0x8001, 0x7bff, 0xfc00, 0]);
    const line = ledger.find((entry) => entry.code === 'range-fixed');
    expect(line?.text).toContain('2 raised');
    expect(line?.text).toContain('1 clamped');
  });
});
