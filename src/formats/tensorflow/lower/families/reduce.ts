/** Reductions over axes, positions of extremes, running sums. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { isInteger, widely } from './operands.ts';

/** Axes of a reduction, from input 1; all where that is a range over the rank. */
export function reduceAxes(call: TfCall): readonly number[] {
  const rank = call.rank(0);
  const axes = call.numbers(1).map((axis) => call.axis(axis, rank));
  return [...new Set(axes)].toSorted((a, b) => a - b);
}

function keeps(call: TfCall): boolean {
  return call.flag('keep_dims', call.flag('keepdims'));
}

/** Without axes nothing is reduced, where ONNX would reduce all. */
function reduce(op: string): Row {
  return (call) => {
    const axes = reduceAxes(call);
    if (axes.length === 0) return [call.input(0)];
    return [
      widely(
        call,
        [call.input(0)],
        ([x]) => call.lowering.reduce(op, x!, axes, { name: call.name, keepDims: keeps(call) }),
        { back: true },
      ),
    ];
  };
}

/** All and Any: smallest and largest of zeros and ones. */
function logical(op: 'ReduceMin' | 'ReduceMax'): Row {
  return (call) => {
    const axes = reduceAxes(call);
    if (axes.length === 0) return [call.input(0)];
    const numbers = call.cast(call.input(0), 'i32', 'numbers');
    const options = { name: `${call.name}/reduced`, keepDims: keeps(call) };
    return [call.cast(call.lowering.reduce(op, numbers, axes, options), 'bool')];
  };
}

/** A mean of integers drops what is behind the point. */
function mean(call: TfCall): readonly Operand[] {
  const x = call.input(0);
  const dtype = call.lowering.dtype(x);
  const axes = reduceAxes(call);
  if (axes.length === 0) return [x];
  if (!isInteger(dtype) || dtype === null) {
    return [call.lowering.reduce('ReduceMean', x, axes, { name: call.name, keepDims: keeps(call) })];
  }
  const real = call.cast(x, 'f64', 'real');
  const options = { name: `${call.name}/mean`, keepDims: keeps(call) };
  return [call.cast(call.lowering.reduce('ReduceMean', real, axes, options), dtype)];
}

function arg(op: 'ArgMax' | 'ArgMin'): Row {
  return (call) => {
    const x = call.input(0);
    const dtype = call.lowering.dtype(x);
    const narrow = dtype === 'bool' || dtype === 'i16' || dtype === 'u16' ? 'i32' : dtype === 'i64' ? 'f64' : dtype;
    const numbers = narrow === null ? x : call.cast(x, narrow, 'numbers');
    const axis = call.axis(call.count > 1 ? call.number(1) : 0, call.rank(0));
    const attrs = { axis, keepdims: 0 };
    if (call.type('output_type', 'i64') !== 'i32') return [call.emit(op, [numbers], attrs)];
    return [call.cast(call.step('long', op, [numbers], attrs), 'i32')];
  };
}

function cumulate(call: TfCall): readonly Operand[] {
  const attrs = { exclusive: call.flag('exclusive') ? 1 : 0, reverse: call.flag('reverse') ? 1 : 0 };
  const axis = call.lowering.small(call.axis(call.number(1), call.rank(0)));
  return [widely(call, [call.input(0)], ([x]) => call.emit('CumSum', [x!, axis], attrs), { back: true })];
}

function largest(call: TfCall): readonly Operand[] {
  const { lowering } = call;
  const count = call.count > 1 ? call.long(1) : lowering.small(call.int('k', 1));
  const list = lowering.shape(count)?.length === 1 ? count : lowering.reshape(count, [1], { name: `${call.name}/k` });
  const [values, positions] = lowering.node('TopK', [call.input(0), list], {
    name: call.name,
    outputs: [call.name, `${call.name}/positions`],
    attrs: { axis: -1, largest: 1, sorted: 1 },
  });
  const index = call.type('index_type', 'i32') ?? 'i32';
  const short =
    index === 'i64'
      ? positions!
      : lowering.apply('Cast', [positions!], {
          name: `${call.name}/short`,
          outputs: [call.outputName(1)],
          attrs: { to: 6 },
        });
  return [values!, short];
}

/** Half the sum of squares. */
function l2Loss(call: TfCall): readonly Operand[] {
  const x = call.input(0);
  const axes = Array.from({ length: call.rank(0) }, (_, at) => at);
  const options = { name: `${call.name}/sum`, keepDims: false };
  const sum = call.lowering.reduce('ReduceSumSquare', x, axes, options);
  return [call.emit('Mul', [sum, call.like(x, 0.5)])];
}

export const reduceRows: readonly (readonly [string, Row])[] = [
  ['Mean', mean],
  ['Sum', reduce('ReduceSum')],
  ['Max', reduce('ReduceMax')],
  ['Min', reduce('ReduceMin')],
  ['Prod', reduce('ReduceProd')],
  ['EuclideanNorm', reduce('ReduceL2')],
  ['All', logical('ReduceMin')],
  ['Any', logical('ReduceMax')],
  ['ArgMax', arg('ArgMax')],
  ['ArgMin', arg('ArgMin')],
  ['Cumsum', cumulate],
  ['TopKV2', largest],
  ['TopK', largest],
  ['L2Loss', l2Loss],
];
