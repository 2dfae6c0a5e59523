/** Opens downloaded bytes in onnxruntime, outside the browser: what leaves the studio is judged by the runtime it is for. */
import { readFileSync } from 'node:fs';
import { unzipSync } from 'fflate';
import * as ort from 'onnxruntime-node';
import { seededRandom } from '#base/random.ts';
import { readNpy } from '#wire/npy.ts';
import { evaluationFile } from './studio.ts';

/** Errors alone: remarks on how a model was exported are not ours. */
const QUIET: ort.InferenceSession.SessionOptions = { logSeverityLevel: 3 };

/** Share of the sample's evaluation digits that a model file reads right, 0 to 1. */
export async function accuracyOnDigits(model: Uint8Array): Promise<number> {
  const members = unzipSync(new Uint8Array(readFileSync(evaluationFile)));
  const image = readNpy('image.npy', members['image.npy'] ?? new Uint8Array());
  const labels = readNpy('labels.npy', members['labels.npy'] ?? new Uint8Array());
  const session = await ort.InferenceSession.create(model, QUIET);
  const outputs = await session.run({ image: new ort.Tensor('float32', image.data as Float32Array, image.shape) });
  const logits = outputs['logits'];
  if (logits === undefined) throw new Error('The model has no output named logits.');
  const values = logits.data as Float32Array;
  const classes = logits.dims[1] ?? 1;
  let hits = 0;
  for (const [i, label] of (labels.data as Int32Array).entries()) {
    const row = values.subarray(i * classes, (i + 1) * classes);
    if (row.indexOf(Math.max(...row)) === label) hits += 1;
  }
  return hits / labels.data.length;
}

/** Largest |difference| between the outputs of two model files on one seeded random input, as a share of the largest |output|. */
export async function relativeDifference(original: Uint8Array, other: Uint8Array): Promise<number> {
  const random = seededRandom(7);
  const first = await ort.InferenceSession.create(original, QUIET);
  const second = await ort.InferenceSession.create(other, QUIET);
  const feeds: Record<string, ort.Tensor> = {};
  for (const slot of first.inputMetadata) {
    if (!slot.isTensor || slot.type !== 'float32') continue;
    const shape = slot.shape.map((size) => (typeof size === 'number' && size > 0 ? size : 1));
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.uniform());
    // Old exporters list weights among the inputs; those keep what the file gives them.
    feeds[slot.name] = new ort.Tensor('float32', values, shape);
    if (Object.keys(feeds).length === 1) break;
  }
  const [a, b] = [await first.run(feeds), await second.run(feeds)];
  let difference = 0;
  let largest = 0;
  for (const name of first.outputNames) {
    const [x, y] = [a[name]?.data as Float32Array, b[name]?.data as Float32Array];
    for (let i = 0; i < x.length; i++) {
      difference = Math.max(difference, Math.abs((x[i] ?? 0) - (y[i] ?? 0)));
      largest = Math.max(largest, Math.abs(x[i] ?? 0));
    }
  }
  return difference / largest;
}

interface Keywords {
  /** Files of features, int8 [samples, 49, 10], and of labels. */
  readonly features: string;
  readonly labels: string;
  readonly mean: number;
  readonly std: number;
}

/** Share of the keyword samples that a model file hears right, 0 to 1. */
export async function accuracyOnKeywords(
  model: Uint8Array,
  { features, labels, mean, std }: Keywords,
): Promise<number> {
  const samples = readNpy(features, new Uint8Array(readFileSync(features)));
  const truth = readNpy(labels, new Uint8Array(readFileSync(labels)));
  const session = await ort.InferenceSession.create(model, QUIET);
  const [input = '', output = ''] = [session.inputNames[0], session.outputNames[0]];
  const size = samples.shape.slice(1).reduce((product, side) => product * side, 1);
  let hits = 0;
  for (let at = 0; at < truth.data.length; at += 1) {
    const values = Float32Array.from({ length: size }, (_one, i) => (Number(samples.data[at * size + i]) - mean) / std);
    const feeds = { [input]: new ort.Tensor('float32', values, [1, ...samples.shape.slice(1), 1]) };
    const scores = (await session.run(feeds))[output]?.data as Float32Array;
    if (scores.indexOf(Math.max(...scores)) === Number(truth.data[at])) hits += 1;
  }
  return hits / truth.data.length;
}
