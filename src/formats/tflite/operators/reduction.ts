/** Sums, means and extremes along axes; softmax and other normalizations. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, onnxTypeOf, row, type OperatorRow } from '#formats/tflite/call.ts';
import { bool, byte, float, int } from '#formats/tflite/record/fields.ts';
import { activated } from './fused.ts';

const REDUCTIONS: readonly (readonly [string, string])[] = [
  ['MEAN', 'ReduceMean'],
  ['SUM', 'ReduceSum'],
  ['REDUCE_PROD', 'ReduceProd'],
  ['REDUCE_MAX', 'ReduceMax'],
  ['REDUCE_MIN', 'ReduceMin'],
];

/** The smallest norm that TFLite divides by. */
const SMALLEST_NORM = 1e-6;

function axesOf(call: OperatorCall): readonly number[] {
  const rank = call.rank(0);
  return [...new Set(call.numbers(1, 'list of axes').map((axis) => call.axis(axis, rank)))];
}

function reduced(call: OperatorCall, op: string, x: Operand, keepDims: boolean, output = call.output): Operand {
  const axes = axesOf(call);
  // No axes: nothing is reduced in TFLite, everything in ONNX.
  if (axes.length === 0) return x;
  return call.lowering.reduce(op, x, axes, { name: call.name, output, keepDims });
}

/** Whether any or all are true: extremes of 0 and 1. */
function logical(name: string, op: string): OperatorRow {
  return row(name, { keepDims: bool(0) }, (call, { keepDims }) => {
    const numbers = call.cast(call.input(0), 'i32', 'numbers');
    const found = reduced(call, op, numbers, keepDims, `${call.output}_number`);
    return call.lowering.apply('Cast', [found], {
      name: `${call.name}/bool`,
      outputs: [call.output],
      attrs: { to: 9 },
    });
  });
}

function extreme(name: string, op: string): OperatorRow {
  return row(name, { type: byte(0) }, (call) => {
    const [axis = 0] = call.numbers(1, 'axis');
    const found = call.lowering.apply(op, [call.input(0)], {
      name: call.name,
      outputs: [`${call.output}_place`],
      attrs: { axis: call.axis(axis, call.rank(0)), keepdims: 0 },
    });
    const { type } = call.resultTensor();
    if (type === 'i64') return found;
    return call.lowering.apply('Cast', [found], {
      name: `${call.name}/narrow`,
      outputs: [call.output],
      attrs: { to: onnxTypeOf(type) },
    });
  });
}

export const reductionOperators: readonly OperatorRow[] = [
  ...REDUCTIONS.map(([name, op]) =>
    row(name, { keepDims: bool(0) }, (call, { keepDims }) => reduced(call, op, call.input(0), keepDims)),
  ),
  logical('REDUCE_ANY', 'ReduceMax'),
  logical('REDUCE_ALL', 'ReduceMin'),
  extreme('ARG_MAX', 'ArgMax'),
  extreme('ARG_MIN', 'ArgMin'),
  row('SOFTMAX', { beta: float(0) }, (call, { beta }) => {
    const x = call.input(0);
    const scaled = beta === 1 ? x : call.step('scaled', 'Mul', [x, call.lowering.small(beta, 'f32')]);
    return call.result('Softmax', [scaled], { axis: -1 });
  }),
  row('LOG_SOFTMAX', {}, (call) => call.result('LogSoftmax', [call.input(0)], { axis: -1 })),
  row('L2_NORMALIZATION', { activation: byte(0) }, (call, { activation }) =>
    activated(call, activation, ({ name, output }) => {
      const x = call.input(0);
      const { lowering } = call;
      const norm = lowering.reduce('ReduceL2', x, [call.rank(0) - 1], { name: `${name}/norm`, keepDims: true });
      const safe = call.step('safe', 'Max', [norm, lowering.small(SMALLEST_NORM, 'f32')]);
      return lowering.apply('Div', [x, safe], { name, outputs: [output] });
    }),
  ),
  row(
    'LOCAL_RESPONSE_NORMALIZATION',
    { radius: int(0), bias: float(1), alpha: float(2), beta: float(3) },
    (call, { radius, bias, alpha, beta }) => {
      const { lowering } = call;
      const size = 2 * radius + 1;
      const first = lowering.transpose(call.input(0), [0, 3, 1, 2]);
      const made = lowering.apply('LRN', [first], {
        name: call.name,
        outputs: [call.output],
        // ONNX divides alpha by the size of the window.
        attrs: { size, alpha: { float: alpha * size }, beta: { float: beta }, bias: { float: bias } },
      });
      return lowering.transpose(made, [0, 2, 3, 1]);
    },
  ),
  row('TOPK_V2', {}, (call) => {
    const { lowering } = call;
    const count = call.cast(call.input(1), 'i64', 'count');
    const known = call.known(1);
    const list =
      known === undefined ? lowering.reshape(count, [1], { name: `${call.name}/list` }) : lowering.small([...known]);
    const [values, places] = lowering.node('TopK', [call.input(0), list], {
      name: call.name,
      outputs: [call.output, `${call.outputs[1] ?? call.name}_wide`],
      attrs: { axis: -1, largest: 1, sorted: 1 },
    });
    return [values!, narrowed(call, places!)];
  }),
];

function narrowed(call: OperatorCall, places: Operand): Operand {
  const { type } = call.resultTensor(1);
  if (type === 'i64') return places;
  const [, output = `${call.name}_places`] = call.outputs;
  return call.lowering.apply('Cast', [places], {
    name: `${call.name}/narrow`,
    outputs: [output],
    attrs: { to: onnxTypeOf(type) },
  });
}
