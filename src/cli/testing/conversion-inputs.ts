/** What each foreign model is tried on: real data where there is some, else seeded numbers in the range that it expects. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { testdata } from '#base/testing/testdata-place.ts';
import { readNpy } from '#wire/npy.ts';
import { generated, rangeText } from './generated-input.ts';
import type { InputRange } from './generated-input.ts';
import { recordedSpread } from './recorded-conversions.ts';
import { readWav } from './sound.ts';

export interface InputSource {
  readonly count: number;
  readonly method: string;
  /** Whether the values are what integer inputs hold, and not what these stand for. */
  readonly levels?: boolean;
  /** Values for one input of one sample; sizes that the caller chooses are 1. */
  values(shape: readonly number[], sample: number, input: number): Promise<Float32Array> | Float32Array;
}

/** By path below `models/`; the first that fits decides. */
const SOURCES: readonly [string, () => InputSource][] = [
  ['mlperf_tiny_kws/kws_ref_model.tflite', () => keywords(true)],
  ['mlperf_tiny_kws/', () => keywords(false)],
  ['mlperf_tiny_resnet8/pretrainedResnet_quant', () => pictures(64, { shift: -128, levels: true })],
  ['mlperf_tiny_resnet8/', () => pictures(16, {})],
  ['mlperf_tiny_anomaly/ad01_int8', () => seeded(16, { low: -70, high: 10 })],
  ['mlperf_tiny_anomaly/', () => seeded(4, { low: -70, high: 10 })],
  ['mnist/conv_fc_mnist_srq', () => digits(256, (pixel) => pixel - 128, true)],
  ['mnist/', () => digits(64, (pixel) => pixel / 255, false)],
  ['mobilenet_v1_025_224/mobilenet_v1_0.25_224_uint8', () => pictures(16, { levels: true })],
  ['mobilenet_v1_025_224/', () => pictures(4, { scale: 1 / 127.5, shift: -1 })],
  ['darknet_tiny_tfjs/', () => pictures(1, { scale: 1 / 255 })],
  ['doodlenet_tfjs/', () => seeded(4, { low: 0, high: 1 })],
  ['yolox_nano/yolox_nano_dynamic', () => pictures(1, { planes: true })],
  ['dtln/', () => seeded(8, { low: 0, high: 2 }, { low: -1, high: 1 })],
  ['basic_pitch/', () => seeded(1, { low: -0.5, high: 0.5 })],
  ['human_tfjs/blazeface', () => pictures(1, { scale: 1 / 127.5, shift: -1, folder: 'caltech101_faces' })],
  ['human_tfjs/', () => pictures(2, { scale: 1 / 255, folder: 'caltech101_faces' })],
  ['deeplabv3/', () => pictures(1, { scale: 1 / 127.5, shift: -1 })],
  ['selfie_segmentation/', () => pictures(1, { scale: 1 / 255, folder: 'caltech101_faces' })],
  ['yamnet/', () => speech(4)],
  ['movie_review/', () => seeded(8, { low: 0, high: 1000, whole: true })],
  ['magika_v1/', () => fileBytes(4)],
];

export function inputsFor(path: string): InputSource {
  // Those that were recorded with it, so that the spread is that of the same inputs.
  const spread = recordedSpread(path);
  if (spread !== undefined) return { ...seeded(spread.input.samples, spread.input), levels: true };
  const [, source] = SOURCES.find(([start]) => path.startsWith(start)) ?? [];
  return source?.() ?? seeded(8, { low: -1, high: 1 });
}

/** Seeds 1 to count. The first range is for the first input, the last for the rest. */
export function seeded(count: number, ...ranges: readonly InputRange[]): InputSource {
  const range = (input: number): InputRange => ranges[input] ?? ranges.at(-1) ?? { low: -1, high: 1 };
  return {
    count,
    method: `${count} seeded (${ranges.map(rangeText).join('; ')})`,
    // Several inputs of one sample get numbers of their own.
    values: (shape, sample, input) => generated(sample + 1 + 1000 * input, shape, range(input)),
  };
}

/** The levels are the int8 input of the source's own quantized model: x = (q - 83) * 0.5847029. */
function keywords(levels: boolean): InputSource {
  const rows = keywordRows();
  return {
    count: rows.length,
    levels,
    method: `${rows.length} samples of kws01`,
    values: (_, sample) => Float32Array.from(rows[sample] ?? [], (level) => (levels ? level : keywordValue(level))),
  };
}

export function keywordValue(level: number): number {
  return (level - 83) * 0.5847029;
}

export function keywordRows(): readonly Int8Array[] {
  const { data } = readNpy('features', readFileSync(testdata('data/kws01/features_int8.npy')));
  return Array.from({ length: data.length / 490 }, (_, i) => (data as Int8Array).subarray(490 * i, 490 * (i + 1)));
}

export function keywordLabels(): readonly number[] {
  return Array.from(
    readNpy('labels', readFileSync(testdata('data/kws01/labels.npy'))).data as ArrayLike<number>,
    Number,
  );
}

function digits(count: number, value: (pixel: number) => number, levels: boolean): InputSource {
  const { data } = readNpy('images', readFileSync(testdata('data/mnist_2000/images_u8.npy')));
  return {
    count,
    levels,
    method: `${count} digits of mnist_2000`,
    values: (_, sample) => Float32Array.from((data as Uint8Array).subarray(784 * sample, 784 * (sample + 1)), value),
  };
}

interface PictureOptions {
  readonly scale?: number;
  readonly shift?: number;
  readonly levels?: boolean;
  /** Channels first, blue before red. */
  readonly planes?: boolean;
  /** Below `data/`. */
  readonly folder?: string;
}

/** Real pictures, stretched to the size of the input. */
function pictures(count: number, options: PictureOptions): InputSource {
  const { scale = 1, shift = 0, levels = false, planes = false, folder = 'caltech101_imagenet' } = options;
  const root = testdata(`data/${folder}`);
  const listed = readdirSync(root, { recursive: true, encoding: 'utf8' });
  const paths = listed.filter((path) => path.endsWith('.jpg')).toSorted();
  const step = Math.floor(paths.length / count);
  return {
    count,
    levels,
    method: `${count} picture${count === 1 ? '' : 's'} of ${folder}`,
    async values(shape, sample) {
      const [height = 1, width = 1] = planes ? shape.slice(2) : shape.slice(1);
      const file = join(root, paths[sample * step] ?? '');
      const { default: sharp } = await import('sharp');
      const sized = sharp(file, { ignoreIcc: true }).resize(width, height, { fit: 'fill' });
      const pixels = await sized.toColourspace('srgb').removeAlpha().raw().toBuffer();
      const area = width * height;
      return Float32Array.from({ length: 3 * area }, (_, i) => {
        const at = planes ? 3 * (i % area) + 2 - Math.floor(i / area) : i;
        return (pixels[at] ?? 0) * scale + shift;
      });
    },
  };
}

/** Windows of the recording, one after another. */
function speech(count: number): InputSource {
  const { samples } = readWav(testdata('data/speech_16k/speech.wav'));
  return {
    count,
    method: `${count} windows of speech_16k`,
    values: ([length = 1], sample) => Float32Array.from(samples.subarray(sample * length, (sample + 1) * length)),
  };
}

function fileBytes(count: number): InputSource {
  const { data } = readNpy('features', readFileSync(testdata('data/magika_v1_files/features_u16.npy')));
  const rows = data.length / 1536;
  const step = Math.floor(rows / count);
  return {
    count,
    method: `${count} files of magika_v1_files`,
    values: (_, sample) =>
      Float32Array.from((data as Uint16Array).subarray(1536 * sample * step, 1536 * (sample * step + 1))),
  };
}
