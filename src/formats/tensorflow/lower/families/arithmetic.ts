/** Arithmetic of two operands: division and remainder as TensorFlow rounds them, and products that are zero whatever the other is. */
import { countOf } from '#base/dtype.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { Row, TfCall } from '#formats/tensorflow/lower/call.ts';
import { joined } from './bias.ts';
import { spelledNormalization } from './spelled-normalization.ts';
import { isInteger, isSizes, paired, widely } from './operands.ts';

function binary(op: string): Row {
  return (call) => [widely(call, call.inputs(0, 2), (operands) => call.emit(op, operands), { back: true })];
}

/** An addition of a constant vector is a bias where a product waits before it. */
function add(call: TfCall): readonly Operand[] {
  const normalized = spelledNormalization(call);
  if (normalized !== undefined) return [normalized];
  const bias = call.input(1);
  const known = call.lowering.constantOf(bias);
  const vector = known !== undefined && known.tensor.shape.length === 1 && countOf(known.tensor.shape) > 1;
  const whole = vector ? joined(call, bias) : undefined;
  if (whole !== undefined) return [whole];
  return [widely(call, call.inputs(0, 2), (operands) => call.emit('Add', operands), { back: true })];
}

function compare(op: string): Row {
  return (call) => [widely(call, call.inputs(0, 2), (operands) => call.emit(op, operands), { back: false })];
}

/** Remainder with the sign of the divisor. */
function floorMod(call: TfCall, a: Operand, b: Operand): Operand {
  if (isInteger(call.lowering.dtype(a))) return call.step('mod', 'Mod', [a, b], { fmod: 0 });
  const rest = call.step('rest', 'Mod', [a, b], { fmod: 1 });
  const zero = call.like(a, 0);
  const sign = call.step('other_sign', 'Xor', [
    call.step('divisor_negative', 'Less', [b, zero]),
    call.step('rest_negative', 'Less', [rest, zero]),
  ]);
  const some = call.step('some', 'Not', [call.step('none', 'Equal', [rest, zero])]);
  const moved = call.step('moved', 'Add', [rest, b]);
  return call.emit('Where', [call.step('move', 'And', [some, sign]), moved, rest]);
}

function floorDiv(call: TfCall, a: Operand, b: Operand): Operand {
  if (!isInteger(call.lowering.dtype(a))) return call.emit('Floor', [call.step('quotient', 'Div', [a, b])]);
  if (isSizes(call, a) && isSizes(call, b)) return call.emit('Div', [a, b]);
  return call.emit('Div', [call.step('whole', 'Sub', [a, floorMod(call, a, b)]), b]);
}

/** `value` where `guard` is not zero, else zero. */
function guarded(call: TfCall, guard: Operand, value: Operand): Operand {
  const zero = call.like(value, 0);
  return call.emit('Where', [call.step('is_zero', 'Equal', [guard, zero]), zero, value]);
}

/** Angle of (x, y) over all four quadrants. */
function atan2(call: TfCall): readonly Operand[] {
  const [y, x] = [call.input(0), call.input(1)];
  const zero = call.like(y, 0);
  const base = call.step('angle', 'Atan', [call.step('slope', 'Div', [y, x])]);
  const half = call.step('half_turn', 'Where', [
    call.step('below', 'Less', [y, zero]),
    call.like(y, -Math.PI),
    call.like(y, Math.PI),
  ]);
  const left = call.step('left', 'Where', [
    call.step('is_left', 'Less', [x, zero]),
    call.step('turned', 'Add', [base, half]),
    base,
  ]);
  const upright = call.step('upright', 'Mul', [call.step('side', 'Sign', [y]), call.like(y, Math.PI / 2)]);
  return [call.emit('Where', [call.step('is_upright', 'Equal', [x, zero]), upright, left])];
}

function times(call: TfCall, suffix: string, a: Operand, b: Operand): Operand {
  return call.step(suffix, 'Mul', [a, b]);
}

export const arithmeticRows: readonly (readonly [string, Row])[] = [
  ['Add', add],
  ['AddV2', add],
  ['Sub', binary('Sub')],
  ['Mul', binary('Mul')],
  ['RealDiv', binary('Div')],
  ['Div', binary('Div')],
  ['TruncateDiv', binary('Div')],
  ['Maximum', binary('Max')],
  ['Minimum', binary('Min')],
  ['Pow', binary('Pow')],
  ['Mod', (call) => [widely(call, call.inputs(0, 2), (both) => call.emit('Mod', both, { fmod: 1 }), { back: true })]],
  [
    'TruncateMod',
    (call) => [widely(call, call.inputs(0, 2), (both) => call.emit('Mod', both, { fmod: 1 }), { back: true })],
  ],
  ['FloorMod', (call) => [widely(call, call.inputs(0, 2), ([a, b]) => floorMod(call, a!, b!), { back: true })]],
  ['FloorDiv', (call) => [widely(call, call.inputs(0, 2), ([a, b]) => floorDiv(call, a!, b!), { back: true })]],
  [
    'DivNoNan',
    (call) => {
      const [a, b] = [call.input(0), call.input(1)];
      return [guarded(call, b, call.step('quotient', 'Div', [a, b]))];
    },
  ],
  ['MulNoNan', (call) => [guarded(call, call.input(1), times(call, 'product', call.input(0), call.input(1)))]],
  ['Xdivy', (call) => [guarded(call, call.input(0), call.step('quotient', 'Div', [call.input(0), call.input(1)]))]],
  [
    'Xlogy',
    (call) => {
      const [x, y] = [call.input(0), call.input(1)];
      return [guarded(call, x, times(call, 'product', x, call.step('log', 'Log', [y])))];
    },
  ],
  [
    'Xlog1py',
    (call) => {
      const [x, y] = [call.input(0), call.input(1)];
      const more = call.step('more', 'Add', [y, call.like(y, 1)]);
      return [guarded(call, x, times(call, 'product', x, call.step('log', 'Log', [more])))];
    },
  ],
  [
    'SquaredDifference',
    (call) => {
      const difference = call.step('difference', 'Sub', paired(call, call.inputs(0, 2)));
      return [call.emit('Mul', [difference, difference])];
    },
  ],
  ['Atan2', atan2],
  ['AddN', sumOfAll],
  ['AccumulateNV2', sumOfAll],
  ['Equal', compare('Equal')],
  ['Less', compare('Less')],
  ['LessEqual', compare('LessOrEqual')],
  ['Greater', compare('Greater')],
  ['GreaterEqual', compare('GreaterOrEqual')],
  [
    'NotEqual',
    (call) => [
      widely(call, call.inputs(0, 2), (both) => call.emit('Not', [call.step('equal', 'Equal', both)]), {
        back: false,
      }),
    ],
  ],
  [
    'ApproximateEqual',
    (call) => {
      const [a, b] = [call.input(0), call.input(1)];
      const distance = call.step('distance', 'Abs', [call.step('difference', 'Sub', [a, b])]);
      return [call.emit('Less', [distance, call.like(a, call.float('tolerance', 1e-5))])];
    },
  ],
  ['LogicalAnd', (call) => [call.emit('And', call.inputs(0, 2))]],
  ['LogicalOr', (call) => [call.emit('Or', call.inputs(0, 2))]],
  ['LogicalNot', (call) => [call.emit('Not', [call.input(0)])]],
];

/** ONNX sums floats of any number; integers go in pairs. */
function sumOfAll(call: TfCall): readonly Operand[] {
  const all = paired(call, call.inputs());
  const [first, ...rest] = all;
  if (first === undefined) throw call.broken('adds nothing');
  if (rest.length === 0) return [first];
  if (!isInteger(call.lowering.dtype(first))) return [call.emit('Sum', all)];
  return [rest.reduce((sum, one, at) => call.step(`sum_${at}`, 'Add', [sum, one]), first)];
}
