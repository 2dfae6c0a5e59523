/** Whole models from the test data: the interpreter gives what onnxruntime gives, through every node of them. */
import { expect, it } from 'vitest';
import { describeWithTestdata, testdataRoot } from '#base/testing/testdata.ts';
import { kindOf } from '#base/dtype.ts';
import type { NdArray } from '#base/nd-array.ts';
import { openFiles } from '#formats/index.ts';
import { filesAt } from '#formats/testing/expected.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { idLimits } from '#measure/id-limits.ts';
import { randomFeeds } from '#measure/random-inputs.ts';
import { openOnnxFile } from '#measure/testing/open-fixture.ts';
import { runnable } from '#measure/testing/run-model.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openInterpreter } from './interpreter.ts';

/** Relative to the largest value of an output, 1 at least: sums of many layers in float32 there, in double here. */
const TOLERANCE = 1e-4;

/** Small ones, of up to a few seconds each. */
const MODELS = [
  'mnist/mnist.onnx',
  'mlperf_tiny_kws/kws_from_savedmodel.onnx',
  'mlperf_tiny_resnet8/resnet8_from_tflite.onnx',
  'silero_vad/silero_vad_16k_op15.onnx',
  'dtln/model_1.onnx',
  'dtln/model_2.onnx',
  'tiny_random_gpt2/past.onnx',
  'magika_v1/model.onnx',
  'cct_transformer_opset20/network.onnx',
  'mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx',
  'ultraface/version-RFB-320.onnx',
];

/** Open sizes are distinct, so that axes that are mixed up show. */
const DIMS = new Map([
  ['input:1', 576],
  ['batch_size', 2],
  ['seq_len', 3],
  ['past_seq_len', 4],
  ['total_seq_len', 7],
]);

/** Of int8 and uint8: every activation is rounded, by the interpreter where it is made, in the file by nodes. */
const INTEGER_MODELS = [
  'mnist/conv_fc_mnist_srq_a8w8.tflite',
  'mlperf_tiny_kws/kws_ref_model.tflite',
  'mlperf_tiny_resnet8/pretrainedResnet_quant.tflite',
  'mlperf_tiny_anomaly/ad01_int8.tflite',
];

async function bothResults(
  model: Model,
  store: WeightStore,
): Promise<readonly [expected: ReadonlyMap<string, NdArray>, actual: ReadonlyMap<string, NdArray>]> {
  const session = await openInterpreter(model, store);
  const runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
  const reference = await runtime.load(await runnable(model, store));
  expect(session.inputs).toEqual(reference.inputs);
  const { feeds } = randomFeeds(session.inputs, { runs: 1, seed: 11, dims: DIMS, limits: idLimits(model) });
  const expected = await reference.run(feeds[0]!);
  await reference.close();
  const actual = await session.run(feeds[0]!);
  await session.close();
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  return [expected, actual];
}

describeWithTestdata('models through the interpreter', () => {
  it.each(MODELS)('%s', async (path) => {
    const { model, store } = await openOnnxFile(`${testdataRoot}/models/${path}`);
    const [expected, actual] = await bothResults(model, store);
    for (const [name, { dtype, shape, data }] of expected) {
      const mine = actual.get(name)!;
      expect({ name, dtype: mine.dtype, shape: mine.shape }).toEqual({ name, dtype, shape });
      let [largest, worst] = [1, 0];
      for (const [at, value] of data.entries()) {
        largest = Math.max(largest, Math.abs(Number(value)));
        worst = Math.max(worst, Math.abs(Number(value) - Number(mine.data[at])));
      }
      expect(worst / largest, name).toBeLessThanOrEqual(kindOf(dtype) === 'float' ? TOLERANCE : 0);
    }
  });

  it.each(INTEGER_MODELS)('%s, to the bit', async (path) => {
    const { model, store } = await openFiles(filesAt(`${testdataRoot}/models/${path}`), {});
    const [expected, actual] = await bothResults(model, store);
    for (const [name, { data }] of expected) {
      expect(Array.from(actual.get(name)!.data as Float32Array), name).toEqual(Array.from(data as Float32Array));
    }
  });
});
