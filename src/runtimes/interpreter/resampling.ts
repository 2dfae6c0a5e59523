/**
 * Resampling along one axis: for every place of the result, which places of the source count and how much. Resize applies it
 * axis by axis. Coordinates are float32, as in onnxruntime: at ties it matters.
 */
import { clamp } from './evaluation.ts';

export type CoordinateMode =
  | 'half_pixel'
  | 'half_pixel_symmetric'
  | 'pytorch_half_pixel'
  | 'tf_half_pixel_for_nn'
  | 'align_corners'
  | 'asymmetric'
  | 'tf_crop_and_resize';

export interface Axis {
  /** Sizes of the axis before and after. */
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  /** Part of the axis that tf_crop_and_resize looks at, as shares of it. */
  readonly region: readonly [number, number];
}

export interface Resampling {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubic: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
}

/** What one place of the result is made of; `outside` where the coordinate leaves the source of tf_crop_and_resize. */
export interface Mix {
  readonly at: readonly number[];
  readonly weights: readonly number[];
  readonly outside: boolean;
}

const f = Math.fround;

/** Where a place of the result lies in the source (ONNX specification, Resize). */
function sourceOf(place: number, { from, to, scale, region }: Axis, mode: string): number {
  switch (mode) {
    case 'asymmetric':
      return f(place / scale);
    case 'align_corners':
      return to === 1 ? 0 : f(f(place * (from - 1)) / (to - 1));
    case 'pytorch_half_pixel':
      return to > 1 ? f(f((place + 0.5) / scale) - 0.5) : 0;
    case 'tf_half_pixel_for_nn':
      return f((place + 0.5) / scale);
    case 'half_pixel_symmetric': {
      const adjustment = f(to / f(scale * from));
      const offset = f(f(from / 2) * f(1 - adjustment));
      return f(offset + f(f((place + 0.5) / scale) - 0.5));
    }
    case 'tf_crop_and_resize': {
      const [start, end] = region;
      if (to > 1) return f(f(start * (from - 1)) + f(f(place * f(end - start)) * (from - 1)) / (to - 1));
      return f(f(0.5 * f(start + end)) * (from - 1));
    }
    default:
      return f(f((place + 0.5) / scale) - 0.5);
  }
}

/** onnxruntime takes a coordinate that is as good as half-way as half-way (measured on 694 pairs of sizes: no difference). */
const HALF_WAY = 1e-6;

function nearestOf(place: number, mode: string, scale: number): number {
  const half = Math.floor(place) + 0.5;
  const at = mode.startsWith('round') && Math.abs(place - half) < HALF_WAY ? half : place;
  switch (mode) {
    case 'round_prefer_ceil':
      return Math.floor(at + 0.5);
    case 'floor':
      return Math.floor(at);
    case 'ceil':
      return Math.ceil(at);
    case 'simple':
      return scale < 1 ? Math.ceil(at) : Math.trunc(at);
    default:
      return Math.ceil(at - 0.5);
  }
}

/** Cubic convolution (Keys 1981) with the free coefficient a. */
function cubicWeight(distance: number, a: number): number {
  const x = Math.abs(distance);
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

function linearWeight(distance: number): number {
  return Math.max(1 - Math.abs(distance), 0);
}

export function mixes(axis: Axis, how: Resampling): readonly Mix[] {
  return Array.from({ length: axis.to }, (_, place) => {
    const at = sourceOf(place, axis, how.coordinates);
    const outside = how.coordinates === 'tf_crop_and_resize' && (at < 0 || at > axis.from - 1);
    return { ...mixAt(at, axis, how), outside };
  });
}

function mixAt(at: number, { from, scale }: Axis, how: Resampling): Omit<Mix, 'outside'> {
  if (how.mode === 'nearest') {
    return { at: [clamp(nearestOf(at, how.nearest, scale), 0, from - 1)], weights: [1] };
  }
  const cubic = how.mode === 'cubic';
  const weightOf = cubic ? (distance: number) => cubicWeight(distance, how.cubic) : linearWeight;
  const stretch = how.antialias && scale < 1 ? scale : 1;
  // Beyond the border the border itself is read, unless it is to be left out.
  const reach = (cubic ? 2 : 1) / stretch;
  const places: number[] = [];
  const weights: number[] = [];
  for (let one = Math.floor(at - reach); one <= Math.ceil(at + reach); one++) {
    const weight = weightOf((one - at) * stretch);
    if (weight === 0 || (how.excludeOutside && (one < 0 || one >= from))) continue;
    places.push(clamp(one, 0, from - 1));
    weights.push(weight);
  }
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return { at: places, weights: how.excludeOutside || stretch < 1 ? weights.map((weight) => weight / total) : weights };
}
