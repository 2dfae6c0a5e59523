/** Values of operators that carry quantized numbers. */
import { countOf, isFloat } from '#base/dtype.ts';
import { roundHalfEven } from '#kernels/arithmetic.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import type { Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { concatAll } from '#ops/evaluate/arrange.ts';
import { broadcastIndex, broadcastShape } from '#ops/evaluate/elementwise.ts';
import type { Call } from '#ops/call.ts';
import { clamp, made, need, reals, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';
import { dequantize, quantize, type GridValues } from '#runtimes/interpreter/grid.ts';
import { softmax } from './activation.ts';
import { windowsOf, eachWindow } from '#runtimes/interpreter/windows.ts';

/** Scale, zero point and axis of QuantizeLinear and DequantizeLinear. */
function gridOf(call: Call): GridValues {
  const scale = need(call, 1);
  const block = call.int('block_size', 0);
  const perAxis = scale.shape.length > 0;
  return {
    scale,
    zeroPoint: call.dense(2),
    axis: perAxis ? call.int('axis', 1) : undefined,
    block: block > 0 ? block : undefined,
  };
}

const quantizeLinear: Evaluate = (call) => {
  const zero = call.dense(2);
  const to = dtypeOfCode(call.int('output_dtype', 0)) ?? zero?.dtype ?? 'u8';
  return [quantize(need(call, 0), gridOf(call), to)];
};

const dequantizeLinear: Evaluate = (call) => {
  const scale = need(call, 1);
  const to = dtypeOfCode(call.int('output_dtype', 0)) ?? scale.dtype;
  return [dequantize(need(call, 0), gridOf(call), isFloat(to) ? to : scale.dtype)];
};

export interface DynamicGrid {
  readonly scale: number;
  readonly zero: number;
}

/** The grid of 256 levels over the range of a tensor, widened to hold 0 (ONNX specification, DynamicQuantizeLinear). */
export function dynamicGrid(x: Dense): DynamicGrid {
  let [low, high] = [0, 0];
  for (const value of reals(x)) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  const scale = low === high ? 1 : Math.fround(Math.fround(high - low) / 255);
  return { scale, zero: roundHalfEven(clamp(Math.fround(-low / scale), 0, 255)) };
}

const dynamicQuantize: Evaluate = (call) => {
  const x = need(call, 0);
  const { scale, zero } = dynamicGrid(x);
  const [scaleOf, zeroOf] = [made('f32', [], [scale]), made('u8', [], [zero])];
  return [quantize(x, { scale: scaleOf, zeroPoint: zeroOf }, 'u8'), scaleOf, zeroOf];
};

/** The real numbers of an integer operand: data, scale and zero point in inputs that follow each other. */
function operand(call: Call, at: number): Dense {
  return dequantize(need(call, at), { scale: need(call, at + 1), zeroPoint: call.dense(at + 2) }, 'f32');
}

/** Levels of a result, on the grid whose scale and zero point are inputs `at` and `at + 1`; of the type of `like`. */
function levels(call: Call, x: Dense, at: number, like: Dense): Dense {
  const zeroPoint = call.dense(at + 1);
  return quantize(x, { scale: need(call, at), zeroPoint }, zeroPoint?.dtype ?? like.dtype);
}

function integerBinary(rule: (a: number, b: number) => number): Evaluate {
  return (call) => {
    const [a, b] = [operand(call, 0), operand(call, 3)];
    const shape = broadcastShape(a.shape, b.shape);
    const [ofA, ofB] = [broadcastIndex(a.shape, shape), broadcastIndex(b.shape, shape)];
    const [left, right] = [reals(a), reals(b)];
    const values = Array.from({ length: countOf(shape) }, (_, at) => rule(left[ofA(at)] ?? 0, right[ofB(at)] ?? 0));
    return [levels(call, made('f32', shape, values), 6, need(call, 0))];
  };
}

function integerUnary(rule: (call: Call) => (x: number) => number): Evaluate {
  return (call) => {
    const x = operand(call, 0);
    const apply = rule(call);
    return [levels(call, made('f32', x.shape, Array.from(reals(x), apply)), 3, need(call, 0))];
  };
}

const integerSoftmax: Evaluate = (call) => {
  const x = operand(call, 0);
  const flat = call.int('opset', 13) < 13;
  const axis = frontAxis(call.int('axis', flat ? 1 : -1), x.shape.length);
  const size = flat ? countOf(x.shape.slice(axis)) : (x.shape[axis] ?? 1);
  const inner = flat ? 1 : countOf(x.shape.slice(axis + 1));
  const data = reals(x);
  const out = new Float64Array(data.length);
  for (let run = 0; run < data.length / size; run++) {
    const start = Math.floor(run / inner) * size * inner + (run % inner);
    const values = softmax(Float64Array.from({ length: size }, (_, at) => data[start + at * inner] ?? 0));
    for (const [at, value] of values.entries()) out[start + at * inner] = value;
  }
  return [levels(call, made('f32', x.shape, out), 3, need(call, 0))];
};

const integerConcat: Evaluate = (call) => {
  const parts: Dense[] = [];
  for (let at = 2; at < call.inputCount; at += 3) parts.push(operand(call, at));
  const joined = concatAll(parts, frontAxis(call.int('axis', 1), parts[0]?.shape.length ?? 1));
  return [joined === undefined ? undefined : levels(call, joined, 0, need(call, 2))];
};

const integerAverage: Evaluate = (call) => {
  if (call.int('channels_last', 0) !== 0 || call.int('count_include_pad', 0) !== 0) return undefined;
  const x = operand(call, 0);
  const windows = windowsOf(call, x.shape.slice(2), call.ints('kernel_shape') ?? []);
  const planes = countOf(x.shape.slice(0, 2));
  const [area, count] = [countOf(windows.data), countOf(windows.positions)];
  const data = reals(x);
  const out = new Float64Array(planes * count);
  eachWindow(windows, (position, { from, count: met }) => {
    for (let plane = 0; plane < planes; plane++) {
      let sum = 0;
      for (let t = 0; t < met; t++) sum += data[plane * area + (from[t] ?? 0)] ?? 0;
      out[plane * count + position] = sum / met;
    }
  });
  return [levels(call, made('f32', [...x.shape.slice(0, 2), ...windows.positions], out), 3, need(call, 0))];
};

const integerGlobalAverage: Evaluate = (call) => {
  const x = operand(call, 0);
  const last = call.int('channels_last', 0) !== 0;
  const channelAxis = last ? x.shape.length - 1 : 1;
  const kept = x.shape.map((size, axis) => (axis === 0 || axis === channelAxis ? size : 1));
  const index = broadcastIndex(kept, x.shape);
  const sums = new Float64Array(countOf(kept));
  const data = reals(x);
  for (let at = 0; at < data.length; at++) sums[index(at)] = (sums[index(at)] ?? 0) + (data[at] ?? 0);
  const mean = sums.map((sum) => (sum * sums.length) / data.length);
  return [levels(call, made('f32', kept, mean), 3, need(call, 0))];
};

const integerWhere: Evaluate = (call) => {
  const [test, yes, no] = [need(call, 0), operand(call, 1), operand(call, 4)];
  const shape = broadcastShape(broadcastShape(test.shape, yes.shape), no.shape);
  const [ofTest, ofYes, ofNo] = [test, yes, no].map((one) => broadcastIndex(one.shape, shape));
  const values = Array.from({ length: countOf(shape) }, (_, at) =>
    Number(test.data[ofTest?.(at) ?? 0]) === 0 ? Number(no.data[ofNo?.(at) ?? 0]) : Number(yes.data[ofYes?.(at) ?? 0]),
  );
  return [levels(call, made('f32', shape, values), 7, need(call, 1))];
};

export const quantizationEvaluations: Evaluations = {
  QuantizeLinear: quantizeLinear,
  'com.microsoft.QuantizeLinear': quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  'com.microsoft.DequantizeLinear': dequantizeLinear,
  DynamicQuantizeLinear: dynamicQuantize,
  'com.microsoft.QLinearAdd': integerBinary((a, b) => a + b),
  'com.microsoft.QLinearMul': integerBinary((a, b) => a * b),
  'com.microsoft.QLinearLeakyRelu': integerUnary((call) => {
    const alpha = call.float('alpha', Math.fround(0.01));
    return (x) => (x < 0 ? alpha * x : x);
  }),
  'com.microsoft.QLinearSigmoid': integerUnary(() => (x) => 1 / (1 + Math.exp(-x))),
  'com.microsoft.QLinearSoftmax': integerSoftmax,
  'com.microsoft.QLinearConcat': integerConcat,
  'com.microsoft.QLinearAveragePool': integerAverage,
  'com.microsoft.QLinearGlobalAveragePool': integerGlobalAverage,
  'com.microsoft.QLinearWhere': integerWhere,
};
