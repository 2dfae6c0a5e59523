/** Quantized layers of every kind are written, run in onnxruntime for Node and for the web, and compared with the float values they stand for. */
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import { buildModel, type BuildModel } from '#ir/testing/build.ts';
import { spellQuantization } from '#formats/onnx/quantization.ts';
import type { Model } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { quantizeWeights } from '#passes/quantize/weights.ts';
import type { QuantizeOptions } from '#passes/quantize/options.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { floatTwin, outputErrors, runnable } from './testing/run-model.ts';

/** float32 sums of up to 600 products taken in another order, with weights rebuilt by scale * (q - z) in both: 1e-5 of the largest output. */
const SAME_SQNR_DB = 100;

function random(shape: readonly number[], seed: number) {
  const numbers = seededRandom(seed);
  return { dtype: 'f32' as const, shape, data: Float32Array.from({ length: countOf(shape) }, () => numbers.normal()) };
}
const x = (...shape: number[]) => ({ x: { dtype: 'f32' as const, shape } });
const y = { y: { dtype: 'f32' as const, shape: null } };

const LAYERS: Readonly<Record<string, BuildModel>> = {
  Conv: {
    inputs: x(1, 48, 6, 6),
    outputs: y,
    initializers: { w: random([8, 48, 3, 3], 1), b: random([8], 2) },
    nodes: [{ op: 'Conv', inputs: ['x', 'w', 'b'], outputs: ['y'] }],
  },
  'Conv, depthwise': {
    inputs: x(1, 6, 6, 6),
    outputs: y,
    initializers: { w: random([6, 1, 3, 3], 1) },
    nodes: [{ op: 'Conv', inputs: ['x', 'w'], outputs: ['y'], attrs: { group: 6 } }],
  },
  ConvTranspose: {
    inputs: x(1, 40, 4, 4),
    outputs: y,
    initializers: { w: random([40, 3, 2, 3], 3) },
    nodes: [{ op: 'ConvTranspose', inputs: ['x', 'w'], outputs: ['y'] }],
  },
  MatMul: {
    inputs: x(2, 3, 60),
    outputs: y,
    initializers: { w: random([60, 7], 4) },
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
  },
  'MatMul, rank 3': {
    inputs: x(2, 3, 40),
    outputs: y,
    initializers: { w: random([2, 40, 7], 4) },
    nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }],
  },
  'MatMul, weight left': {
    inputs: x(40, 3),
    outputs: y,
    initializers: { w: random([5, 40], 4) },
    nodes: [{ op: 'MatMul', inputs: ['w', 'x'], outputs: ['y'] }],
  },
  'Gemm, transB': {
    inputs: x(3, 33),
    outputs: y,
    initializers: { w: random([10, 33], 5), c: random([10], 6) },
    nodes: [{ op: 'Gemm', inputs: ['x', 'w', 'c'], outputs: ['y'], attrs: { transB: 1 } }],
  },
  'Gemm, bias of a row': {
    inputs: x(3, 32),
    outputs: y,
    initializers: { w: random([32, 10], 5), c: random([1, 10], 6) },
    nodes: [{ op: 'Gemm', inputs: ['x', 'w', 'c'], outputs: ['y'] }],
  },
  'Gemm, scaled': {
    inputs: x(3, 32),
    outputs: y,
    initializers: { w: random([32, 10], 5), c: random([1, 10], 6) },
    nodes: [
      { op: 'Gemm', inputs: ['x', 'w', 'c'], outputs: ['y'], attrs: { alpha: { float: 0.5 }, beta: { float: 2 } } },
    ],
  },
  Gather: {
    inputs: { x: { dtype: 'i64', shape: [2, 3] } },
    outputs: y,
    initializers: { w: random([9, 40], 7) },
    nodes: [{ op: 'Gather', inputs: ['w', 'x'], outputs: ['y'] }],
  },
  LSTM: {
    inputs: x(4, 1, 20),
    outputs: y,
    initializers: { w: random([1, 32, 20], 8), r: random([1, 32, 8], 9) },
    nodes: [{ op: 'LSTM', inputs: ['x', 'w', 'r'], outputs: ['y'], attrs: { hidden_size: 8 } }],
  },
  'one weight, two layers': {
    inputs: x(3, 32),
    outputs: y,
    initializers: { w: random([32, 32], 10) },
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'MatMul', inputs: ['h', 'w'], outputs: ['y'] },
    ],
  },
};

/** Places where models keep weights. */
const PLACES: Readonly<Record<string, BuildModel>> = {
  'an initializer that is an input too': {
    inputs: x(3, 32),
    outputs: y,
    initializers: { w: random([32, 16], 1), v: random([16, 16], 2) },
    initializersAsInputs: ['w', 'v'],
    nodes: [
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['h'] },
      { op: 'Add', inputs: ['h', 'h'], outputs: ['y'] },
      { op: 'MatMul', inputs: ['v', 'v'], outputs: ['unused'] },
    ],
  },
  'a Constant node': {
    inputs: x(3, 32),
    outputs: y,
    nodes: [
      { op: 'Constant', inputs: [], outputs: ['w'], attrs: { value: { tensor: random([32, 16], 1) } } },
      { op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] },
    ],
  },
  'branches of If, their own and from around': {
    inputs: { ...x(3, 32), c: { dtype: 'bool', shape: [] } },
    outputs: y,
    initializers: { w: random([32, 32], 1) },
    nodes: [
      {
        op: 'If',
        inputs: ['c'],
        outputs: ['y'],
        attrs: {
          then_branch: {
            graph: { outputs: { t: y.y }, nodes: [{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['t'] }] },
          },
          else_branch: {
            graph: {
              outputs: { e: y.y },
              initializers: { v: random([32, 32], 2) },
              nodes: [
                { op: 'MatMul', inputs: ['x', 'v'], outputs: ['p'] },
                { op: 'MatMul', inputs: ['p', 'w'], outputs: ['e'] },
              ],
            },
          },
        },
      },
    ],
  },
};

const OPTIONS: readonly Partial<QuantizeOptions>[] = [
  { bits: 8, granularity: 'tensor' },
  { bits: 8, granularity: 'channel' },
  { bits: 8, granularity: 'channel', signed: false, symmetric: false },
  { bits: 8, granularity: 'block', block: 16 },
  { bits: 8, granularity: 'block', block: 32, symmetric: false, signed: false },
  { bits: 4, granularity: 'channel' },
  { bits: 4, granularity: 'tensor', symmetric: false, range: 'mse' },
  { bits: 4, granularity: 'block', block: 32 },
  { bits: 4, granularity: 'block', block: 16, symmetric: false, signed: false },
  { bits: 4, granularity: 'block', block: 16, form: 'dequantize', convention: 'nbits' },
  { bits: 4, granularity: 'block', block: 32, signed: false, range: 'percentile' },
  { bits: 16, granularity: 'channel' },
  { bits: 16, granularity: 'block', block: 16, symmetric: false },
  { bits: 2, granularity: 'block', block: 16 },
  { bits: 2, granularity: 'block', block: 16, symmetric: false, signed: false },
];

/** Bytes of all constants that spelling the quantization makes. */
async function bytesAddedBy(model: Model, store: WeightStore): Promise<number> {
  const before = new Set(
    [...allValues(model.graph).values()]
      .filter((value) => value.quantization === undefined)
      .map((value) => value.constant?.key),
  );
  const spelled = await spellQuantization(model, store);
  const made = [...allValues(spelled.graph).values()].flatMap(({ constant }) =>
    constant === undefined || before.has(constant.key) ? [] : [constant],
  );
  return made.reduce((sum, tensor) => sum + store.sizeBytes(tensor), 0);
}

const named = (options: Partial<QuantizeOptions>): string => Object.values(options).join(' ');

describe.each(Object.entries(LAYERS))('%s', (_layer, spec) => {
  let runtimes: readonly Runtime[];
  beforeAll(async () => {
    runtimes = [await openOnnxruntimeNode(), await openOnnxruntimeWeb()];
  });

  it.each(OPTIONS.map((options) => [named(options), options] as const))('%s', async (_name, options) => {
    for (const opset of [options.bits === 8 || options.bits === 2 ? 11 : 13, 21]) {
      const { model, store } = buildModel({ ...spec, opset, irVersion: opset === 21 ? 10 : 6 });
      const result = await runPass(quantizeWeights, model, store, { ...options, minimumElements: 0 });
      const changed = result.ledger.filter((line) => line.action === 'changed');
      expect(result.ledger.length).toBeGreaterThan(0);
      if (options.bits !== 2) expect(changed.length).toBeGreaterThan(0);
      // What the ledger says a weight takes is what lies in the file.
      const told = changed.reduce((sum, line) => sum + (line.outcome?.bytesAfter ?? 0), 0);
      expect(await bytesAddedBy(result.model, store)).toBe(told);
      const after = await runnable(result.model, store);
      const twin = await runnable(await floatTwin(result.model, store), store);
      for (const runtime of runtimes) {
        for (const output of await outputErrors(runtime, twin, after)) {
          expect(output.sqnrDb, `${runtime.id}, opset ${String(opset)}`).toBeGreaterThan(SAME_SQNR_DB);
        }
      }
    }
  });
});

describe.each(Object.entries(PLACES))('weights in %s', (_place, spec) => {
  it.each([
    { bits: 8, granularity: 'channel' },
    { bits: 4, granularity: 'block', block: 16 },
    { bits: 4, granularity: 'block', block: 16, form: 'dequantize' },
  ] as const)('%o', async (options) => {
    for (const irVersion of [3, 8]) {
      const { model, store } = buildModel({ ...spec, opset: 13, irVersion });
      const result = await runPass(quantizeWeights, model, store, { ...options, minimumElements: 0 });
      expect(result.ledger.every((line) => line.action === 'changed')).toBe(true);
      const after = await runnable(result.model, store);
      const twin = await runnable(await floatTwin(result.model, store), store);
      for (const runtime of [await openOnnxruntimeNode(), await openOnnxruntimeWeb()]) {
        for (const output of await outputErrors(runtime, twin, after)) {
          expect(output.sqnrDb, runtime.id).toBeGreaterThan(SAME_SQNR_DB);
        }
      }
    }
  });
});

describe('weights that are float16 already', () => {
  const half = (shape: readonly number[], seed: number) => ({
    ...random(shape, seed),
    dtype: 'f16' as const,
    data: [...random(shape, seed).data],
  });
  it.each([
    { bits: 8, granularity: 'channel' },
    { bits: 8, granularity: 'tensor', symmetric: false, signed: false },
    { bits: 4, granularity: 'block', block: 16 },
    { bits: 4, granularity: 'block', block: 16, form: 'dequantize' },
  ] as const)('%o', async (options) => {
    const { model, store } = buildModel({
      inputs: x(3, 32),
      outputs: y,
      opset: 13,
      initializers: { w: half([32, 16], 1) },
      nodes: [
        { op: 'Cast', inputs: ['x'], outputs: ['h'], attrs: { to: 10 } },
        { op: 'MatMul', inputs: ['h', 'w'], outputs: ['p'] },
        { op: 'Cast', inputs: ['p'], outputs: ['y'], attrs: { to: 1 } },
      ],
    });
    const result = await runPass(quantizeWeights, model, store, { ...options, minimumElements: 0 });
    expect(result.ledger.map((line) => line.action)).toEqual(['changed']);
    for (const runtime of [await openOnnxruntimeNode(), await openOnnxruntimeWeb()]) {
      for (const output of await outputErrors(
        runtime,
        await runnable(model, store),
        await runnable(result.model, store),
      )) {
        expect(output.sqnrDb, runtime.id).toBeGreaterThan(options.bits === 8 ? 30 : 15);
      }
    }
  });
});
