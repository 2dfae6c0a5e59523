/** Values of Resize and Upsample, and of sampling on a grid. */
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { pick } from '#ops/evaluate/arrange.ts';
import {
  around,
  made,
  need,
  reals,
  refuse,
  wholes,
  type Evaluate,
  type Evaluations,
} from '#runtimes/interpreter/evaluation.ts';
import { affineGrid, gridSample } from '#runtimes/interpreter/sampling.ts';
import { mixes, type Axis, type Mix, type Resampling } from '#runtimes/interpreter/resampling.ts';

interface Plan {
  readonly axes: readonly (Axis & { readonly axis: number })[];
  readonly how: Resampling;
  readonly otherwise: number;
}

/** Sizes win over scales; with a policy they are a frame that the result must fit into or cover. */
function axesOf(call: Call, shape: readonly number[]): Plan['axes'] {
  const scales = call.dense(call.opset < 11 ? 1 : 2);
  const sizes = call.opset < 11 ? undefined : wholes(call.dense(3));
  const roi = call.opset < 11 || call.dense(1) === undefined ? [] : Array.from(reals(need(call, 1)));
  const axes = (call.ints('axes') ?? shape.map((_, axis) => axis)).map((axis) => frontAxis(axis, shape.length));
  const region = (at: number): readonly [number, number] => [roi[at] ?? 0, roi[at + axes.length] ?? 1];
  if (sizes !== undefined && sizes.length > 0) {
    const policy = call.string('keep_aspect_ratio_policy', 'stretch');
    const ratios = axes.map((axis, at) => Math.fround((sizes[at] ?? 1) / (shape[axis] ?? 1)));
    const common = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
    return axes.map((axis, at) => {
      const from = shape[axis] ?? 1;
      const scale = policy === 'stretch' ? (ratios[at] ?? 1) : common;
      const to = policy === 'stretch' ? (sizes[at] ?? 1) : Math.floor(from * scale + 0.5);
      return { axis, from, to, scale, region: region(at) };
    });
  }
  const factors = scales === undefined ? call.floats('scales') : Array.from(reals(scales));
  if (factors === undefined) return refuse(call, 'it has neither scales nor sizes.');
  return axes.map((axis, at) => {
    const [from, scale] = [shape[axis] ?? 1, factors[at] ?? 1];
    return { axis, from, to: Math.floor(Math.fround(from * scale)), scale, region: region(at) };
  });
}

function resampled(x: Dense, { axes, how, otherwise }: Plan): readonly (Dense | undefined)[] {
  let value: Dense | undefined = x;
  const outside: { readonly axis: number; readonly mixes: readonly Mix[] }[] = [];
  let numbers = how.mode === 'nearest' ? undefined : Float64Array.from(reals(x));
  let shape = x.shape;
  for (const one of axes) {
    if (one.to === one.from && one.scale === 1 && how.coordinates !== 'tf_crop_and_resize') continue;
    const list = mixes(one, how);
    if (list.some((mix) => mix.outside)) outside.push({ axis: one.axis, mixes: list });
    const { size, inner } = around(shape, one.axis);
    const next = shape.map((old, axis) => (axis === one.axis ? one.to : old));
    const start = (at: number): number => Math.floor(at / (one.to * inner)) * size * inner + (at % inner);
    const mixOf = (at: number): Mix | undefined => list[Math.floor(at / inner) % one.to];
    if (numbers === undefined) value = pick(value ?? x, next, (at) => start(at) + (mixOf(at)?.at[0] ?? 0) * inner);
    else numbers = mixed(numbers, next, start, mixOf, inner);
    shape = next;
  }
  const result = numbers === undefined ? value : made(x.dtype, shape, numbers);
  if (result === undefined || outside.length === 0) return [result];
  const values = Array.from(reals(result), (number, at) => {
    const left = outside.some(({ axis, mixes: list }) => {
      const { size, inner } = around(shape, axis);
      return list[Math.floor(at / inner) % size]?.outside === true;
    });
    return left ? otherwise : number;
  });
  return [made(x.dtype, shape, values)];
}

function mixed(
  values: Float64Array,
  shape: readonly number[],
  start: (at: number) => number,
  mixOf: (at: number) => Mix | undefined,
  inner: number,
): Float64Array<ArrayBuffer> {
  const out = new Float64Array(shape.reduce((count, size) => count * size, 1));
  for (let at = 0; at < out.length; at++) {
    const mix = mixOf(at);
    const from = start(at);
    let sum = 0;
    for (let k = 0; k < (mix?.at.length ?? 0); k++) {
      sum += (mix?.weights[k] ?? 0) * (values[from + (mix?.at[k] ?? 0) * inner] ?? 0);
    }
    out[at] = sum;
  }
  return out;
}

const resize: Evaluate = (call) => {
  const x = need(call, 0);
  // Opset 10 knew one way to place pixels, and onnxruntime rounds there by whether the axis shrinks.
  const early = call.opset < 11;
  return resampled(x, {
    axes: axesOf(call, x.shape),
    how: {
      mode: call.string('mode', 'nearest'),
      coordinates: early ? 'asymmetric' : call.string('coordinate_transformation_mode', 'half_pixel'),
      nearest: early ? 'simple' : call.string('nearest_mode', 'round_prefer_floor'),
      cubic: call.float('cubic_coeff_a', -0.75),
      excludeOutside: call.int('exclude_outside', 0) !== 0,
      antialias: call.int('antialias', 0) !== 0,
    },
    otherwise: call.float('extrapolation_value', 0),
  });
};

const upsample: Evaluate = (call) => {
  const x = need(call, 0);
  const how = {
    mode: call.string('mode', 'nearest'),
    coordinates: 'asymmetric',
    nearest: 'simple',
    cubic: -0.75,
    excludeOutside: false,
    antialias: false,
  };
  return resampled(x, { axes: axesOf(call, x.shape), how, otherwise: 0 });
};

export const resizeEvaluations: Evaluations = {
  Resize: resize,
  Upsample: upsample,
  GridSample: gridSample,
  AffineGrid: affineGrid,
};
