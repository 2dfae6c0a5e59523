/** Layers that round activations at run time are written, run in onnxruntime for Node and for the web, and compared with what they stand for. */
import { OPEN_SIZES } from '#measure/testing/open-sizes.ts';
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import type { Model } from '#ir/model.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import { allValues, nodesOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { spellQuantization } from '#formats/onnx/quantization.ts';
import { inferShapes } from '#ops/infer.ts';
import { quantizeDynamic } from '#passes/quantize/dynamic.ts';
import type { DynamicOptions } from '#passes/quantize/dynamic/options.ts';
import { fuseBatchNorm } from '#passes/fuse/batch-norm.ts';
import { foldConstants } from '#passes/simplify/fold-constants.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { openOnnxFile } from './testing/open-fixture.ts';
import { outputErrors, runnable } from './testing/run-model.ts';

/** Sums of integers are exact; scales are multiplied in another order: 1e-5 of the largest output. */
const SAME_SQNR_DB = 100;

let runtimes: readonly Runtime[];
beforeAll(async () => {
  runtimes = [await openOnnxruntimeNode(), await openOnnxruntimeWeb()];
});

/** Whole multiples of a power of two, up to 127 of them in every channel, so that int8 holds the weight exactly. */
function exact(shape: readonly number[], channels: number, seed = 1): BuildTensor {
  const random = seededRandom(seed);
  const inner = countOf(shape.slice(channels + 1));
  const data = Float32Array.from({ length: countOf(shape) }, (_, at) => {
    const channel = Math.floor(at / inner) % shape[channels]!;
    return (random.below(255) - 127) * 2 ** -(6 + (channel % 3));
  });
  // Of every channel one weight is the largest that there can be.
  const seen = new Set<number>();
  data.forEach((_, at) => {
    const channel = Math.floor(at / inner) % shape[channels]!;
    if (!seen.has(channel)) data[at] = 127 * 2 ** -(6 + (channel % 3));
    seen.add(channel);
  });
  return { dtype: 'f32', shape, data };
}

function plain(shape: readonly number[], seed = 2): BuildTensor {
  const random = seededRandom(seed);
  return { dtype: 'f32', shape, data: Float32Array.from({ length: countOf(shape) }, () => random.normal()) };
}

const y = { y: { dtype: 'f32' as const, shape: null } };
const ONE = (op: string, inputs: string[], attrs: NonNullable<BuildNode['attrs']> = {}): BuildNode[] => [
  { op, name: 'layer', inputs, outputs: ['y'], attrs },
];

/** The layer reads `h`; in one model `h` is the input, in its twin the input as it is rounded at run time. */
const LAYERS: Readonly<Record<string, Omit<BuildModel, 'outputs'>>> = {
  MatMul: {
    inputs: { h: { dtype: 'f32', shape: [2, 3, 60] } },
    initializers: { w: exact([60, 7], 1) },
    nodes: ONE('MatMul', ['h', 'w']),
  },
  'Gemm, transposed and scaled': {
    inputs: { h: { dtype: 'f32', shape: [3, 33] } },
    initializers: { w: exact([10, 33], 0), c: plain([1, 10]) },
    nodes: ONE('Gemm', ['h', 'w', 'c'], { transB: 1, alpha: { float: 0.5 }, beta: { float: 2 } }),
  },
  'Gemm with a bias that is computed': {
    inputs: { h: { dtype: 'f32', shape: [3, 33] }, c: { dtype: 'f32', shape: [10] } },
    initializers: { w: exact([33, 10], 1) },
    nodes: ONE('Gemm', ['h', 'w', 'c'], { beta: { float: 3 } }),
  },
  'Conv with borders': {
    inputs: { h: { dtype: 'f32', shape: [1, 4, 7, 6] } },
    initializers: { w: exact([8, 4, 3, 3], 0), b: plain([8]) },
    nodes: ONE('Conv', ['h', 'w', 'b'], { pads: [1, 0, 1, 2], strides: [2, 1] }),
  },
  'Conv, depthwise': {
    inputs: { h: { dtype: 'f32', shape: [2, 6, 7, 6] } },
    initializers: { w: exact([6, 1, 3, 3], 0) },
    nodes: ONE('Conv', ['h', 'w'], { group: 6, pads: [1, 1, 1, 1] }),
  },
  'Conv over time': {
    inputs: { h: { dtype: 'f32', shape: [1, 5, 30] }, c: { dtype: 'f32', shape: [8] } },
    initializers: { w: exact([8, 5, 4], 0) },
    nodes: ONE('Conv', ['h', 'w', 'c'], { dilations: [2] }),
  },
  Gather: {
    inputs: { h: { dtype: 'i64', shape: [2, 3] } },
    initializers: { w: exact([9, 40], 0) },
    nodes: ONE('Gather', ['w', 'h']),
  },
};

const OPTIONS: readonly Partial<DynamicOptions>[] = [
  { granularity: 'channel', convolutions: 'integers' },
  { granularity: 'channel', convolutions: 'weights' },
];

/** The same model on an input that is rounded as the layer would round it. */
function rounded(spec: Omit<BuildModel, 'outputs'>): BuildModel {
  const nodes: BuildNode[] = [
    { op: 'DynamicQuantizeLinear', inputs: ['h'], outputs: ['q', 's', 'z'] },
    { op: 'DequantizeLinear', inputs: ['q', 's', 'z'], outputs: ['r'] },
    ...spec.nodes.map((node) => ({ ...node, inputs: node.inputs.map((name) => (name === 'h' ? 'r' : name)) })),
  ];
  return { ...spec, outputs: y, opset: 13, nodes };
}

/** Bytes of the constants that the written file has and the model before had not. */
async function addedBytes(before: Model, after: Model, store: WeightStore): Promise<number> {
  const known = new Set([...allValues(before.graph).values()].map(({ constant }) => constant?.key));
  const spelled = await spellQuantization(after, store);
  return [...allValues(spelled.graph).values()].reduce((sum, { constant }) => {
    return constant === undefined || known.has(constant.key) ? sum : sum + store.sizeBytes(constant);
  }, 0);
}

describe.each(Object.entries(LAYERS))('%s', (layer, spec) => {
  it.each(OPTIONS.map((options) => [JSON.stringify(options), options] as const))('%s', async (_name, options) => {
    const plainModel = buildModel({ ...spec, outputs: y, opset: 13 });
    const model = await inferShapes(plainModel.model, plainModel.store);
    const done = await runPass(quantizeDynamic, model, plainModel.store, { ...options, minimumElements: 0 });
    expect(done.ledger.map((line) => line.action)).toEqual(['changed']);
    // What the ledger says a weight takes is what lies in the file; a bias may bring constants of its own.
    const told = done.ledger.reduce((sum, line) => sum + (line.outcome?.bytesAfter ?? 0), 0);
    const alone = Object.keys({ ...spec.inputs, ...spec.initializers }).length === 2;
    if (alone) expect(await addedBytes(model, done.model, plainModel.store)).toBe(told);
    const rounds = layer !== 'Gather' && (options.convolutions === 'integers' || !layer.startsWith('Conv'));
    const twin = rounds ? buildModel(rounded(spec)) : plainModel;
    const after = await runnable(await inferShapes(done.model, plainModel.store), plainModel.store);
    for (const runtime of runtimes) {
      for (const output of await outputErrors(runtime, await runnable(twin.model, twin.store), after)) {
        expect(output.sqnrDb, runtime.id).toBeGreaterThan(SAME_SQNR_DB);
      }
    }
  });
});

it.each([
  { bidirectional: false, granularity: 'channel' },
  { bidirectional: true, granularity: 'channel' },
  { bidirectional: true, granularity: 'tensor' },
] as const)('LSTM, %o', async ({ bidirectional, granularity }) => {
  const directions = bidirectional ? 2 : 1;
  const { model, store } = buildModel({
    opset: 14,
    inputs: { x: { dtype: 'f32', shape: [5, 2, 20] }, h: { dtype: 'f32', shape: [directions, 2, 8] } },
    outputs: y,
    initializers: {
      w: plain([directions, 32, 20], 4),
      r: plain([directions, 32, 8], 5),
      b: plain([directions, 64], 6),
    },
    nodes: ONE('LSTM', ['x', 'w', 'r', 'b', '', 'h'], {
      hidden_size: 8,
      direction: bidirectional ? 'bidirectional' : 'forward',
    }),
  });
  const done = await runPass(quantizeDynamic, model, store, { granularity, minimumElements: 0 });
  for (const runtime of runtimes) {
    for (const output of await outputErrors(runtime, await runnable(model, store), await runnable(done.model, store))) {
      // The state is rounded anew at every step, so no exact twin exists: 8 bits of everything.
      expect(output.sqnrDb, runtime.id).toBeGreaterThan(30);
    }
  }
});

describeWithTestdata('real models with activations rounded at run time', () => {
  /** How much of each output is kept on noise: measured, less 3 dB. */
  const MODELS: readonly (readonly [
    path: string,
    kernels: readonly string[],
    integersDb: number,
    weightsDb: number,
  ])[] = [
    ['mlperf_tiny_kws/kws_from_savedmodel.onnx', ['ConvInteger'], 25, 25],
    ['mlperf_tiny_resnet8/resnet8_from_tflite.onnx', ['ConvInteger'], 15, 15],
    ['mnist/mnist.onnx', ['ConvInteger', 'MatMulInteger'], 28, 28],
    ['dtln/model_1.onnx', ['DynamicQuantizeLSTM', 'MatMulInteger'], 30, 30],
    ['dtln/model_2.onnx', ['ConvInteger', 'MatMulInteger'], 30, 30],
    ['ultraface/version-RFB-320.onnx', ['ConvInteger'], 40, 45],
    ['silero_vad/silero_vad_16k_op15.onnx', ['ConvInteger', 'DynamicQuantizeLSTM'], 18, 18],
    ['tiny_random_gpt2/past.onnx', ['MatMulInteger', 'QAttention'], 35, 35],
    ['basic_pitch/nmp.onnx', ['ConvInteger'], 12, 12],
  ];

  async function clean(path: string): Promise<{ readonly model: Model; readonly store: WeightStore }> {
    const { model: opened, store } = await openOnnxFile(testdata(`models/${path}`));
    let model = await inferShapes(opened, store);
    model = (await runPass(foldConstants, model, store)).model;
    model = (await runPass(fuseBatchNorm, model, store)).model;
    return { model, store };
  }

  it.each(MODELS)('%s', { timeout: 60_000 }, async (path, kernels, integersDb, weightsDb) => {
    const { model, store } = await clean(path);
    const before = await runnable(model, store);
    for (const [convolutions, floor] of [
      ['integers', integersDb],
      ['weights', weightsDb],
    ] as const) {
      const done = await runPass(quantizeDynamic, model, store, { convolutions });
      const ops = new Set([...nodesOf(done.model.graph)].map(({ node }) => node.op));
      for (const kernel of kernels) {
        if (kernel !== 'ConvInteger' || convolutions === 'integers') expect([...ops]).toContain(kernel);
      }
      const after = await runnable(await inferShapes(done.model, store), store);
      for (const runtime of runtimes) {
        for (const output of await outputErrors(runtime, before, after, OPEN_SIZES)) {
          if (process.env['PARE_SHOW'] === '1') console.log(path, convolutions, runtime.id, output.name, output.sqnrDb);
          expect(output.notFinite.result, output.name).toBe(0);
          expect(output.sqnrDb, `${output.name} in ${runtime.id}`).toBeGreaterThan(floor);
        }
      }
    }
  });
});
