/** Values of activations that look at more than one element, and of fused ones. */
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { broadcastIndex } from '#ops/evaluate/elementwise.ts';
import { gelu } from '#ops/families/activation.ts';
import { around, made, need, reals, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';

/** Along one axis; before opset 13, over all axes from that one on, which is 1 unless said otherwise. */
function alongAxis(rule: (values: Float64Array) => Float64Array): Evaluate {
  return (call) => {
    const x = need(call, 0);
    const flat = call.opset < 13;
    const axis = frontAxis(call.int('axis', flat ? 1 : -1), x.shape.length);
    const shape = flat
      ? [around(x.shape, axis).outer, around(x.shape, axis).size * around(x.shape, axis).inner]
      : x.shape;
    return [made(x.dtype, x.shape, applied(reals(x), shape, flat ? 1 : axis, rule))];
  };
}

function applied(
  data: ArrayLike<number>,
  shape: readonly number[],
  axis: number,
  rule: (values: Float64Array) => Float64Array,
): Float64Array {
  const { outer, size, inner } = around(shape, axis);
  const out = new Float64Array(data.length);
  const values = new Float64Array(size);
  for (let run = 0; run < outer * inner; run++) {
    const start = Math.floor(run / inner) * size * inner + (run % inner);
    for (let at = 0; at < size; at++) values[at] = data[start + at * inner] ?? 0;
    for (const [at, value] of rule(values).entries()) out[start + at * inner] = value;
  }
  return out;
}

export function softmax(values: Float64Array): Float64Array {
  const largest = values.reduce((top, value) => Math.max(top, value), -Infinity);
  const powers = values.map((value) => Math.exp(value - largest));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

function logSoftmax(values: Float64Array): Float64Array {
  const largest = values.reduce((top, value) => Math.max(top, value), -Infinity);
  const total = values.reduce((sum, value) => sum + Math.exp(value - largest), 0);
  return values.map((value) => value - largest - Math.log(total));
}

function hardmax(values: Float64Array): Float64Array {
  let best = 0;
  for (const [at, value] of values.entries()) if (value > (values[best] ?? 0)) best = at;
  return values.map((_, at) => Number(at === best));
}

/** A function of x plus a bias that is broadcast. */
function afterBias(rule: (x: number) => number): Evaluate {
  return (call: Call): readonly Dense[] => {
    const x = need(call, 0);
    const bias = call.dense(1);
    const added = bias === undefined ? undefined : reals(bias);
    const index = broadcastIndex(bias?.shape ?? [], x.shape);
    return [
      made(
        x.dtype,
        x.shape,
        Float64Array.from(reals(x), (value, at) => rule(value + (added?.[index(at)] ?? 0))),
      ),
    ];
  };
}

export const activationEvaluations: Evaluations = {
  Softmax: alongAxis(softmax),
  LogSoftmax: alongAxis(logSoftmax),
  Hardmax: alongAxis(hardmax),
  'com.microsoft.QuickGelu': (call) => {
    const x = need(call, 0);
    const alpha = call.float('alpha', 1.702);
    return [
      made(
        x.dtype,
        x.shape,
        Float64Array.from(reals(x), (value) => value / (1 + Math.exp(-alpha * value))),
      ),
    ];
  },
  'com.microsoft.FastGelu': afterBias(gelu(true)),
  'com.microsoft.BiasGelu': afterBias(gelu(false)),
};
