/** Lossy passes on real models: the written file loads and runs in onnxruntime for Node and for the web, and computes what it stands for. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import type { Model } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { inferShapes } from '#ops/infer.ts';
import { PASSES } from '#passes/index.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { floatTwin, outputErrors, runnable } from './testing/run-model.ts';

const MODELS = [
  'ultraface/version-RFB-320.onnx',
  'yolox_nano/yolox_nano.onnx',
  'silero_vad/silero_vad_16k_op15.onnx',
  'mnist/mnist.onnx',
  'dtln/model_1.onnx',
  'magika_v1/model.onnx',
  'mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx',
  'mobilenet_v1_025_224/external_data/model.onnx',
  'basic_pitch/nmp.onnx',
];

/** Sizes that the models leave open: one frame of silero_vad with its context, one file of magika. */
const DIMS = new Map([
  ['input:1', 576],
  ['state:1', 1],
]);

/** What the presets do not cover; those run on the same models from the command line's own tests. */
const RECIPES: Readonly<Record<string, readonly (readonly [pass: string, options: object])[]>> = {
  'int4 block 32 asymmetric': [
    ['quantize/weights', { bits: 4, granularity: 'block', block: 32, symmetric: false, signed: false }],
  ],
  'int2 block 16': [['quantize/weights', { bits: 2, granularity: 'block', block: 16 }]],
  'int16 channel': [['quantize/weights', { bits: 16, granularity: 'channel' }]],
  'half pruned, int8': [
    ['prune/magnitude', { sparsity: 0.5, budget: 'global' }],
    ['quantize/weights', { bits: 8, granularity: 'channel' }],
  ],
  'float16 throughout': [['convert/float16', { scope: 'all', keepInputsAndOutputs: false }]],
  'bfloat16 weights': [['convert/float16', { scope: 'weights', type: 'bfloat16' }]],
  'int4, then float16': [
    ['quantize/weights', { bits: 4, granularity: 'block', block: 32 }],
    ['convert/float16', { scope: 'all' }],
  ],
};

/** A quantized file must compute what the float values of its weights compute: only the order of float32 sums may differ. */
const SAME_AS_TWIN_DB = 60;
/** magika_v1 has activations beyond 65504: infinite in half precision, as the pass warns. */
const OVERFLOWS = new Set(['magika_v1/model.onnx']);

async function read(path: string): Promise<{ model: Model; store: WeightStore }> {
  const file = testdata(join('models', path));
  const folder = dirname(file);
  const beside = path.includes('external_data') ? readdirSync(folder) : [basename(file)];
  const files = new Map(beside.map((name) => [name, memorySource(name, readFileSync(join(folder, name)))]));
  const store = createWeightStore();
  const { model } = await onnx.read({ files, main: basename(file) }, store);
  return { model: await inferShapes(model, store), store };
}

describeWithTestdata('passes on real models', () => {
  let runtimes: readonly Runtime[];
  beforeAll(async () => {
    runtimes = [await openOnnxruntimeNode(), await openOnnxruntimeWeb()];
  });

  it.each(MODELS.flatMap((model) => Object.keys(RECIPES).map((recipe) => [model, recipe] as const)))(
    '%s: %s',
    async (path, recipe) => {
      const { model, store } = await read(path);
      let result = model;
      for (const [name, options] of RECIPES[recipe]!) {
        const pass = PASSES.find((candidate) => candidate.name === name)!;
        const done = await runPass(pass, result, store, options);
        expect(done.ledger.length).toBeGreaterThan(0);
        result = done.model;
      }
      const quantized = await runnable(result, store);
      const twin = await runnable(await floatTwin(result, store), store);
      const original = await runnable(model, store);
      const half = RECIPES[recipe]!.some(
        ([name, options]) => name === 'convert/float16' && 'scope' in options && options.scope === 'all',
      );
      for (const runtime of runtimes) {
        for (const output of await outputErrors(runtime, twin, quantized, DIMS)) {
          if (half && OVERFLOWS.has(path)) continue;
          expect(output.notFinite.result, output.name).toBe(0);
          expect(output.sqnrDb, `${output.name} in ${runtime.id}`).toBeGreaterThan(SAME_AS_TWIN_DB);
        }
        if (process.env['PARE_SHOW'] !== '1') continue;
        for (const output of await outputErrors(runtime, original, quantized, DIMS)) {
          console.log(path, recipe, runtime.id, output.name, output.sqnrDb.toFixed(1), 'dB');
        }
      }
    },
  );
});
