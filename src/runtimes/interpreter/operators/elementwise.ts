/** Values of elementwise operators that the operator table leaves open, and of sums that run along an axis. */
import { kindOf } from '#base/dtype.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import { denseOf, isBig, lanesFor, type Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import type { Call } from '#ops/call.ts';
import { broadcastIndex, broadcastShape } from '#ops/evaluate/elementwise.ts';
import { countOf, type DType } from '#base/dtype.ts';
import {
  around,
  clamp,
  levelRange,
  made,
  need,
  reals,
  scalarOf,
  type Evaluate,
  type Evaluations,
} from '#runtimes/interpreter/evaluation.ts';

/**
 * Casts that the table does not fold. Of floats outside an integer's range nothing is specified; they are clamped here, NaN
 * becomes 0.
 */
function cast(x: Dense, to: DType | null): readonly Dense[] | undefined {
  if (to === null || lanesFor(to, 0) === undefined) return undefined;
  const kind = kindOf(to);
  if (kind === 'float' || kind === 'bool') return undefined;
  const [low, high] = levelRange(to);
  const values = reals(x);
  if (to === 'i64' || to === 'u64') {
    const [least, most] = to === 'i64' ? [-(2n ** 63n), 2n ** 63n - 1n] : [0n, 2n ** 64n - 1n];
    const whole = Array.from(values, (value) => {
      const exact = Number.isNaN(value) ? 0n : BigInt(Math.trunc(clamp(value, -(2 ** 70), 2 ** 70)));
      return exact < least ? least : exact > most ? most : exact;
    });
    return [made(to, x.shape, whole)];
  }
  return [
    made(
      to,
      x.shape,
      Array.from(values, (value) => (Number.isNaN(value) ? 0 : clamp(Math.trunc(value), low, high))),
    ),
  ];
}

function cumulativeSum(call: Call): readonly Dense[] {
  const x = need(call, 0);
  const { outer, size, inner } = around(x.shape, frontAxis(scalarOf(call.dense(1), 0), x.shape.length));
  const [exclusive, reverse] = [call.int('exclusive', 0) !== 0, call.int('reverse', 0) !== 0];
  const data = reals(x);
  const out = new Float64Array(data.length);
  for (let run = 0; run < outer * inner; run++) {
    const start = Math.floor(run / inner) * size * inner + (run % inner);
    let sum = 0;
    for (let step = 0; step < size; step++) {
      const at = start + (reverse ? size - 1 - step : step) * inner;
      const value = data[at] ?? 0;
      out[at] = exclusive ? sum : sum + value;
      sum += value;
    }
  }
  return [made(x.dtype, x.shape, out)];
}

/** The upper or lower triangle of each matrix; the rest is 0. */
function triangle(call: Call): readonly Dense[] | undefined {
  const x = need(call, 0);
  const k = scalarOf(call.dense(1), 0);
  const upper = call.int('upper', 1) !== 0;
  const columns = x.shape.at(-1) ?? 1;
  const rows = x.shape.at(-2) ?? 1;
  const out = lanesFor(x.dtype, x.data.length);
  if (out === undefined) return undefined;
  for (let at = 0; at < out.length; at++) {
    const beyond = (at % columns) - (Math.floor(at / columns) % rows) - k;
    if (upper ? beyond < 0 : beyond > 0) continue;
    if (isBig(out)) out[at] = BigInt(x.data[at] ?? 0);
    else out[at] = Number(x.data[at]);
  }
  return [{ dtype: x.dtype, shape: x.shape, data: out }];
}

function mean(call: Call): readonly Dense[] {
  const operands = Array.from({ length: call.inputCount }, (_, input) => need(call, input));
  const shape = operands.reduce<readonly number[]>((so, one) => broadcastShape(so, one.shape), []);
  const out = new Float64Array(countOf(shape));
  for (const one of operands) {
    const index = broadcastIndex(one.shape, shape);
    const data = reals(one);
    for (let at = 0; at < out.length; at++) out[at] = (out[at] ?? 0) + (data[index(at)] ?? 0);
  }
  return [
    made(
      operands[0]?.dtype ?? 'f32',
      shape,
      out.map((sum) => sum / operands.length),
    ),
  ];
}

/** Bounds were attributes before opset 11. */
const clip: Evaluate = (call) => {
  if (call.opset >= 11) return undefined;
  const x = need(call, 0);
  const [low, high] = [call.float('min', -Infinity), call.float('max', Infinity)];
  return [
    made(
      x.dtype,
      x.shape,
      Float64Array.from(reals(x), (value) => clamp(value, low, high)),
    ),
  ];
};

const isInfinite: Evaluate = (call) => {
  const x = need(call, 0);
  const [positive, negative] = [call.int('detect_positive', 1) !== 0, call.int('detect_negative', 1) !== 0];
  const test = (value: number): number => Number((positive && value === Infinity) || (negative && value === -Infinity));
  return [made('bool', x.shape, Array.from(reals(x), test))];
};

/** In inference the data passes through; the mask is all true. */
const dropout: Evaluate = (call) => {
  if (scalarOf(call.dense(2), 0) !== 0 && scalarOf(call.dense(1), 0.5) > 0) return undefined;
  const x = need(call, 0);
  return [x, denseOf(call.opset < 10 ? x.dtype : 'bool', x.shape, new Uint8Array(x.data.length).fill(1))];
};

/** Powers of 64-bit integers to real exponents, which the table leaves open. */
const power: Evaluate = (call) => {
  const [x, y] = [need(call, 0), need(call, 1)];
  const shape = broadcastShape(x.shape, y.shape);
  const [ofX, ofY] = [broadcastIndex(x.shape, shape), broadcastIndex(y.shape, shape)];
  const [base, exponent] = [reals(x), reals(y)];
  const values = Array.from({ length: countOf(shape) }, (_, at) => (base[ofX(at)] ?? 0) ** (exponent[ofY(at)] ?? 0));
  return values.every(Number.isFinite) ? [made(x.dtype, shape, values)] : undefined;
};

export const elementwiseEvaluations: Evaluations = {
  Cast: (call) => cast(need(call, 0), dtypeOfCode(call.int('to', 0))),
  CastLike: (call) => cast(need(call, 0), call.dtype(1)),
  Clip: clip,
  CumSum: cumulativeSum,
  Dropout: dropout,
  IsInf: isInfinite,
  Mean: mean,
  Pow: power,
  Trilu: triangle,
};
