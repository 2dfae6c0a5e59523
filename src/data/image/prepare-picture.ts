/**
 * From a decoded picture to what the network sees: cropped or padded, resized, in its colours and layout, scaled. One
 * implementation for page and command line. Values stay in float from the pixel to the tensor: nothing is rounded between.
 */
import { countOf } from '#base/dtype.ts';
import type { Picture } from '#data/samples.ts';
import type { ImageSettings } from '#data/settings.ts';
import type { Taps } from './taps.ts';
import { tapsFor } from './taps.ts';

export interface PicturePlan {
  readonly width: number;
  readonly height: number;
  readonly layout: 'nhwc' | 'nchw';
  readonly image: ImageSettings;
  /** One a channel, in the network's order. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export function channelsOf(image: ImageSettings): number {
  return image.channels === 'gray' ? 1 : 3;
}

/** Rectangles in whole pixels: the part of the picture that is taken, and where it lands on the network's. */
interface Placement {
  readonly from: Box;
  readonly to: Box;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function placePicture(
  picture: { readonly width: number; readonly height: number },
  plan: PicturePlan,
): Placement {
  const { width, height } = picture;
  const whole: Box = { x: 0, y: 0, width, height };
  const target: Box = { x: 0, y: 0, width: plan.width, height: plan.height };
  if (plan.image.fit === 'stretch') return { from: whole, to: target };
  if (plan.image.fit === 'crop') {
    const scale = Math.min(width / plan.width, height / plan.height) * plan.image.cropShare;
    const cropWidth = clampSize(plan.width * scale, width);
    const cropHeight = clampSize(plan.height * scale, height);
    const x = Math.floor((width - cropWidth) / 2);
    const y = Math.floor((height - cropHeight) / 2);
    return { from: { x, y, width: cropWidth, height: cropHeight }, to: target };
  }
  const scale = Math.min(plan.width / width, plan.height / height);
  const fitWidth = clampSize(width * scale, plan.width);
  const fitHeight = clampSize(height * scale, plan.height);
  const x = Math.floor((plan.width - fitWidth) / 2);
  const y = Math.floor((plan.height - fitHeight) / 2);
  return { from: whole, to: { x, y, width: fitWidth, height: fitHeight } };
}

function clampSize(size: number, most: number): number {
  return Math.max(1, Math.min(most, Math.round(size)));
}

/** Taps of the last few sizes: the pictures of one camera share them. */
const MOST_TAPS = 64;

/** Prepares pictures one after the other; the arrays in between are made once. */
export function createPicturePreparer(plan: PicturePlan): (picture: Picture) => Float32Array<ArrayBuffer> {
  const channels = channelsOf(plan.image);
  const taps = new Map<string, Taps>();
  const tapsOf = (from: number, size: number, out: number): Taps => {
    const key = `${from} ${size} ${out}`;
    const known = taps.get(key);
    if (known !== undefined) return known;
    if (taps.size >= MOST_TAPS) taps.clear();
    const made = tapsFor(plan.image.filter, from, size, out);
    taps.set(key, made);
    return made;
  };
  return (picture) => {
    const out = new Float32Array(countOf([channels, plan.height, plan.width]));
    const place = placePicture(picture, plan);
    const { from, to } = place;
    if (to.width !== plan.width || to.height !== plan.height) fillPadding(out, plan, channels);
    const across = tapsOf(from.x, from.width, to.width);
    const down = tapsOf(from.y, from.height, to.height);
    resizeInto(out, picture, plan, place, across, down);
    return out;
  };
}

function fillPadding(out: Float32Array, plan: PicturePlan, channels: number): void {
  const { layout, width, height, mean, std, image } = plan;
  const level = image.invert ? 255 - image.pad : image.pad;
  const pixels = width * height;
  for (let channel = 0; channel < channels; channel++) {
    const value = (level - (mean[channel] ?? 0)) / (std[channel] ?? 1);
    if (layout === 'nchw') out.fill(value, channel * pixels, (channel + 1) * pixels);
    else for (let pixel = 0; pixel < pixels; pixel++) out[pixel * channels + channel] = value;
  }
}

/** Rows are resized across once each, and kept as long as a row of the result needs them. */
function resizeInto(
  out: Float32Array,
  picture: Picture,
  plan: PicturePlan,
  { from, to }: Placement,
  across: Taps,
  down: Taps,
): void {
  const channels = channelsOf(plan.image);
  const line = new Float32Array(from.width * channels);
  const lineLength = to.width * channels;
  const kept = new Float32Array(down.most * lineLength);
  const sum = new Float64Array(lineLength);
  const inRow = channels === 1 ? acrossGray : acrossColors;
  let next = 0;
  for (let y = 0; y < to.height; y++) {
    const first = down.starts[y] ?? 0;
    const count = down.counts[y] ?? 0;
    for (next = Math.max(next, first); next < first + count; next++) {
      readLine(line, picture, next, from, plan.image);
      inRow(kept, (next % down.most) * lineLength, line, across, from.x);
    }
    sum.fill(0);
    for (let tap = 0; tap < count; tap++) {
      const weight = down.weights[y * down.most + tap] ?? 0;
      const at = ((first + tap) % down.most) * lineLength;
      for (let i = 0; i < lineLength; i++) sum[i] = (sum[i] ?? 0) + weight * (kept[at + i] ?? 0);
    }
    writeLine(out, sum, plan, to, y);
  }
}

/** Weights of red, green and blue in grey: ITU-R BT.601, as Pillow and OpenCV have them. */
const RED = 0.299;
const GREEN = 0.587;
const BLUE = 0.114;

/** One row of the picture as floats in the network's colours, over white where it is transparent. */
function readLine(line: Float32Array, { data, width }: Picture, y: number, from: Box, image: ImageSettings): void {
  const gray = image.channels === 'gray';
  const [redAt, blueAt] = image.channels === 'bgr' ? [2, 0] : [0, 2];
  const sign = image.invert ? -1 : 1;
  const base = image.invert ? 255 : 0;
  let at = (y * width + from.x) * 4;
  let to = 0;
  for (let x = 0; x < from.width; x++, at += 4) {
    let red = data[at] ?? 0;
    let green = data[at + 1] ?? 0;
    let blue = data[at + 2] ?? 0;
    const alpha = data[at + 3] ?? 255;
    if (alpha !== 255) {
      const share = alpha / 255;
      red = 255 + (red - 255) * share;
      green = 255 + (green - 255) * share;
      blue = 255 + (blue - 255) * share;
    }
    if (gray) {
      line[to++] = base + sign * (RED * red + GREEN * green + BLUE * blue);
    } else {
      line[to + redAt] = base + sign * red;
      line[to + 1] = base + sign * green;
      line[to + blueAt] = base + sign * blue;
      to += 3;
    }
  }
}

function acrossColors(kept: Float32Array, at: number, line: Float32Array, taps: Taps, from: number): void {
  const { starts, counts, weights, most } = taps;
  for (let x = 0; x < starts.length; x++) {
    const count = counts[x] ?? 0;
    let source = ((starts[x] ?? 0) - from) * 3;
    let a = 0;
    let b = 0;
    let c = 0;
    for (let tap = 0; tap < count; tap++, source += 3) {
      const weight = weights[x * most + tap] ?? 0;
      a += weight * (line[source] ?? 0);
      b += weight * (line[source + 1] ?? 0);
      c += weight * (line[source + 2] ?? 0);
    }
    kept[at + x * 3] = a;
    kept[at + x * 3 + 1] = b;
    kept[at + x * 3 + 2] = c;
  }
}

function acrossGray(kept: Float32Array, at: number, line: Float32Array, taps: Taps, from: number): void {
  const { starts, counts, weights, most } = taps;
  for (let x = 0; x < starts.length; x++) {
    const count = counts[x] ?? 0;
    const source = (starts[x] ?? 0) - from;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) sum += (weights[x * most + tap] ?? 0) * (line[source + tap] ?? 0);
    kept[at + x] = sum;
  }
}

/** Bicubic resizing overshoots at edges: pixels stay within 0 to 255, as they do wherever they are stored in bytes. */
function writeLine(out: Float32Array, sum: Float64Array, plan: PicturePlan, to: Box, y: number): void {
  const { layout, width, height, mean, std } = plan;
  const channels = channelsOf(plan.image);
  const pixel = (to.y + y) * width + to.x;
  for (let channel = 0; channel < channels; channel++) {
    const subtract = mean[channel] ?? 0;
    const divide = std[channel] ?? 1;
    let at = layout === 'nchw' ? channel * width * height + pixel : pixel * channels + channel;
    const step = layout === 'nchw' ? 1 : channels;
    for (let x = 0; x < to.width; x++, at += step) {
      const value = sum[x * channels + channel] ?? 0;
      out[at] = ((value < 0 ? 0 : value > 255 ? 255 : value) - subtract) / divide;
    }
  }
}
