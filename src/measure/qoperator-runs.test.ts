/** Both ways of writing a statically quantized model give the same bits in onnxruntime, which fuses the pairs itself. */
import { beforeAll, expect, it } from 'vitest';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { nodesOf } from '#ir/walk.ts';
import { spellQuantization } from '#formats/onnx/quantization.ts';
import { inferShapes } from '#ops/infer.ts';
import { convertQOperator } from '#passes/convert/qoperator.ts';
import { fuseBatchNorm } from '#passes/fuse/batch-norm.ts';
import { quantizeStatic } from '#passes/quantize/static.ts';
import type { StaticOptions } from '#passes/quantize/static/options.ts';
import { foldConstants } from '#passes/simplify/fold-constants.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { randomFeeds } from './random-inputs.ts';
import { minMaxEvidence } from './testing/min-max-evidence.ts';
import { openOnnxFile } from './testing/open-fixture.ts';
import { outputErrors, runnable } from './testing/run-model.ts';

const MODELS = [
  'mlperf_tiny_kws/kws_from_savedmodel.onnx',
  'mlperf_tiny_resnet8/resnet8_from_tflite.onnx',
  'mnist/mnist.onnx',
  'mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx',
  'dtln/model_2.onnx',
  'ultraface/version-RFB-320.onnx',
  'yolox_nano/yolox_nano.onnx',
];

const OPTIONS: readonly Partial<StaticOptions>[] = [
  { activations: 'uint8' },
  { activations: 'uint8', perChannel: false },
];

describeWithTestdata('QDQ and QOperator', () => {
  let runtimes: readonly Runtime[];
  beforeAll(async () => {
    runtimes = [await openOnnxruntimeNode(), await openOnnxruntimeWeb()];
  });

  it.each(MODELS.flatMap((path) => OPTIONS.map((options) => [path, options] as const)))(
    '%s, %o: equal to the bit',
    { timeout: 60_000 },
    async (path, options) => {
      const { model: opened, store } = await openOnnxFile(testdata(`models/${path}`));
      let model = await inferShapes(opened, store);
      model = (await runPass(foldConstants, model, store)).model;
      model = (await runPass(fuseBatchNorm, model, store)).model;
      const plain = await runtimes[0]!.load(await runnable(model, store));
      const { feeds } = randomFeeds(plain.inputs, { runs: 1, seed: 5 });
      await plain.close();
      const evidence = await minMaxEvidence(model, store, feeds);
      const wishes = { range: 'minmax', correctBias: false, ...options } as const;
      const pairs = (await runPass(quantizeStatic, model, store, wishes, { evidence })).model;
      const marked = await runPass(convertQOperator, pairs, store);
      expect(marked.ledger.some((line) => line.action === 'changed')).toBe(true);
      const ops = [...nodesOf((await spellQuantization(marked.model, store)).graph)].map(({ node }) => node.op);
      expect(ops.filter((op) => /^QLinear|^QGemm/.test(op)).length).toBeGreaterThan(0);
      const [before, after] = [await runnable(pairs, store), await runnable(marked.model, store)];
      for (const runtime of runtimes) {
        for (const output of await outputErrors(runtime, before, after)) {
          expect(output.maxAbs, `${output.name} in ${runtime.id}`).toBe(0);
        }
      }
    },
  );
});
