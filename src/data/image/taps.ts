/**
 * Which pixels make one pixel of a resized picture, and how much of each: one row of taps per pixel of an axis. Pixel centres lie at
 * half-way, as in Pillow, OpenCV and PyTorch (align_corners off). `area` is Pillow's BOX and `bicubic` its BICUBIC (a = -0.5),
 * both widened when shrinking; `bilinear` takes two neighbours and is never widened, as OpenCV's and TensorFlow's are.
 */
import type { ImageSettings } from '#data/settings.ts';

export interface Taps {
  /** First source pixel of each. */
  readonly starts: Int32Array;
  readonly counts: Int32Array;
  /** `most` weights for each, adding up to 1. */
  readonly weights: Float64Array;
  readonly most: number;
}

type Kernel = (distance: number) => number;

const KERNELS: Readonly<
  Record<
    Exclude<ImageSettings['filter'], 'nearest'>,
    { readonly support: number; readonly widen: boolean; readonly at: Kernel }
  >
> = {
  area: { support: 0.5, widen: true, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, widen: false, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, widen: true, at: cubic },
};

function cubic(distance: number): number {
  const x = Math.abs(distance);
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** From `size` pixels that start at `from`, to `out` pixels; pixels outside those are never looked at. */
export function tapsFor(filter: ImageSettings['filter'], from: number, size: number, out: number): Taps {
  const scale = size / out;
  if (filter === 'nearest') {
    // Whole numbers, so that centres that fall between two pixels are the later one's everywhere, whatever the sizes.
    const starts = Int32Array.from({ length: out }, (_, at) => from + Math.floor(((2 * at + 1) * size) / (2 * out)));
    return { starts, counts: new Int32Array(out).fill(1), weights: new Float64Array(out).fill(1), most: 1 };
  }
  const kernel = KERNELS[filter];
  const wide = kernel.widen ? Math.max(1, scale) : 1;
  const support = kernel.support * wide;
  const most = Math.min(size, Math.ceil(support) * 2 + 1);
  const starts = new Int32Array(out);
  const counts = new Int32Array(out);
  const weights = new Float64Array(out * most);
  for (let at = 0; at < out; at++) {
    const center = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const end = Math.min(size, Math.trunc(center + support + 0.5));
    let sum = 0;
    for (let tap = 0; tap < end - first; tap++) {
      const weight = kernel.at((first + tap - center + 0.5) / wide);
      weights[at * most + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < end - first; tap++) weights[at * most + tap] = (weights[at * most + tap] ?? 0) / sum;
    starts[at] = from + first;
    counts[at] = end - first;
  }
  return { starts, counts, weights, most };
}
