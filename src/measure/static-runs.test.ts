/**
 * quantize/static in onnxruntime: real models load and run, every layer is accounted for, what the runtime computes in
 * integers is what the file says in floats, and whole layers really become integer kernels.
 */
import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithTestdata, testModels, testdata } from '#base/testing/testdata.ts';
import type { Model } from '#ir/model.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import type { WeightStore } from '#ir/weights.ts';
import { inferShapes } from '#ops/infer.ts';
import { PASSES } from '#passes/index.ts';
import { runPass } from '#passes/testing/desk.ts';
import { quantizeStatic } from '#passes/quantize/static.ts';
import type { StaticOptions } from '#passes/quantize/static/options.ts';
import { findPreset } from '#recipes/presets.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { optimizedModel } from '#runtimes/testing/optimized-model.ts';
import { minMaxEvidence } from './testing/min-max-evidence.ts';
import { openOnnxFile } from './testing/open-fixture.ts';
import { outputErrors, runnable } from './testing/run-model.ts';
import { randomFeeds } from './random-inputs.ts';
import { seededRandom } from '#base/random.ts';

/** Sizes that the models leave open: one frame of silero_vad with its context. */
const DIMS = new Map([
  ['input:1', 576],
  ['state:1', 1],
]);

let plain: Runtime;
let fused: Runtime;
let web: Runtime;
beforeAll(async () => {
  plain = await openOnnxruntimeNode({ optimization: 'disabled' });
  fused = await openOnnxruntimeNode();
  web = await openOnnxruntimeWeb();
});

/** Calibrates on seeded noise and quantizes. */
async function quantized(model: Model, store: WeightStore, options: Partial<StaticOptions> = {}) {
  const session = await plain.load(await runnable(model, store));
  const { feeds } = randomFeeds(session.inputs, { runs: 4, seed: 5, dims: DIMS });
  await session.close();
  const evidence = await minMaxEvidence(model, store, feeds);
  return runPass(quantizeStatic, model, store, options, { evidence });
}

async function kernelCounts(model: Model, store: WeightStore): Promise<Record<string, number>> {
  const { model: bytes } = await runnable(model, store);
  if (!(bytes instanceof Uint8Array)) throw new Error('a file in memory was expected');
  const optimized = await optimizedModel(bytes);
  const counts: Record<string, number> = {};
  for (const { op } of optimized.model.graph.nodes) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}

/** What the presets do before they lose anything. */
async function cleanedUp(model: Model, store: WeightStore): Promise<Model> {
  let cleaned = model;
  for (const { pass } of findPreset('clean-up')?.recipe.steps ?? []) {
    cleaned = (
      await runPass(
        PASSES.find(({ name }) => name === pass)!,
        cleaned,
        store,
      )
    ).model;
  }
  return inferShapes(cleaned, store);
}

/** The licence of cct_transformer forbids derived works; the light models have no weights but ConstantOfShape. */
const LEFT_OUT = /cct_transformer|onnx_light/;
const MODELS = testModels('.onnx').filter((path) => !LEFT_OUT.test(path));

/** Integer kernels and the same layers in float between DequantizeLinear and QuantizeLinear differ by single levels. */
const SAME_LEVELS_DB = 20;
/** A detector's and a recurrent model's outputs on noise are decided by differences that single levels turn over. */
const CHAOTIC = /yolox|silero|basic_pitch|tiny_random/;

describeWithTestdata('quantize/static on real models', () => {
  it.each(
    MODELS.flatMap((path) => (['integer', 'onnxruntime'] as const).map((operators) => [path, operators] as const)),
  )(
    '%s, operators: %s',
    async (path, operators) => {
      const { model: read, store } = await openOnnxFile(testdata(`models/${path}`));
      const model = await cleanedUp(await inferShapes(read, store), store);
      const result = await quantized(model, store, { operators });
      const told = new Set(result.ledger.map(({ layer }) => layer));
      const untold = model.graph.nodes.filter(({ op, name }) => op !== 'Constant' && !told.has(name));
      expect(untold.map(({ name }) => name)).toEqual([]);
      expect(result.ledger.filter(({ action, outcome }) => action === 'changed' && outcome !== undefined)).not.toEqual(
        [],
      );
      const after = await runnable(result.model, store);
      for (const runtime of [fused, web]) {
        const session = await runtime.load(after);
        const { feeds } = randomFeeds(session.inputs, { runs: 1, seed: 6, dims: DIMS });
        for (const [name, { data }] of await session.run(feeds[0]!)) {
          if (data instanceof Float32Array) expect(data.every(Number.isFinite), `${runtime.id} ${name}`).toBe(true);
        }
        await session.close();
      }
      if (CHAOTIC.test(path) || operators === 'onnxruntime') return;
      const reference = await plain.load(after);
      const integers = await fused.load(after);
      const { feeds } = randomFeeds(reference.inputs, { runs: 1, seed: 6, dims: DIMS });
      const [a, b] = [await reference.run(feeds[0]!), await integers.run(feeds[0]!)];
      for (const [name, { data }] of a) expect(sqnr(data, b.get(name)!.data), name).toBeGreaterThan(SAME_LEVELS_DB);
      await reference.close();
      await integers.close();
    },
    120_000,
  );

  it.each([
    ['mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx', { QLinearConv: 28, QLinearAveragePool: 1 }],
    [
      'mlperf_tiny_resnet8/resnet8_from_tflite.onnx',
      { QLinearConv: 9, QLinearAdd: 3, QLinearAveragePool: 1, QGemm: 1 },
    ],
    ['ultraface/version-RFB-320.onnx', { QLinearConv: 52, QLinearConcat: 1, QLinearAdd: 1 }],
    ['yolox_nano/yolox_nano.onnx', { QLinearConv: 113, QLinearSigmoid: 104, QLinearMul: 104 }],
  ] as const)('%s: %o, and no product in float', async (path, expected) => {
    const { model: read, store } = await openOnnxFile(testdata(`models/${path}`));
    const model = await cleanedUp(await inferShapes(read, store), store);
    const counts = await kernelCounts((await quantized(model, store)).model, store);
    expect(counts).toMatchObject(expected);
    for (const op of ['Conv', 'FusedConv', 'Gemm', 'MatMul', 'Relu', 'Clip']) expect(counts[op] ?? 0, op).toBe(0);
  });

  it.each([
    ['mlperf_tiny_kws/kws_from_savedmodel.onnx', { Conv: 1, QLinearConv: 8, QLinearAveragePool: 1, QGemm: 1 }],
    ['mnist/mnist.onnx', { Conv: 1, QLinearConv: 1, QLinearMatMul: 1 }],
  ] as const)('%s: %o, as a convolution of one channel is faster in float', async (path, expected) => {
    const { model: read, store } = await openOnnxFile(testdata(`models/${path}`));
    const model = await cleanedUp(await inferShapes(read, store), store);
    const { model: after, ledger } = await quantized(model, store);
    expect(await kernelCounts(after, store)).toMatchObject(expected);
    expect(ledger.filter(({ code }) => code === 'one-channel')).toHaveLength(1);
  });

  it('opens the models that it reads from the disk', () => {
    expect(MODELS.length).toBeGreaterThan(9);
    expect(readFileSync(testdata(`models/${MODELS[0] ?? ''}`)).byteLength).toBeGreaterThan(0);
  });
});

function sqnr(x: ArrayLike<unknown>, y: ArrayLike<unknown>): number {
  let [signal, noise] = [0, 0];
  for (let i = 0; i < x.length; i++) {
    signal += Number(x[i]) ** 2;
    noise += (Number(x[i]) - Number(y[i])) ** 2;
  }
  return noise === 0 ? Infinity : 10 * Math.log10(signal / noise);
}

const random = seededRandom(3);
function floats(...shape: readonly number[]): BuildTensor {
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: count }, () => random.normal()) };
}

function small(
  nodes: readonly BuildNode[],
  initializers: Record<string, BuildTensor>,
  shape: readonly number[],
): BuildModel {
  const y = { dtype: 'f32', shape: null } as const;
  return { opset: 13, inputs: { x: { dtype: 'f32', shape } }, outputs: { y }, initializers, nodes };
}

const image = [1, 4, 8, 8] as const;
const conv = (x: string, y: string, more: object = {}): BuildNode => ({
  op: 'Conv',
  inputs: [x, `${y}_w`, `${y}_b`],
  outputs: [y],
  ...more,
});
const weights = (y: string): Record<string, BuildTensor> => ({ [`${y}_w`]: floats(4, 4, 1, 1), [`${y}_b`]: floats(4) });
const dense = (attrs: NonNullable<BuildNode['attrs']>, bias: BuildTensor, w = floats(6, 5)): BuildModel =>
  small([{ op: 'Gemm', inputs: ['x', 'w', 'b'], outputs: ['y'], attrs }], { w, b: bias }, [3, 6]);

/** Small graphs, and the integer kernels that must be left of them. */
const CASES: Readonly<Record<string, readonly [BuildModel, Readonly<Record<string, number>>]>> = {
  'Gemm, bias of a row': [dense({}, floats(1, 5)), { QGemm: 1 }],
  'Gemm, bias of one number': [dense({}, floats(1)), { QGemm: 1 }],
  'Gemm, beta': [dense({ beta: { float: 0.3 } }, floats(5)), { QGemm: 1 }],
  'Gemm, alpha and beta': [dense({ alpha: { float: 0.7 }, beta: { float: 3 } }, floats(5)), {}],
  'Gemm, transB': [dense({ transB: 1 }, floats(5), floats(5, 6)), { QGemm: 1 }],
  'MatMul, bias after it': [
    small(
      [
        { op: 'MatMul', inputs: ['x', 'w'], outputs: ['p'] },
        { op: 'Add', inputs: ['p', 'b'], outputs: ['y'] },
      ],
      { w: floats(6, 5), b: floats(5) },
      [3, 6],
    ),
    { QLinearMatMul: 1 },
  ],
  'MatMul, weight of rank 3': [
    small([{ op: 'MatMul', inputs: ['x', 'w'], outputs: ['y'] }], { w: floats(2, 6, 5) }, [2, 3, 6]),
    { MatMulIntegerToFloat: 1 },
  ],
  'MatMul, weight left': [
    small([{ op: 'MatMul', inputs: ['w', 'x'], outputs: ['y'] }], { w: floats(5, 6) }, [6, 3]),
    { MatMulIntegerToFloat: 1 },
  ],
  'one bias for two layers': [
    small(
      [
        { ...conv('x', 'a'), inputs: ['x', 'a_w', 'b'] },
        { ...conv('a', 'y'), inputs: ['a', 'y_w', 'b'] },
      ],
      { a_w: floats(4, 4, 1, 1), y_w: floats(4, 4, 1, 1), b: floats(4) },
      image,
    ),
    { QLinearConv: 2 },
  ],
  'a residual with Relu': [
    small(
      [
        conv('x', 'a'),
        { op: 'Relu', inputs: ['a'], outputs: ['r'] },
        conv('r', 'b'),
        { op: 'Add', inputs: ['b', 'r'], outputs: ['s'] },
        { op: 'Relu', inputs: ['s'], outputs: ['t'] },
        conv('t', 'y'),
      ],
      { ...weights('a'), ...weights('b'), ...weights('y') },
      image,
    ),
    { QLinearConv: 3, QLinearAdd: 1 },
  ],
  'branches that meet': [
    small(
      [
        conv('x', 'a'),
        conv('x', 'b'),
        { op: 'Concat', inputs: ['a', 'b'], outputs: ['c'], attrs: { axis: 2 } },
        { op: 'MaxPool', inputs: ['c'], outputs: ['m'], attrs: { kernel_shape: [2, 2], strides: [2, 2] } },
        { op: 'GlobalAveragePool', inputs: ['m'], outputs: ['g'] },
        conv('g', 'y'),
      ],
      { ...weights('a'), ...weights('b'), ...weights('y') },
      image,
    ),
    { QLinearConv: 3, QLinearConcat: 1, QLinearGlobalAveragePool: 1 },
  ],
};

describe('quantize/static on small graphs', () => {
  const OPTIONS: readonly Partial<StaticOptions>[] = [
    {},
    { activations: 'int8' },
    { activations: 'int8', symmetric: true },
    { activations: 'uint16' },
    { activations: 'int16', symmetric: true },
    { perChannel: false },
    { weights: 'uint8' },
    { reduceRange: true },
    { weightRange: 'mse' },
    { operators: 'onnxruntime' },
    { quantizeBias: false },
    { keepRelu: true },
  ];

  it.each(Object.entries(CASES))('%s', async (_name, [spec, kernels]) => {
    for (const options of OPTIONS) {
      const { model: built, store } = buildModel(spec);
      const model = await inferShapes(built, store);
      const result = await quantized(model, store, options);
      const label = JSON.stringify(options);
      const [before, after] = [await runnable(model, store), await runnable(result.model, store)];
      for (const runtime of [plain, fused, web]) {
        for (const output of await outputErrors(runtime, before, after)) {
          // Seven bits lose 6 dB, one scale for all channels some more.
          expect(output.sqnrDb, `${runtime.id} ${label}`).toBeGreaterThan(20);
        }
      }
      if (Object.keys(options).length === 0) expect(await kernelCounts(result.model, store)).toMatchObject(kernels);
    }
  });

  it.each([9, 11, 13, 21])('opset %i', async (opset) => {
    const spec = { ...CASES['a residual with Relu']![0], opset };
    for (const activations of ['uint8', 'uint16'] as const) {
      const { model: built, store } = buildModel(spec);
      const model = await inferShapes(built, store);
      const result = await quantized(model, store, { activations });
      const [before, after] = [await runnable(model, store), await runnable(result.model, store)];
      for (const output of await outputErrors(fused, before, after)) expect(output.sqnrDb).toBeGreaterThan(25);
    }
  });

  it('mixes 8 and 16 bits in one file', async () => {
    const { model: built, store } = buildModel({ ...CASES['a residual with Relu']![0], opset: 21, irVersion: 10 });
    const model = await inferShapes(built, store);
    const session = await plain.load(await runnable(model, store));
    const { feeds } = randomFeeds(session.inputs, { runs: 4, seed: 5 });
    const evidence = await minMaxEvidence(model, store, feeds);
    const second = model.graph.nodes[2]!.name;
    const layerOptions = { [second]: { activations: 'uint16' } };
    const result = await runPass(quantizeStatic, model, store, {}, { evidence, layerOptions });
    const [before, after] = [await runnable(model, store), await runnable(result.model, store)];
    for (const runtime of [plain, fused, web]) {
      for (const output of await outputErrors(runtime, before, after)) expect(output.sqnrDb).toBeGreaterThan(25);
    }
    const counts = await kernelCounts(result.model, store);
    expect(counts['Identity'] ?? 0).toBe(0);
    expect(counts['QLinearConv']).toBe(2);
  });
});
