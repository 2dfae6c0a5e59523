/** Sampling at places that a grid names, in two or three dimensions (ONNX specification, GridSample and AffineGrid). */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { strides } from '#ops/evaluate/reduce.ts';
import { clamp, made, need, reals, wholes } from './evaluation.ts';

/** Places and weights along one axis. */
type Contribution = readonly (readonly [place: number, weight: number])[];

/** grid: [N, ...places, axes] of coordinates in -1..1, the last axis of the data first. */
export function gridSample(call: Call): readonly Dense[] {
  const [x, grid] = [need(call, 0), need(call, 1)];
  const [batch = 1, channels = 1, ...sizes] = x.shape;
  const places = grid.shape.slice(1, -1);
  const mode = call.string('mode', 'linear').replace(/^bi/, '');
  const padding = call.string('padding_mode', 'zeros');
  const corners = call.int('align_corners', 0) !== 0;
  const [data, coordinates] = [reals(x), reals(grid)];
  const [area, count, rank] = [countOf(sizes), countOf(places), sizes.length];
  const steps = strides(sizes);
  const out = new Float64Array(batch * channels * count);
  for (let n = 0; n < batch; n++) {
    for (let place = 0; place < count; place++) {
      const axes = sizes.map((size, axis) => {
        const at = coordinates[(n * count + place) * rank + (rank - 1 - axis)] ?? 0;
        return contribution(denormalized(at, size, corners), size, mode, padding, corners);
      });
      for (let c = 0; c < channels; c++) {
        out[(n * channels + c) * count + place] = weighted(data, (n * channels + c) * area, axes, steps, 0);
      }
    }
  }
  return [made(x.dtype, [batch, channels, ...places], out)];
}

/** The sum over all combinations of places, axis by axis. */
function weighted(
  data: ArrayLike<number>,
  offset: number,
  axes: readonly Contribution[],
  steps: readonly number[],
  axis: number,
): number {
  const parts = axes[axis];
  if (parts === undefined) return data[offset] ?? 0;
  let sum = 0;
  for (const [place, weight] of parts) {
    if (weight !== 0) sum += weight * weighted(data, offset + place * (steps[axis] ?? 1), axes, steps, axis + 1);
  }
  return sum;
}

function denormalized(at: number, size: number, corners: boolean): number {
  return corners ? ((at + 1) / 2) * (size - 1) : ((at + 1) * size - 1) / 2;
}

function contribution(at: number, size: number, mode: string, padding: string, corners: boolean): Contribution {
  const real = (place: number): number | undefined => inside(place, size, padding, corners);
  const parts: [number, number][] = [];
  const add = (place: number, weight: number): void => {
    const found = real(place);
    if (found !== undefined) parts.push([found, weight]);
  };
  if (mode === 'nearest') {
    add(roundEven(bordered(at, size, padding, corners)), 1);
    return parts;
  }
  if (mode === 'cubic') {
    const low = Math.floor(at);
    for (let one = low - 1; one <= low + 2; one++) add(one, cubicWeight(at - one));
    return parts;
  }
  const held = bordered(at, size, padding, corners);
  const low = Math.floor(held);
  add(low, 1 - (held - low));
  add(low + 1, held - low);
  return parts;
}

/** A coordinate outside is moved to the border or mirrored; with zeros it stays where it is. */
function bordered(at: number, size: number, padding: string, corners: boolean): number {
  if (padding === 'border') return clamp(at, 0, size - 1);
  return padding === 'reflection' ? reflected(at, corners ? 0 : -0.5, corners ? size - 1 : size - 0.5) : at;
}

function reflected(at: number, low: number, high: number): number {
  const range = high - low;
  if (range === 0) return low;
  if (at >= low && at <= high) return at;
  const beyond = at < low ? low - at : at - high;
  const turns = Math.floor(beyond / range);
  const rest = beyond - turns * range;
  const fromLow = at < low === (turns % 2 === 0);
  return fromLow ? low + rest : high - rest;
}

function inside(place: number, size: number, padding: string, corners: boolean): number | undefined {
  if (place >= 0 && place < size) return place;
  if (padding === 'zeros') return undefined;
  const moved = padding === 'reflection' ? Math.trunc(bordered(place, size, padding, corners)) : place;
  return clamp(moved, 0, size - 1);
}

function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? floor + 1 : floor;
}

/** Keys' cubic with a = -0.75, as PyTorch has it. */
function cubicWeight(distance: number): number {
  const [x, a] = [Math.abs(distance), -0.75];
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

/** Coordinates of a grid after the affine map theta of each image. */
export function affineGrid(call: Call): readonly Dense[] {
  const theta = need(call, 0);
  const [batch = 1, , ...sizes] = wholes(need(call, 1)) ?? [];
  const corners = call.int('align_corners', 0) !== 0;
  const rank = sizes.length;
  const count = countOf(sizes);
  const steps = strides(sizes);
  const map = reals(theta);
  const out: number[] = [];
  for (let n = 0; n < batch; n++) {
    for (let at = 0; at < count; at++) {
      // The last axis comes first in a coordinate.
      const point = sizes.map((_, back) => {
        const axis = rank - 1 - back;
        const size = sizes[axis] ?? 1;
        const index = Math.floor(at / (steps[axis] ?? 1)) % size;
        if (corners) return size === 1 ? 0 : -1 + (2 * index) / (size - 1);
        return (2 * index + 1) / size - 1;
      });
      for (let row = 0; row < rank; row++) {
        const start = (n * rank + row) * (rank + 1);
        out.push(point.reduce((sum, value, k) => sum + value * (map[start + k] ?? 0), map[start + rank] ?? 0));
      }
    }
  }
  return [made(theta.dtype, [batch, ...sizes, rank], out)];
}
