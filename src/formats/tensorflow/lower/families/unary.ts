/** Functions of one operand, element by element: activations, roundings, logarithms, casts. */
import { countOf, type DType } from '#base/dtype.ts';
import { decodeBfloat16, decodeFloat16 } from '#base/float16.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { isInteger, paired, widely } from './operands.ts';

function unary(op: string): Row {
  return (call) => [widely(call, [call.input(0)], (operands) => call.emit(op, operands), { back: true })];
}

/** What an activation is called in ONNX, with the attributes it takes there. */
export function activate(call: TfCall, op: string, x: Operand, emit: Emit): Operand {
  const { lowering } = call;
  switch (op) {
    case 'Relu6':
      return emit('Clip', [x, call.like(x, 0), call.like(x, 6)]);
    case 'LeakyRelu':
      return emit('LeakyRelu', [x], { alpha: { float: call.float('leakyrelu_alpha', call.float('alpha', 0.2)) } });
    case 'Relu':
      return isInteger(lowering.dtype(x)) ? emit('Max', [x, call.like(x, 0)]) : emit('Relu', [x]);
    default:
      return emit(op, [x]);
  }
}

export type Emit = (op: string, inputs: readonly (Operand | null)[], attrs?: Parameters<TfCall['emit']>[2]) => Operand;

function activation(op: string): Row {
  return (call) => {
    const emit: Emit = (...given) => call.emit(...given);
    return [widely(call, [call.input(0)], ([x]) => activate(call, op, x!, emit), { back: true })];
  };
}

/** Nearest integer with ties to even, as ONNX rounds; integers stay. */
function round(call: TfCall): readonly Operand[] {
  const x = call.input(0);
  return [isInteger(call.lowering.dtype(x)) ? x : call.emit('Round', [x])];
}

function plusOne(call: TfCall, x: Operand): Operand {
  return call.step('plus_one', 'Add', [x, call.like(x, 1)]);
}

/**
 * Sizes are 64-bit here and 32-bit in TensorFlow: a cast between the two keeps them as they are. Floats become integers by
 * dropping what is behind the point, in both.
 */
function castRow(call: TfCall): readonly Operand[] {
  const held = call.held(0);
  if ('kind' in held && held.kind === 'complex') return [held.real];
  const x = call.input(0);
  const to = call.type('DstT');
  const from = call.lowering.dtype(x);
  if (to === null || to === 'string') throw new Inexpressible('It casts to a type that ONNX does not have.');
  if (to === 'i32' && from === 'i64') {
    if (call.type('SrcT') !== 'i64' || call.lowering.elements(x) !== undefined) return [x];
  }
  return [from === to ? x : (widenedWeights(call, x, to) ?? call.cast(x, to))];
}

/** Weights kept in 16 bits and used in 32 are weights still, so that what compresses weights sees them. */
function widenedWeights(call: TfCall, x: Operand, to: DType): Operand | undefined {
  const known = call.lowering.constantOf(x);
  if (to !== 'f32' || known === undefined || known.quantization !== undefined) return undefined;
  const { dtype, shape } = known.tensor;
  if ((dtype !== 'f16' && dtype !== 'bf16') || countOf(shape) <= 64) return undefined;
  const decode = dtype === 'f16' ? decodeFloat16 : decodeBfloat16;
  return call.lowering.derived(call.name, 'f32', shape, [x], ([bytes]) => {
    const view = new DataView(bytes!.buffer, bytes!.byteOffset, bytes!.byteLength);
    const out = Float32Array.from({ length: countOf(shape) }, (_, at) => decode(view.getUint16(2 * at, true)));
    return new Uint8Array(out.buffer);
  });
}

function prelu(call: TfCall): readonly Operand[] {
  return [call.emit('PRelu', call.inputs(0, 2))];
}

function clip(call: TfCall): readonly Operand[] {
  const [x, low, high] = paired(call, call.inputs(0, 3)) as [Operand, Operand, Operand];
  const scalars = [low, high].every((one) => call.lowering.shape(one)?.length === 0);
  if (scalars) return [call.emit('Clip', [x, low, high])];
  return [call.emit('Max', [call.step('upper', 'Min', [x, high]), low])];
}

/** 1 / x; of integers TensorFlow has none worth keeping. */
const reciprocal: Row = (call) => [call.emit('Reciprocal', [call.input(0)])];

/** Of the same name in ONNX. */
const SAME =
  'Sqrt Exp Log Erf Sin Cos Tan Asin Acos Atan Sinh Cosh Asinh Acosh Atanh Tanh Sigmoid Softplus Softsign Ceil Floor';

export const unaryRows: readonly (readonly [string, Row])[] = [
  ...SAME.split(' ').map((op): readonly [string, Row] => [
    op,
    (call) => {
      const x = call.input(0);
      return [isInteger(call.lowering.dtype(x)) ? x : call.emit(op, [x])];
    },
  ]),
  ['Abs', unary('Abs')],
  ['Neg', unary('Neg')],
  ['Sign', unary('Sign')],
  ['Relu', activation('Relu')],
  ['Relu6', activation('Relu6')],
  ['LeakyRelu', activation('LeakyRelu')],
  ['Elu', activation('Elu')],
  ['Selu', activation('Selu')],
  ['Prelu', prelu],
  ['Round', round],
  ['Rint', round],
  ['ClipByValue', clip],
  ['Inv', reciprocal],
  ['Reciprocal', reciprocal],
  ['Rsqrt', (call) => [call.emit('Reciprocal', [call.step('sqrt', 'Sqrt', [call.input(0)])])]],
  ['Square', (call) => [widely(call, [call.input(0)], ([x]) => call.emit('Mul', [x!, x!]), { back: true })]],
  ['Expm1', (call) => [expm1(call)]],
  ['Log1p', (call) => [call.emit('Log', [plusOne(call, call.input(0))])]],
  [
    'Erfc',
    (call) => {
      const x = call.input(0);
      return [call.emit('Sub', [call.like(x, 1), call.step('erf', 'Erf', [x])])];
    },
  ],
  ['IsNan', (call) => [call.emit('IsNaN', [call.input(0)])]],
  ['IsInf', (call) => [call.emit('IsInf', [call.input(0)])]],
  [
    'IsFinite',
    (call) => {
      const x = call.input(0);
      const either = call.step('either', 'Or', [call.step('nan', 'IsNaN', [x]), call.step('inf', 'IsInf', [x])]);
      return [call.emit('Not', [either])];
    },
  ],
  ['Softmax', softmax('Softmax')],
  ['LogSoftmax', softmax('LogSoftmax')],
  ['Cast', castRow],
  ['BitwiseAnd', bitwise('BitwiseAnd')],
  ['BitwiseOr', bitwise('BitwiseOr')],
  ['BitwiseXor', bitwise('BitwiseXor')],
  ['Invert', bitwise('BitwiseNot')],
];

function expm1(call: TfCall): Operand {
  const x = call.input(0);
  return call.emit('Sub', [call.step('exp', 'Exp', [x]), call.like(x, 1)]);
}

function softmax(op: string): Row {
  return (call) => [call.emit(op, [call.input(0)], { axis: -1 })];
}

function bitwise(op: string): Row {
  return (call) => {
    if (call.lowering.opset < 18) throw new Inexpressible('Operators on bits are in ONNX since opset 18.');
    return [call.emit(op, paired(call, call.inputs()))];
  };
}
