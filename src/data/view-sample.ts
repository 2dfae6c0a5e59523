/** One sample for people's eyes: what came in beside what the network sees, and the figures that give mistakes away. */
import { PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import { numbersOf, type Numbers } from './arrays/numbers.ts';
import type { InputView, SamplePicture, SampleView } from './dataset.ts';
import { decodePicture } from './image/decode-picture.ts';
import type { ModelSlots } from './model-slots.ts';
import type { OpenDataset } from './open.ts';
import { planData } from './plan.ts';
import { type Feed, type Plan } from './feeds.ts';
import { placesOf, samplesOf, type Place } from './prepare.ts';
import type { DecodePicture, Picture } from './samples.ts';
import type { DataSettings } from './settings.ts';

/** Longest side of an original as it is shown. */
const MOST_SHOWN = 320;
/** Columns of a waveform. */
const COLUMNS = 480;
/** Wider or longer than this is no picture for people. */
const MOST_HEAT = 4096;

/** Throws a `PareError` where the sample cannot be read or prepared. */
export async function viewSample(
  opened: OpenDataset,
  model: ModelSlots,
  settings: DataSettings,
  index: number,
): Promise<SampleView> {
  const dataset = decodingOnce(opened);
  const samples = samplesOf(dataset, model, settings);
  const { plan } = planData(dataset, model, settings);
  if (plan === null || index < 0 || index >= samples.length) {
    throw new PareError({
      code: 'data/no-sample',
      file: dataset.info.name,
      problem: `there is no sample ${index + 1}; there are ${samples.length}.`,
    });
  }
  const sample = await samples.read(index);
  const place = placesOf(plan)(index);
  return {
    name: sample.name,
    labelText: labelText(dataset, plan, place, sample.classes),
    original: await originalOf(dataset, place),
    inputs: plan.feeds.flatMap((feed) => {
      const array = sample.feeds.get(feed.slot.name);
      return array === undefined ? [] : [inputView(feed, array)];
    }),
  };
}

/** The sample and its original are one picture: it is decoded for the first and at hand for the second. */
function decodingOnce(opened: OpenDataset): OpenDataset {
  const { content } = opened;
  if (content.kind !== 'images') return opened;
  const decoded = new Map<string, Promise<Picture>>();
  const decode: DecodePicture = (name, bytes) => {
    const known = decoded.get(name) ?? content.decode(name, bytes);
    decoded.set(name, known);
    return known;
  };
  return { ...opened, content: { ...content, decode } };
}

/** As the data has it, with the class that it stands for: `yes (class 3)`. */
function labelText(
  { info, labels }: OpenDataset,
  plan: Plan,
  { item }: Place,
  classes: readonly number[] | null,
): string | null {
  const text = (plan.labels?.column ?? labels[0])?.text(item) ?? null;
  if (classes === null) return text;
  const named = classes.map((index) => {
    const name = info.classNames?.[index - (plan.labels?.offset ?? 0)];
    return name === undefined || name === text ? `class ${index}` : `class ${index}, ${name}`;
  });
  return text === null ? named.join(' or ') : `${text} (${named.join(' or ')})`;
}

async function originalOf({ content }: OpenDataset, { item }: Place): Promise<SamplePicture | null> {
  if (content.kind !== 'images') return null;
  return { kind: 'picture', picture: smaller(await decodePicture(content.files[item], content.decode)) };
}

/** Nearest pixels: this is to be recognised, not measured. */
function smaller(picture: Picture): Picture {
  const scale = Math.max(picture.width, picture.height) / MOST_SHOWN;
  if (scale <= 1) return picture;
  const width = Math.max(1, Math.round(picture.width / scale));
  const height = Math.max(1, Math.round(picture.height / scale));
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y++) {
    const row = Math.min(picture.height - 1, Math.floor((y + 0.5) * scale));
    for (let x = 0; x < width; x++) {
      const from = 4 * (row * picture.width + Math.min(picture.width - 1, Math.floor((x + 0.5) * scale)));
      data.set(picture.data.subarray(from, from + 4), 4 * (y * width + x));
    }
  }
  return { width, height, data };
}

function inputView(feed: Feed, array: NdArray): InputView {
  const values = numbersOf(array);
  const figures = values === null ? { min: NaN, max: NaN, mean: NaN, deviation: NaN } : figuresOf(values);
  return {
    name: feed.slot.name,
    dtype: array.dtype,
    shape: array.shape,
    ...figures,
    picture: values === null || feed.from === 'constant' ? null : pictureOf(feed, array.shape, values, figures),
  };
}

interface Figures {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly deviation: number;
}

function figuresOf(values: Numbers): Figures {
  let min = Infinity;
  let max = -Infinity;
  let sum = 0;
  let squares = 0;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
    sum += value;
    squares += value * value;
  }
  const count = values.length;
  if (count === 0) return { min: NaN, max: NaN, mean: NaN, deviation: NaN };
  const mean = sum / count;
  return { min, max, mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}

function pictureOf(feed: Feed, shape: readonly number[], values: Numbers, figures: Figures): SamplePicture | null {
  if (feed.from === 'pictures') {
    const { width, height, layout, image } = feed.plan;
    return coloured({ width, height, layout, channels: image.channels === 'gray' ? 1 : 3 }, values, figures);
  }
  const sizes = shape.filter((size) => size !== 1);
  if (feed.from === 'recordings') {
    const { audio, turned } = feed.plan;
    if (audio.feature === 'waveform') return wave(values, audio.sampleRate);
    const [frames, bands] = turned ? [sizes[1] ?? 1, sizes[0] ?? 1] : [sizes[0] ?? 1, sizes[1] ?? 1];
    return heat(values, frames, bands, turned);
  }
  if (sizes.length === 3 && sizes[0] === 3)
    return coloured({ width: sizes[2] ?? 0, height: sizes[1] ?? 0, layout: 'nchw', channels: 3 }, values, figures);
  if (sizes.length === 3 && sizes[2] === 3)
    return coloured({ width: sizes[1] ?? 0, height: sizes[0] ?? 0, layout: 'nhwc', channels: 3 }, values, figures);
  if (sizes.length !== 2) return null;
  const [height = 0, width = 0] = sizes;
  return width > MOST_HEAT || height > MOST_HEAT
    ? null
    : { kind: 'heat', width, height, values: Float32Array.from(values) };
}

/** Channel 0 is drawn red: a network that is fed with BGR shows blue faces, which is what it sees. */
function coloured(
  layout: {
    readonly width: number;
    readonly height: number;
    readonly layout: 'nhwc' | 'nchw';
    readonly channels: number;
  },
  values: Numbers,
  { min, max }: Figures,
): SamplePicture | null {
  const { width, height, channels } = layout;
  const pixels = width * height;
  if (pixels === 0 || values.length !== pixels * channels) return null;
  const factor = max > min ? 255 / (max - min) : 0;
  const data = new Uint8ClampedArray(pixels * 4);
  for (let pixel = 0; pixel < pixels; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      const from = Math.min(channel, channels - 1);
      const value = values[layout.layout === 'nhwc' ? pixel * channels + from : from * pixels + pixel] ?? 0;
      data[4 * pixel + channel] = (value - min) * factor;
    }
    data[4 * pixel + 3] = 255;
  }
  return { kind: 'picture', picture: { width, height, data } };
}

/** Time to the right, low bands at the bottom. */
function heat(values: Numbers, frames: number, bands: number, turned: boolean): SamplePicture {
  const drawn = new Float32Array(frames * bands);
  for (let frame = 0; frame < frames; frame++) {
    for (let band = 0; band < bands; band++) {
      const value = values[turned ? band * frames + frame : frame * bands + band] ?? 0;
      drawn[(bands - 1 - band) * frames + frame] = value;
    }
  }
  return { kind: 'heat', width: frames, height: bands, values: drawn };
}

function wave(values: Numbers, sampleRate: number): SamplePicture {
  const columns = Math.min(COLUMNS, values.length);
  const low = new Float32Array(columns);
  const high = new Float32Array(columns);
  for (let column = 0; column < columns; column++) {
    const end = Math.floor(((column + 1) * values.length) / columns);
    let [min, max] = [Infinity, -Infinity];
    for (let i = Math.floor((column * values.length) / columns); i < end; i++) {
      min = Math.min(min, values[i] ?? 0);
      max = Math.max(max, values[i] ?? 0);
    }
    low[column] = min;
    high[column] = max;
  }
  return { kind: 'wave', low, high, seconds: values.length / sampleRate };
}
