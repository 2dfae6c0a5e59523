/**
 * The public models that presets are tried on, and inputs for each: real data where there is some that can be read without a
 * decoder, else seeded random values in the range that the model expects.
 */
import type { NdArray } from '#base/nd-array.ts';
import { readFileSync } from 'node:fs';
import { testdata } from '#base/testing/testdata-place.ts';
import type { Feeds } from '#measure/compare.ts';
import { numbersOf } from '#measure/numbers.ts';
import { randomFeeds } from '#measure/random-inputs.ts';
import type { GivenFeeds } from '#measure/random-inputs.ts';
import type { Session } from '#runtimes/runtime.ts';
import { readNpy } from '#wire/npy.ts';
import { halved, magnitudes, readWav } from './sound.ts';

export interface RealModel {
  readonly name: string;
  /** Below the test data. */
  readonly path: string;
  /** The runs on which outputs are compared. Recurrent models need the original to make the next state. */
  inputs(original: Session): Promise<GivenFeeds>;
}

const SEED = 1;

export const REAL_MODELS: readonly RealModel[] = [
  { name: 'UltraFace RFB-320', path: 'models/ultraface/version-RFB-320.onnx', inputs: (session) => noise(session, 4) },
  { name: 'YOLOX-Nano', path: 'models/yolox_nano/yolox_nano.onnx', inputs: pixelNoise },
  { name: 'Silero VAD', path: 'models/silero_vad/silero_vad_16k_op15.onnx', inputs: speechFrames },
  { name: 'MNIST CNN', path: 'models/mnist/mnist.onnx', inputs: digits },
  { name: 'DTLN stage 1', path: 'models/dtln/model_1.onnx', inputs: speechSpectra },
  { name: 'Magika v1', path: 'models/magika_v1/model.onnx', inputs: fileBytes },
  {
    name: 'MobileNet v1 0.25',
    path: 'models/mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx',
    inputs: (session) => noise(session, 4),
  },
  {
    name: 'MobileNet v1 0.25, external data',
    path: 'models/mobilenet_v1_025_224/external_data/model.onnx',
    inputs: (session) => noise(session, 4),
  },
  { name: 'Basic Pitch', path: 'models/basic_pitch/nmp.onnx', inputs: singing },
];

function f32(shape: readonly number[], data: Float32Array): NdArray {
  return { dtype: 'f32', shape, data };
}

function floatsOf(array: NdArray): Float32Array {
  return Float32Array.from(numbersOf(array) ?? []);
}

async function noise(session: Session, runs: number): Promise<GivenFeeds> {
  return randomFeeds(session.inputs, { runs, seed: SEED });
}

/** Images of 0 to 255: a normal distribution around the grey of the letterbox, cut off at the ends. */
async function pixelNoise(session: Session): Promise<GivenFeeds> {
  const { feeds } = randomFeeds(session.inputs, { runs: 1, seed: SEED });
  const scaled = feeds.map(
    (feed): Feeds =>
      new Map(
        [...feed].map(([name, array]) => [
          name,
          f32(
            array.shape,
            floatsOf(array).map((value) => Math.min(255, Math.max(0, 114 + 60 * value))),
          ),
        ]),
      ),
  );
  return { feeds: scaled, method: `1 random image (seed ${SEED}, pixels normal around 114 with deviation 60)` };
}

/** All 2000 images of the first part of the MNIST test set, with their labels. */
export function mnistDigits(): { readonly images: readonly NdArray[]; readonly labels: readonly number[] } {
  const images = readNpy('images', new Uint8Array(readFileSync(testdata('data/mnist_2000/images_u8.npy'))));
  const labels = readNpy('labels', new Uint8Array(readFileSync(testdata('data/mnist_2000/labels_u8.npy'))));
  const pixels = images.data as Uint8Array;
  return {
    images: Array.from({ length: images.shape[0] ?? 0 }, (_, i) =>
      f32([1, 1, 28, 28], Float32Array.from(pixels.subarray(i * 784, (i + 1) * 784))),
    ),
    labels: Array.from(labels.data as Uint8Array),
  };
}

async function digits(session: Session): Promise<GivenFeeds> {
  const name = session.inputs[0]?.name ?? '';
  const feeds = mnistDigits()
    .images.slice(0, 64)
    .map((image) => new Map([[name, image]]));
  return { feeds, method: 'the first 64 images of the MNIST test set' };
}

/** Sixteen of the files, evenly through the list, so that many kinds are among them. */
async function fileBytes(): Promise<GivenFeeds> {
  const features = readNpy('features', new Uint8Array(readFileSync(testdata('data/magika_v1_files/features_u16.npy'))));
  const [count = 0, width = 0] = features.shape;
  const step = Math.floor(count / 16);
  const bytes = features.data as Uint16Array;
  const feeds = Array.from({ length: 16 }, (_, i) => {
    const file = bytes.subarray(i * step * width, (i * step + 1) * width);
    return new Map([['bytes', f32([1, width], Float32Array.from(file))]]);
  });
  return { feeds, method: '16 real files of many kinds' };
}

/** 16 frames of speech, each with the state that the original left after the one before. */
async function speechFrames(session: Session): Promise<GivenFeeds> {
  const { samples } = readWav(testdata('data/speech_16k/speech.wav'));
  const sr: NdArray = { dtype: 'i64', shape: [], data: new BigInt64Array([16_000n]) };
  let state = f32([2, 1, 128], new Float32Array(256));
  const feeds: Feeds[] = [];
  for (let frame = 0; frame < 16; frame++) {
    const start = 8000 + 512 * frame;
    const feed = new Map([
      ['input', f32([1, 576], samples.slice(start - 64, start + 512))],
      ['state', state],
      ['sr', sr],
    ]);
    feeds.push(feed);
    state = (await session.run(feed)).get('stateN') ?? state;
  }
  return { feeds, method: '16 frames of speech in a row, states from the original' };
}

async function speechSpectra(session: Session): Promise<GivenFeeds> {
  const { samples } = readWav(testdata('data/speech_16k/speech.wav'));
  let state = f32([1, 2, 128, 2], new Float32Array(512));
  const feeds: Feeds[] = [];
  for (let frame = 0; frame < 16; frame++) {
    const start = 8000 + 128 * frame;
    const feed = new Map([
      ['input_2', f32([1, 1, 257], magnitudes(samples.slice(start, start + 512)))],
      ['input_3', state],
    ]);
    feeds.push(feed);
    state = (await session.run(feed)).get('tf_op_layer_stack_2') ?? state;
  }
  return { feeds, method: '16 spectra of speech in a row, states from the original' };
}

async function singing(session: Session): Promise<GivenFeeds> {
  const { samples } = halved(readWav(testdata('data/vocadito/vocadito_10.wav')));
  const name = session.inputs[0]?.name ?? '';
  const window = samples.slice(43_844, 2 * 43_844);
  return { feeds: [new Map([[name, f32([1, 43_844, 1], window)]])], method: '2 seconds of singing' };
}
