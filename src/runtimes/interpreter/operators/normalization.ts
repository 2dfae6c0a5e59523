/** Values of normalizations: statistics in double precision over some axes, then scale and shift. */
import { countOf, type DType } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { broadcastIndex } from '#ops/evaluate/elementwise.ts';
import {
  around,
  made,
  need,
  reals,
  refuse,
  type Evaluate,
  type Evaluations,
  type Reals,
} from '#runtimes/interpreter/evaluation.ts';

interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** Mean and variance of a run of elements, in two passes. */
export function momentsOf(values: Reals, start: number, count: number): Moments {
  let sum = 0;
  for (let at = start; at < start + count; at++) sum += values[at] ?? 0;
  const mean = sum / count;
  let squares = 0;
  for (let at = start; at < start + count; at++) squares += ((values[at] ?? 0) - mean) ** 2;
  return { mean, variance: squares / count };
}

/** Runs of `count` elements that are each set to mean 0 and deviation 1, then scaled and shifted. */
function perRun(x: Dense, count: number, epsilon: number, affine: (at: number) => readonly [number, number]): Dense {
  const data = reals(x);
  const out = new Float64Array(data.length);
  for (let start = 0; start < out.length; start += count) {
    const { mean, variance } = momentsOf(data, start, count);
    const inverse = 1 / Math.sqrt(variance + epsilon);
    for (let at = start; at < start + count; at++) {
      const [scale, shift] = affine(at);
      out[at] = ((data[at] ?? 0) - mean) * inverse * scale + shift;
    }
  }
  return made(x.dtype, x.shape, out);
}

function batchNormalization(call: Call): readonly Dense[] {
  if (call.int('training_mode', 0) !== 0) refuse(call, 'it is in training mode, which is not computed here.');
  const x = need(call, 0);
  const [scale, shift, mean, variance] = [1, 2, 3, 4].map((input) => reals(need(call, input)));
  const { outer, size, inner } = around(x.shape, 1);
  const epsilon = call.float('epsilon', 1e-5);
  const data = reals(x);
  const out = new Float64Array(data.length);
  for (let plane = 0; plane < outer * size; plane++) {
    const c = plane % size;
    const factor = (scale?.[c] ?? 1) / Math.sqrt((variance?.[c] ?? 0) + epsilon);
    const [middle, added] = [mean?.[c] ?? 0, shift?.[c] ?? 0];
    for (let at = plane * inner; at < (plane + 1) * inner; at++) out[at] = ((data[at] ?? 0) - middle) * factor + added;
  }
  return [made(x.dtype, x.shape, out)];
}

function instanceNormalization(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const [scale, shift] = [reals(need(call, 1)), reals(need(call, 2))];
  const { size, inner } = around(x.shape, 1);
  const affine = (at: number): readonly [number, number] => {
    const c = Math.floor(at / inner) % size;
    return [scale[c] ?? 1, shift[c] ?? 0];
  };
  return [perRun(x, inner, call.float('epsilon', 1e-5), affine)];
}

/** Scale and shift are one for each group in opset 18, one for each channel from 21 on. */
function groupNormalization(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const [scale, shift] = [reals(need(call, 1)), reals(need(call, 2))];
  const { size, inner } = around(x.shape, 1);
  const perGroup = size / call.int('num_groups', 1);
  const affine = (at: number): readonly [number, number] => {
    const c = Math.floor(at / inner) % size;
    const of = call.opset < 21 ? Math.floor(c / perGroup) : c;
    return [scale[of] ?? 1, shift[of] ?? 0];
  };
  return [perRun(x, perGroup * inner, call.float('epsilon', 1e-5), affine)];
}

interface LayerParts {
  readonly scale: Dense | undefined;
  readonly shift: Dense | undefined;
  readonly axis: number;
  readonly epsilon: number;
  /** Whether the mean is taken off; RMS normalization does not. */
  readonly centred: boolean;
}

/** The result, then mean and inverse deviation of each run, for LayerNormalization and its relatives. */
export function layerNormalization(
  x: Dense,
  { scale, shift, axis, epsilon, centred }: LayerParts,
  stash: DType = 'f32',
): readonly Dense[] {
  const from = frontAxis(axis, x.shape.length);
  const count = countOf(x.shape.slice(from));
  const data = reals(x);
  const runs = count === 0 ? 0 : data.length / count;
  const [means, inverses] = [new Float64Array(runs), new Float64Array(runs)];
  const out = new Float64Array(data.length);
  const factors = scale === undefined ? undefined : reals(scale);
  const added = shift === undefined ? undefined : reals(shift);
  const ofScale = broadcastIndex(scale?.shape ?? [], x.shape);
  const ofShift = broadcastIndex(shift?.shape ?? [], x.shape);
  for (let run = 0; run < runs; run++) {
    const moments = momentsOf(data, run * count, count);
    const mean = centred ? moments.mean : 0;
    const power = centred ? moments.variance : moments.variance + moments.mean ** 2;
    const inverse = 1 / Math.sqrt(power + epsilon);
    means[run] = mean;
    inverses[run] = inverse;
    for (let at = run * count; at < (run + 1) * count; at++) {
      out[at] = ((data[at] ?? 0) - mean) * inverse * (factors?.[ofScale(at)] ?? 1) + (added?.[ofShift(at)] ?? 0);
    }
  }
  const reduced = x.shape.map((size, at) => (at < from ? size : 1));
  return [made(x.dtype, x.shape, out), made(stash, reduced, means), made(stash, reduced, inverses)];
}

const layerNorm: Evaluate = (call) =>
  layerNormalization(need(call, 0), {
    scale: call.dense(1),
    shift: call.dense(2),
    axis: call.int('axis', -1),
    epsilon: call.float('epsilon', 1e-5),
    centred: true,
  });

const rootMeanSquare: Evaluate = (call) => {
  const [y, , inverse] = layerNormalization(need(call, 0), {
    scale: call.dense(1),
    shift: undefined,
    axis: call.int('axis', -1),
    epsilon: call.float('epsilon', 1e-5),
    centred: false,
  });
  return [y, inverse];
};

/** (x - mean) / (deviation + 1e-9) over the axes (function body of the ONNX specification). */
function meanVariance(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const axes = (call.ints('axes') ?? [0, 2, 3]).map((axis) => frontAxis(axis, x.shape.length));
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const index = broadcastIndex(kept, x.shape);
  const data = reals(x);
  const groups = countOf(kept);
  const count = data.length / groups;
  const [sums, squares] = [new Float64Array(groups), new Float64Array(groups)];
  for (let at = 0; at < data.length; at++) sums[index(at)] = (sums[index(at)] ?? 0) + (data[at] ?? 0) / count;
  for (let at = 0; at < data.length; at++) {
    const of = index(at);
    squares[of] = (squares[of] ?? 0) + ((data[at] ?? 0) - (sums[of] ?? 0)) ** 2 / count;
  }
  const out = Float64Array.from(data, (value, at) => {
    const of = index(at);
    return (value - (sums[of] ?? 0)) / (Math.sqrt(squares[of] ?? 0) + 1e-9);
  });
  return [made(x.dtype, x.shape, out)];
}

/** Divided by the L1 or L2 norm along an axis; a vector of zeros stays. */
function powerNormalization(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const { outer, size, inner } = around(x.shape, frontAxis(call.int('axis', -1), x.shape.length));
  const p = call.int('p', 2);
  const data = reals(x);
  const out = new Float64Array(data.length);
  for (let run = 0; run < outer * inner; run++) {
    const start = Math.floor(run / inner) * size * inner + (run % inner);
    let norm = 0;
    for (let at = 0; at < size; at++) norm += Math.abs(data[start + at * inner] ?? 0) ** p;
    norm **= 1 / p;
    for (let at = 0; at < size; at++) out[start + at * inner] = norm === 0 ? 0 : (data[start + at * inner] ?? 0) / norm;
  }
  return [made(x.dtype, x.shape, out)];
}

/** Local response normalization across channels (ONNX specification, LRN). */
function localResponse(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const { outer, size, inner } = around(x.shape, 1);
  const width = call.int('size', 1);
  const [alpha, beta, bias] = [call.float('alpha', 1e-4), call.float('beta', 0.75), call.float('bias', 1)];
  const data = reals(x);
  const out = new Float64Array(data.length);
  for (let n = 0; n < outer; n++) {
    for (let c = 0; c < size; c++) {
      const from = Math.max(c - Math.floor((width - 1) / 2), 0);
      const to = Math.min(c + Math.ceil((width - 1) / 2), size - 1);
      for (let i = 0; i < inner; i++) {
        let squares = 0;
        for (let k = from; k <= to; k++) squares += (data[(n * size + k) * inner + i] ?? 0) ** 2;
        const at = (n * size + c) * inner + i;
        out[at] = (data[at] ?? 0) / (bias + (alpha / width) * squares) ** beta;
      }
    }
  }
  return [made(x.dtype, x.shape, out)];
}

export const normalizationEvaluations: Evaluations = {
  BatchNormalization: batchNormalization,
  InstanceNormalization: instanceNormalization,
  GroupNormalization: groupNormalization,
  MeanVarianceNormalization: meanVariance,
  LpNormalization: powerNormalization,
  LRN: localResponse,
  LayerNormalization: layerNorm,
  'com.microsoft.LayerNormalization': layerNorm,
  RMSNormalization: rootMeanSquare,
  SimplifiedLayerNormalization: rootMeanSquare,
};
