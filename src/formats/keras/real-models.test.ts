/** Published Keras models, and layers models of TF.js, held to what they were published beside or to what their runtime answers. */
import { beforeAll, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { generated, type InputRange } from '#cli/testing/generated-input.ts';
import { recordedConversion, recordedValues } from '#cli/testing/recorded-conversions.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { filesAt, largestDifference, runConverted } from '#formats/testing/expected.ts';
import { tfjs } from '#formats/tfjs/tfjs.ts';
import type { ReadModel } from '#formats/format.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { LitertRuntime } from '#runtimes/litert/litert.ts';
import { openLitertNode } from '#runtimes/litert/node.ts';
import { openTfjsOracle } from '#runtimes/testing/tfjs-oracle.ts';
import { keras } from './keras.ts';

interface Read extends ReadModel {
  readonly store: WeightStore;
}

async function read(path: string): Promise<Read> {
  const store = createWeightStore();
  const files = filesAt(testdata(`models/${path}`));
  const isFolder = files.has('model.json');
  const [main = ''] = files.keys();
  const made = isFolder
    ? await tfjs.read({ files, main: 'model.json' }, store)
    : await keras.read({ files, main }, store);
  expect(refusalsOf(made.model)).toEqual([]);
  return { ...made, store };
}

function input(seed: number, shape: readonly number[], range: InputRange): NdArray {
  return { dtype: 'f32', shape, data: generated(seed, shape, range) };
}

/** Runs the converted model on one input: its first output. */
async function run({ model, store }: Read, array: NdArray): Promise<NdArray> {
  const [id] = model.graph.inputs;
  const name = id === undefined ? '' : (model.graph.values.get(id)?.name ?? '');
  const [first] = (await runConverted(model, store, new Map([[name, array]]))).values();
  if (first === undefined) throw new Error('no output');
  return first;
}

const opsOf = ({ model }: Read): readonly string[] => model.graph.nodes.map(({ op }) => op);

describeWithTestdata('real Keras models', () => {
  let litert: LitertRuntime;
  beforeAll(async () => {
    litert = await openLitertNode();
  });

  async function litertAnswer(path: string, array: NdArray): Promise<NdArray> {
    const session = await litert.load({ name: path, model: { path: testdata(`models/${path}`) } });
    const name = session.inputs[0]?.name ?? '';
    const [first] = (await session.run(new Map([[name, array]]))).values();
    await session.close();
    if (first === undefined) throw new Error('no output');
    return first;
  }

  it.each([
    [
      'mlperf_tiny_resnet8/pretrainedResnet.h5',
      'mlperf_tiny_resnet8/pretrainedResnet.tflite',
      [1, 32, 32, 3],
      { low: 0, high: 256, whole: true },
    ],
    [
      'hand_keypoint/keypoint_classifier.hdf5',
      'hand_keypoint/keypoint_classifier.tflite',
      [1, 42],
      { low: -1, high: 1 },
    ],
  ] as const)('%s answers as the .tflite file that was published beside it', async (path, twin, shape, range) => {
    const opened = await read(path);
    for (const seed of [1, 2, 3, 4]) {
      const array = input(seed, shape, range);
      const { absolute } = largestDifference(await run(opened, array), await litertAnswer(twin, array));
      expect(absolute).toBeLessThan(1e-6);
    }
  });

  it('a plain CNN ends with no Transpose but that of its input', async () => {
    expect(
      opsOf(await read('mlperf_tiny_resnet8/pretrainedResnet.h5')).filter((op) => op === 'Transpose'),
    ).toHaveLength(1);
  });

  it.each([
    'mlperf_tiny_resnet8/pretrainedResnet.h5',
    'mlperf_tiny_anomaly/ad01.h5',
    'hand_keypoint/keypoint_classifier.hdf5',
    'magika_v1/model.h5',
  ])('%s answers as Keras did', async (path) => {
    const recorded = recordedConversion(path);
    expect(recorded).toBeDefined();
    const opened = await read(path);
    for (const { seed, outputs } of recorded?.samples ?? []) {
      const answer = await run(opened, input(seed, recorded!.input.shape, recorded!.input));
      const [output] = Object.values(outputs);
      const values = recordedValues(output!);
      const scale = values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1);
      for (const [at, value] of values.entries()) {
        expect(Math.abs(Number(answer.data[at * output!.stride]) - value) / scale).toBeLessThan(1e-5);
      }
    }
  });

  it('magika_v1/model.h5 answers as its .onnx file, of any batch', async () => {
    const opened = await read('magika_v1/model.h5');
    const store = createWeightStore();
    const files = filesAt(testdata('models/magika_v1/model.onnx'));
    const twin = await onnx.read({ files, main: 'model.onnx' }, store);
    const array = input(5, [3, 1536], { low: 0, high: 257, whole: true });
    const { absolute } = largestDifference(await run(opened, array), await run({ ...twin, store }, array));
    expect(absolute).toBeLessThan(1e-4);
  });

  it.each([
    ['darknet_tiny_tfjs', [1, 224, 224, 3]],
    ['doodlenet_tfjs', [2, 28, 28, 1]],
  ] as const)('%s, a layers model, answers as in TensorFlow.js', async (path, shape) => {
    const opened = await read(path);
    const oracle = await openTfjsOracle(testdata(`models/${path}/model.json`));
    const array = input(1, shape, { low: 0, high: 1 });
    const [answer] = (await oracle.run(new Map([[oracle.inputs[0]?.name ?? '', array]]))).values();
    oracle.close();
    const { relative } = largestDifference(await run(opened, array), answer!);
    expect(relative).toBeLessThan(1e-4);
  });
});

it('a file that is neither a zip nor HDF5 is refused by name', async () => {
  const store = createWeightStore();
  const files = new Map([
    ['model.keras', memorySource('model.keras', new TextEncoder().encode('nothing of the kind'))],
  ]);
  await expect(keras.read({ files, main: 'model.keras' }, store)).rejects.toThrow(/^model\.keras/);
});
