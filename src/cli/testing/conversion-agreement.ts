/** One network in several formats gives one answer: conversions held to each other, and to what is known of their accuracy. */
import type { NdArray } from '#base/nd-array.ts';
import { countOf } from '#base/dtype.ts';
import { firstLargest, numbersOf } from '#measure/numbers.ts';
import { inputsFor, keywordLabels, keywordRows, keywordValue, seeded } from './conversion-inputs.ts';
import type { InputSource } from './conversion-inputs.ts';
import { fromLitert } from './conversion-oracles.ts';
import { convert } from './conversion-trials.ts';
import { generated } from './generated-input.ts';
import { recordedScore } from './recorded-conversions.ts';

export interface Agreement {
  readonly network: string;
  /** Formats that are compared, the one that the others are held to first. */
  readonly formats: readonly string[];
  readonly inputs: string;
  readonly bound: number;
  readonly values: number;
  /** Largest difference between any of them and the first. */
  readonly maxAbs: number;
}

export interface KnownAccuracy {
  readonly path: string;
  readonly right: number;
  readonly of: number;
  /** What its own runtime scores on the same samples, or what is known of the same weights. */
  readonly known: number;
  readonly knownFrom: string;
}

/** Outputs of one run, by what they are rather than by name. */
type Answer = readonly ArrayLike<number>[];

export const AGREEMENTS: readonly (readonly [string, () => Promise<Agreement>])[] = [
  ['ResNet-8: .h5 and its published float .tflite', resnet],
  ['ResNet-8 on pictures: .h5 and its published float .tflite', resnetPictures],
  ['hand keypoints: .hdf5 and .tflite', handKeypoints],
  ['Magika: .onnx, .h5 and TF.js', magika],
  ['Basic Pitch: .onnx, SavedModel, .tflite and TF.js', basicPitch],
];

const RESNET = 'mlperf_tiny_resnet8/pretrainedResnet';

/** On small inputs: folded normalization rounds its weights anew, which counts the more the larger the numbers are. */
async function resnet(): Promise<Agreement> {
  const tflite = await litertAnswers(`${RESNET}.tflite`, seeded(16, { low: 0, high: 1 }));
  const h5 = await answers(`${RESNET}.h5`, tflite.inputs);
  return agreement('ResNet-8', ['.tflite in LiteRT', '.h5'], tflite.method, 1e-6, [tflite.outputs, h5]);
}

async function resnetPictures(): Promise<Agreement> {
  const tflite = await litertAnswers(`${RESNET}.tflite`);
  const h5 = await answers(`${RESNET}.h5`, tflite.inputs);
  return agreement('ResNet-8', ['.tflite in LiteRT', '.h5'], tflite.method, 1e-5, [tflite.outputs, h5]);
}

async function handKeypoints(): Promise<Agreement> {
  const tflite = await litertAnswers('hand_keypoint/keypoint_classifier.tflite');
  const hdf5 = await answers('hand_keypoint/keypoint_classifier.hdf5', tflite.inputs);
  return agreement('hand keypoints', ['.tflite in LiteRT', '.hdf5'], tflite.method, 1e-6, [tflite.outputs, hdf5]);
}

async function magika(): Promise<Agreement> {
  const source = inputsFor('magika_v1/');
  const inputs = await drawn(source, [1, 1536]);
  const paths = ['magika_v1/model.onnx', 'magika_v1/model.h5', 'magika_v1/tfjs/model.json'];
  const all = [];
  for (const path of paths) all.push(await answers(path, inputs));
  return agreement('Magika', ['.onnx', '.h5', 'TF.js'], source.method, 1e-4, all);
}

/** Contours are wider than the other two, notes come before onsets by name or number in every format. */
async function basicPitch(): Promise<Agreement> {
  const shape = [1, 43_844, 1];
  const inputs = [{ dtype: 'f32' as const, shape, data: generated(1, shape, { low: -0.5, high: 0.5 }) }];
  const paths = ['basic_pitch/nmp.onnx', 'basic_pitch/nmp', 'basic_pitch/nmp.tflite', 'basic_pitch/tfjs/model.json'];
  const all = [];
  for (const path of paths) all.push(await answers(path, inputs));
  return agreement(
    'Basic Pitch',
    ['.onnx', 'SavedModel', '.tflite', 'TF.js'],
    '1 seeded (uniform, -0.5 to 0.5)',
    1e-4,
    all,
  );
}

/**
 * The same weights score 915 in `kws_from_savedmodel.onnx`, whose average leaves out the last of 25 rows: with its window of
 * 24 by 5 in place of 25 by 5, the conversion scores 915 too.
 */
export async function savedModelAccuracy(): Promise<KnownAccuracy> {
  const path = 'mlperf_tiny_kws/kws_ref_model';
  const { runtime, right: known } = recordedScore(path) ?? { runtime: '', right: NaN };
  return { path, right: await keywordScore(path), of: 1000, known, knownFrom: `${runtime}, recorded` };
}

/** LiteRT rounds the activations of this one as it runs. */
export async function dynamicRangeAccuracy(): Promise<KnownAccuracy> {
  const path = 'mlperf_tiny_kws/kws_ref_model_float32.tflite';
  const labels = keywordLabels();
  const { outputs } = await litertAnswers(path);
  const known = outputs.filter(([scores = []], i) => firstLargest(scores) === labels[i]).length;
  return { path, right: await keywordScore(path), of: 1000, known, knownFrom: 'LiteRT' };
}

async function keywordScore(path: string): Promise<number> {
  const labels = keywordLabels();
  const inputs = keywordRows().map((row): NdArray => {
    return { dtype: 'f32', shape: [1, 49, 10, 1], data: Float32Array.from(row, keywordValue) };
  });
  const outputs = await answers(path, inputs);
  return outputs.filter(([scores = []], i) => firstLargest(scores) === labels[i]).length;
}

async function drawn(source: InputSource, shape: readonly number[]): Promise<readonly NdArray[]> {
  const inputs: NdArray[] = [];
  for (let sample = 0; sample < source.count; sample++) {
    inputs.push({ dtype: 'f32', shape, data: await source.values(shape, sample, 0) });
  }
  return inputs;
}

async function litertAnswers(
  path: string,
  source?: InputSource,
): Promise<{ readonly method: string; readonly inputs: readonly NdArray[]; readonly outputs: readonly Answer[] }> {
  const oracle = await fromLitert(path, source);
  const inputs: NdArray[] = [];
  const outputs: Answer[] = [];
  for await (const sample of oracle.samples()) {
    inputs.push(sample.feeds[0] as NdArray);
    outputs.push(sample.outputs.map(({ values }) => values));
  }
  return { method: oracle.method, inputs, outputs };
}

/** Of a model with one input, converted: one answer for each sample. */
async function answers(path: string, inputs: readonly NdArray[]): Promise<readonly Answer[]> {
  const { session } = await convert(path);
  const [slot] = session.inputs;
  const all: Answer[] = [];
  for (const input of inputs) {
    const outputs = await session.run(new Map([[slot?.name ?? '', input]]));
    const ordered = [...outputs].toSorted(([a, x], [b, y]) => countOf(y.shape) - countOf(x.shape) || (a < b ? -1 : 1));
    all.push(ordered.map(([, array]) => numbersOf(array) ?? []));
  }
  await session.close();
  return all;
}

function agreement(
  network: string,
  formats: readonly string[],
  inputs: string,
  bound: number,
  all: readonly (readonly Answer[])[],
): Agreement {
  const [first = [], ...others] = all;
  let [values, maxAbs] = [0, 0];
  for (const [sample, outputs] of first.entries()) {
    for (const [at, expected] of outputs.entries()) {
      for (const other of others) {
        const result = other[sample]?.[at] ?? [];
        if (result.length !== expected.length) throw new Error(`${network}: outputs differ in size`);
        values += expected.length;
        for (let i = 0; i < expected.length; i++) {
          const difference = Math.abs((result[i] ?? NaN) - (expected[i] ?? NaN));
          maxAbs = Math.max(maxAbs, Number.isNaN(difference) ? Infinity : difference);
        }
      }
    }
  }
  return { network, formats, inputs, bound, values, maxAbs };
}
