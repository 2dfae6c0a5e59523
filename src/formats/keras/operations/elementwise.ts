/** Functions of one or two tensors, element by element, and activations called as functions. */
import { isFloat, kindOf } from '#base/dtype.ts';
import { activateBy, ACTIVATIONS, gelu, rectify } from '#formats/keras/layers/activations.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { codeOfDtype } from '#ops/dtype-code.ts';
import type { Operation, OperationCall, Operations } from './operation-call.ts';

function unary(op: string): Operation {
  return (o) => o.own(op, [o.real32(o.x)]);
}

/** Keeps the type of integers. */
function typed(op: string): Operation {
  return (o) => o.own(op, [o.x]);
}

function binary(op: string): Operation {
  return (o) => o.own(op, o.pair());
}

function logical(op: string): Operation {
  return (o) => {
    const a = o.call.cast(o.operand(0, 'bool', 'x', 'x1'), 'bool', 'a');
    return o.own(op, [a, o.call.cast(o.operand(1, 'bool', 'y', 'x2'), 'bool', 'b')]);
  };
}

function divide(o: OperationCall): Operand {
  const [a, b] = o.pair();
  return o.own('Div', [o.call.real(a, 'a_real'), o.call.real(b, 'b_real')]);
}

function floorDivide(o: OperationCall): Operand {
  const [a, b] = o.pair();
  const dtype = o.lowering.dtype(a);
  if (dtype === null || isFloat(dtype)) return o.own('Floor', [o.node('Div', [a, b], 'quotient')]);
  const quotient = o.node('Div', [o.call.cast(a, 'f32', 'a_real'), o.call.cast(b, 'f32', 'b_real')], 'quotient');
  return o.call.cast(o.node('Floor', [quotient], 'floor'), dtype, 'whole');
}

/** The rest has the sign of the divisor, as in Python. */
function modulo(o: OperationCall): Operand {
  const [a, b] = o.pair();
  const dtype = o.lowering.dtype(a);
  if (dtype !== null && !isFloat(dtype)) return o.own('Mod', [a, b]);
  const floor = o.node('Floor', [o.node('Div', [a, b], 'quotient')], 'floor');
  return o.own('Sub', [a, o.node('Mul', [floor, b], 'whole')]);
}

function square(o: OperationCall): Operand {
  return o.own('Mul', [o.x, o.x]);
}

function logOf(base: number): Operation {
  return (o) => o.own('Mul', [o.node('Log', [o.real32(o.x)], 'log'), o.call.number(1 / Math.log(base))]);
}

function negative(o: OperationCall): Operand {
  return o.own('Neg', [o.x]);
}

function clip(o: OperationCall): Operand {
  const x = o.x;
  const dtype = o.lowering.dtype(x) ?? 'f32';
  const low = o.operand(1, dtype, 'x_min', 'clip_value_min', 'min_value', 'min');
  return o.own('Clip', [x, low, o.operand(2, dtype, 'x_max', 'clip_value_max', 'max_value', 'max')]);
}

function cast(o: OperationCall): Operand {
  const to = o.dtype(1, 'dtype', 'f32');
  const from = o.lowering.dtype(o.x);
  if (from === to) return o.x;
  return o.own('Cast', [o.x], { to: codeOfDtype(to) });
}

function where(o: OperationCall): Operand {
  const condition = o.call.cast(o.operand(0, 'bool', 'condition'), 'bool', 'condition');
  const tensors = [o.given(1, 'x', 'x1'), o.given(2, 'y', 'x2')];
  const types = tensors.flatMap((one) => (one?.kind === 'tensor' ? [o.lowering.dtype(one.operand)] : []));
  const dtype = types.find((type) => type !== null) ?? 'f32';
  return o.own('Where', [condition, o.operand(1, dtype, 'x', 'x1'), o.operand(2, dtype, 'y', 'x2')]);
}

function filled(value: number): Operation {
  return (o) => {
    const dtype = o.dtype(1, 'dtype', o.lowering.dtype(o.x) ?? 'f32');
    const shape = o.node('Shape', [o.x], 'shape');
    return o.own('Expand', [o.lowering.small(value, dtype), shape]);
  };
}

function same(o: OperationCall): Operand {
  return o.x;
}

/** An activation by its name, with its parameters as they are called in either version. */
function activation(name: string): Operation {
  return (o) => {
    const x = o.real32(o.x);
    const options: Record<string, number> = {};
    for (const [own, ...others] of PARAMETERS) {
      const value = o.given(-1, own, ...others);
      if (value?.kind === 'value' && typeof value.value === 'number') options[own] = value.value;
    }
    if (name === 'softmax' || name === 'log_softmax') {
      if (o.given(-1, 'axis')?.kind === 'value' && o.raw(-1, 'axis') === null && o.isKeras) {
        throw new Unsupported('it normalizes over all axes at once.');
      }
    }
    return activateBy(o.call, x, name, o.call.name, o.call.name, options);
  };
}

const PARAMETERS = [['negative_slope', 'alpha'], ['alpha', 'negative_slope'], ['axis'], ['threshold'], ['b']] as const;

function geluOf(o: OperationCall): Operand {
  const approximate = o.flag(1, ['approximate'], o.isKeras);
  const { call } = o;
  return gelu(
    { call, x: o.real32(o.x), name: call.name, output: call.name, option: (_, otherwise) => otherwise },
    approximate,
  );
}

function relu(o: OperationCall): Operand {
  const { call } = o;
  const slope = o.real(-1, ['negative_slope', 'alpha'], 0);
  const largest = o.raw(-1, 'max_value');
  const threshold = o.real(-1, ['threshold'], 0);
  const a = {
    call,
    x: o.real32(o.x),
    name: call.name,
    output: call.name,
    option: (_: string, otherwise: number) => otherwise,
  };
  return rectify(a, slope, typeof largest === 'number' ? largest : undefined, threshold);
}

function biasAdd(o: OperationCall): Operand {
  if (String(o.raw(2, 'data_format') ?? '').startsWith('NC'))
    throw new Unsupported('it adds a bias to channels that come first.');
  return o.own('Add', [o.x, o.operand(1, 'f32', 'bias')]);
}

function notANumber(op: 'IsNaN' | 'IsInf'): Operation {
  return (o) => o.own(op, [o.real32(o.x)]);
}

function absolute(o: OperationCall): Operand {
  return o.own('Abs', [o.x]);
}

function logicalNot(o: OperationCall): Operand {
  return o.own('Not', [o.call.cast(o.x, 'bool', 'x_bool')]);
}

function roots(o: OperationCall): Operand {
  return o.own('Reciprocal', [o.node('Sqrt', [o.real32(o.x)], 'root')]);
}

function notEqual(o: OperationCall): Operand {
  return o.own('Not', [o.node('Equal', o.pair(), 'equal')]);
}

function squaredDifference(o: OperationCall): Operand {
  const difference = o.node('Sub', o.pair(), 'difference');
  return o.own('Mul', [difference, difference]);
}

/** Zero where the divisor is. */
function divideNoNan(o: OperationCall): Operand {
  const [a, b] = o.pair();
  const isZero = o.node('Equal', [b, o.call.number(0)], 'is_zero');
  return o.own('Where', [isZero, o.call.number(0), o.node('Div', [a, b], 'quotient')]);
}

function addAll(o: OperationCall): Operand {
  const inputs = o.list(0, 'inputs');
  const [first] = inputs;
  if (first === undefined) throw new Unsupported('it adds nothing.');
  if (kindOf(o.lowering.dtype(first) ?? 'f32') === 'bool') throw new Unsupported('it adds truth values.');
  return inputs
    .slice(1)
    .reduce(
      (sum, one, at) => (at === inputs.length - 2 ? o.own('Add', [sum, one]) : o.node('Add', [sum, one], `sum_${at}`)),
      first,
    );
}

const names = Object.keys(ACTIVATIONS).filter((name) => name !== 'gelu' && name !== 'relu');

export const ELEMENTWISE: Operations = {
  ...Object.fromEntries(names.map((name) => [name, activation(name)])),
  gelu: geluOf,
  relu,
  re_lu: relu,
  abs: absolute,
  absolute,
  neg: negative,
  negative,
  exp: unary('Exp'),
  log: unary('Log'),
  log1p: (o) => o.own('Log', [o.node('Add', [o.real32(o.x), o.call.number(1)], 'raised')]),
  expm1: (o) => o.own('Sub', [o.node('Exp', [o.real32(o.x)], 'exp'), o.call.number(1)]),
  log2: logOf(2),
  log10: logOf(10),
  sqrt: unary('Sqrt'),
  rsqrt: roots,
  square,
  reciprocal: unary('Reciprocal'),
  floor: unary('Floor'),
  ceil: unary('Ceil'),
  round: unary('Round'),
  sign: typed('Sign'),
  sin: unary('Sin'),
  cos: unary('Cos'),
  tan: unary('Tan'),
  arcsin: unary('Asin'),
  arccos: unary('Acos'),
  arctan: unary('Atan'),
  asin: unary('Asin'),
  acos: unary('Acos'),
  atan: unary('Atan'),
  sinh: unary('Sinh'),
  cosh: unary('Cosh'),
  erf: unary('Erf'),
  is_nan: notANumber('IsNaN'),
  isnan: notANumber('IsNaN'),
  is_inf: notANumber('IsInf'),
  isinf: notANumber('IsInf'),
  logical_not: logicalNot,
  add: binary('Add'),
  add_v2: binary('Add'),
  add_n: addAll,
  bias_add: biasAdd,
  sub: binary('Sub'),
  subtract: binary('Sub'),
  mul: binary('Mul'),
  multiply: binary('Mul'),
  truediv: divide,
  true_divide: divide,
  divide,
  div: divide,
  real_div: divide,
  divide_no_nan: divideNoNan,
  div_no_nan: divideNoNan,
  floordiv: floorDivide,
  floor_divide: floorDivide,
  floor_div: floorDivide,
  mod: modulo,
  floormod: modulo,
  floor_mod: modulo,
  pow: binary('Pow'),
  power: binary('Pow'),
  maximum: binary('Max'),
  minimum: binary('Min'),
  squared_difference: squaredDifference,
  equal: binary('Equal'),
  not_equal: notEqual,
  greater: binary('Greater'),
  greater_equal: binary('GreaterOrEqual'),
  less: binary('Less'),
  less_equal: binary('LessOrEqual'),
  logical_and: logical('And'),
  logical_or: logical('Or'),
  logical_xor: logical('Xor'),
  clip,
  clip_by_value: clip,
  cast,
  where,
  where_v2: where,
  select: where,
  select_v2: where,
  zeros_like: filled(0),
  ones_like: filled(1),
  stop_gradient: same,
  identity: same,
  copy: same,
  convert_to_tensor: same,
  ensure_shape: same,
};
