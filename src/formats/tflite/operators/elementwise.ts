/** Operators on one element, or on two that stand at the same place. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { bool, byte, float, int } from '#formats/tflite/record/fields.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';
import { activated } from './fused.ts';

const SIMPLE: readonly (readonly [string, string])[] = [
  ['ABS', 'Abs'],
  ['NEG', 'Neg'],
  ['EXP', 'Exp'],
  ['LOG', 'Log'],
  ['SIN', 'Sin'],
  ['COS', 'Cos'],
  ['SQRT', 'Sqrt'],
  ['FLOOR', 'Floor'],
  ['CEIL', 'Ceil'],
  ['ROUND', 'Round'],
  ['SIGN', 'Sign'],
  ['LOGISTIC', 'Sigmoid'],
  ['TANH', 'Tanh'],
  ['RELU', 'Relu'],
  ['ELU', 'Elu'],
  ['HARD_SWISH', 'HardSwish'],
  ['LOGICAL_NOT', 'Not'],
  ['LOGICAL_AND', 'And'],
  ['LOGICAL_OR', 'Or'],
  ['MAXIMUM', 'Max'],
  ['MINIMUM', 'Min'],
  ['POW', 'Pow'],
  ['EQUAL', 'Equal'],
  ['LESS', 'Less'],
  ['LESS_EQUAL', 'LessOrEqual'],
  ['GREATER', 'Greater'],
  ['GREATER_EQUAL', 'GreaterOrEqual'],
  ['ADD_N', 'Sum'],
  ['SELECT_V2', 'Where'],
  ['BITWISE_XOR', 'BitwiseXor'],
  ['STABLEHLO_LOGISTIC', 'Sigmoid'],
];

function isInteger(call: OperatorCall): boolean {
  const dtype = call.lowering.dtype(call.input(0));
  return dtype !== null && /^[iu]\d/.test(dtype);
}

function arithmetic(name: string, op: string): OperatorRow {
  return row(name, { activation: byte(0) }, (call, { activation }) =>
    activated(call, activation, ({ name: node, output }) =>
      call.lowering.apply(op, [call.input(0), call.input(1)], { name: node, outputs: [output] }),
    ),
  );
}

function clipping(name: string, low: number, high: number): OperatorRow {
  return row(name, {}, (call) => {
    const x = call.input(0);
    return call.result('Clip', [x, call.like(x, low), call.like(x, high)]);
  });
}

export const elementwiseOperators: readonly OperatorRow[] = [
  ...SIMPLE.map(([name, op]) => row(name, {}, (call) => call.result(op, call.inputs()))),
  arithmetic('ADD', 'Add'),
  arithmetic('SUB', 'Sub'),
  arithmetic('MUL', 'Mul'),
  arithmetic('DIV', 'Div'),
  clipping('RELU6', 0, 6),
  clipping('RELU_N1_TO_1', -1, 1),
  clipping('RELU_0_TO_1', 0, 1),
  row('LEAKY_RELU', { alpha: float(0) }, (call, { alpha }) =>
    call.result('LeakyRelu', [call.input(0)], { alpha: { float: alpha } }),
  ),
  row('PRELU', {}, (call) => call.result('PRelu', [call.input(0), call.input(1)])),
  row('GELU', { approximate: bool(0) }, (call, { approximate }) =>
    call.result('Gelu', [call.input(0)], { approximate: approximate ? 'tanh' : 'none' }),
  ),
  row('RSQRT', {}, (call) => call.result('Reciprocal', [call.step('root', 'Sqrt', [call.input(0)])])),
  row('SQUARE', {}, (call) => call.result('Mul', [call.input(0), call.input(0)])),
  row('SQUARED_DIFFERENCE', {}, (call) => {
    const difference = call.step('difference', 'Sub', [call.input(0), call.input(1)]);
    return call.result('Mul', [difference, difference]);
  }),
  row('NOT_EQUAL', {}, (call) => call.result('Not', [call.step('equal', 'Equal', [call.input(0), call.input(1)])])),
  row('SELECT', {}, (call) => call.result('Where', [condition(call), call.input(1), call.input(2)])),
  row('FLOOR_DIV', {}, (call) => {
    const [a, b] = [call.input(0), call.input(1)];
    if (!isInteger(call)) return call.result('Floor', [call.step('quotient', 'Div', [a, b])]);
    // Whole numbers divide towards zero in ONNX; without the remainder they divide evenly.
    const rest = call.step('rest', 'Mod', [a, b]);
    return call.result('Div', [call.step('even', 'Sub', [a, rest]), b]);
  }),
  row('FLOOR_MOD', {}, (call) => {
    const [a, b] = [call.input(0), call.input(1)];
    if (isInteger(call)) return call.result('Mod', [a, b]);
    // Of reals, Mod keeps the sign of the dividend; the wanted one has that of the divisor.
    const rest = call.step('rest', 'Mod', [a, b], { fmod: 1 });
    const zero = call.like(a, 0);
    const some = call.step('some', 'Not', [call.step('none', 'Equal', [rest, zero])]);
    const signs = [call.step('rest_sign', 'Less', [rest, zero]), call.step('sign', 'Less', [b, zero])];
    const wrong = call.step('wrong', 'And', [some, call.step('differ', 'Xor', signs)]);
    return call.result('Where', [wrong, call.step('turned', 'Add', [rest, b]), rest]);
  }),
  row('CAST', {}, (call) => {
    const { type } = call.resultTensor();
    if (call.tensor(0).type === 'c64') {
      throw new Unsupported('It casts complex numbers.');
    }
    if (type === 'resource' || type === 'variant' || type === 'string') {
      throw new Unsupported(`It casts to ${type}.`);
    }
    // Integers with a grid are cast as they are stored.
    return call.cast(call.levels(0), type, 'cast');
  }),
  row('ZEROS_LIKE', {}, (call) => {
    const x = call.input(0);
    return call.result('Expand', [call.like(x, 0), call.step('shape', 'Shape', [x])]);
  }),
  row('CUMSUM', { exclusive: bool(0), reverse: bool(1) }, (call, { exclusive, reverse }) =>
    call.result('CumSum', [call.input(0), call.input(1)], {
      exclusive: exclusive ? 1 : 0,
      reverse: reverse ? 1 : 0,
    }),
  ),
  row('FAKE_QUANT', { low: float(0), high: float(1), bits: int(2), narrow: bool(3) }, (call, options) =>
    fakeQuantized(call, options),
  ),
];

/** A condition for each row chooses whole rows. */
function condition(call: OperatorCall): Operand {
  const choice = call.input(0);
  const [rank, full] = [call.rank(0), call.rank(1)];
  if (rank !== 1 || full <= 1) return choice;
  const axes = Array.from({ length: full - 1 }, (_, axis) => axis + 1);
  return call.step('rows', 'Unsqueeze', [choice, call.lowering.small(axes)]);
}

/** What training saw rounded becomes a grid: the range is moved so that zero is a level, as TensorFlow nudges it. */
function fakeQuantized(
  call: OperatorCall,
  {
    low,
    high,
    bits,
    narrow,
  }: { readonly low: number; readonly high: number; readonly bits: number; readonly narrow: boolean },
): Operand {
  if (bits !== 8 || narrow || !(high > low)) {
    throw new Unsupported(`It rounds to ${bits} bits${narrow ? ' without the lowest level' : ''}.`);
  }
  const scale = Math.fround((high - low) / 255);
  const zero = Math.min(255, Math.max(0, Math.round(-low / scale)));
  const { lowering } = call;
  const copy = call.result('Identity', [call.input(0)]);
  return lowering.round(copy, {
    scale: lowering.store.put('f32', [], new Uint8Array(Float32Array.of(scale).buffer)),
    zeroPoint: lowering.store.put('u8', [], Uint8Array.of(zero)),
    levels: 'u8',
  });
}
