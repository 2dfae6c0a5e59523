/**
 * Values of elementwise operators. Float32 results are computed in double and rounded once, which is exact for + - * /
 * and square root; functions such as exp may differ from a runtime's in the last place.
 */
import type { DType } from '#base/dtype.ts';
import { countOf } from '#base/dtype.ts';
import { roundHalfEven } from '#kernels/arithmetic.ts';
import { fit, isBig, lanesFor, type Dense, type Lanes } from '#ops/dense.ts';
import type { Call } from '#ops/call.ts';
import { erf } from '#ops/evaluate/erf.ts';

interface Pair {
  readonly real: (a: number, b: number) => number | boolean;
  /** For 64-bit integers; left out where the operator takes no integers. */
  readonly big?: (a: bigint, b: bigint) => bigint | boolean;
  /** For narrower integers where they differ from `real`. */
  readonly whole?: (a: number, b: number) => number;
  readonly test?: true;
}

/** Power of floats in double precision; of integers by repeated squaring so that wrapping holds. */
const PAIRS = {
  Add: { real: (a, b) => a + b, big: (a, b) => a + b },
  Sub: { real: (a, b) => a - b, big: (a, b) => a - b },
  Mul: { real: (a, b) => a * b, big: (a, b) => a * b, whole: (a, b) => Math.imul(a, b) },
  Div: { real: (a, b) => a / b, big: (a, b) => a / b, whole: (a, b) => Math.trunc(a / b) },
  Pow: { real: (a, b) => a ** b, big: (a, b) => (b < 0n ? 0n : a ** b) },
  Mod: { real: floorMod, big: (a, b) => ((a % b) + b) % b },
  PRelu: { real: (a, b) => (a < 0 ? a * b : a), big: (a, b) => (a < 0n ? a * b : a) },
  BitShift: { real: (a, b) => a * 2 ** b, big: (a, b) => a << b },
  BitwiseAnd: { real: (a, b) => a & b, big: (a, b) => a & b },
  BitwiseOr: { real: (a, b) => a | b, big: (a, b) => a | b },
  BitwiseXor: { real: (a, b) => a ^ b, big: (a, b) => a ^ b },
  Max: { real: (a, b) => Math.max(a, b), big: (a, b) => (a > b ? a : b) },
  Min: { real: (a, b) => Math.min(a, b), big: (a, b) => (a < b ? a : b) },
  Equal: { real: (a, b) => a === b, big: (a, b) => a === b, test: true },
  Less: { real: (a, b) => a < b, big: (a, b) => a < b, test: true },
  LessOrEqual: { real: (a, b) => a <= b, big: (a, b) => a <= b, test: true },
  Greater: { real: (a, b) => a > b, big: (a, b) => a > b, test: true },
  GreaterOrEqual: { real: (a, b) => a >= b, big: (a, b) => a >= b, test: true },
  And: { real: (a, b) => a !== 0 && b !== 0, test: true },
  Or: { real: (a, b) => a !== 0 || b !== 0, test: true },
  Xor: { real: (a, b) => (a !== 0) !== (b !== 0), test: true },
} satisfies Record<string, Pair>;

export type BinaryName = keyof typeof PAIRS;

function floorMod(a: number, b: number): number {
  return a - b * Math.floor(a / b);
}

/** Positions in an operand that the elements of a broadcast read, row-major. */
export function broadcastIndex(shape: readonly number[], into: readonly number[]): (at: number) => number {
  if (countOf(shape) === 1) return () => 0;
  if (shape.length === into.length && shape.every((size, axis) => size === into[axis])) return (at) => at;
  const steps: number[] = Array.from({ length: into.length }, () => 0);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis] ?? 1;
    if (size !== 1) steps[axis + into.length - shape.length] = stride;
    stride *= size;
  }
  return (at) => {
    let rest = at;
    let index = 0;
    for (let axis = into.length - 1; axis >= 0; axis--) {
      const size = into[axis] ?? 1;
      index += (rest % size) * (steps[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    return index;
  };
}

export function broadcastShape(a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    return left === 1 ? right : left;
  });
}

export function evaluateBinary(name: BinaryName, a: Dense, b: Dense, call: Call): Dense | undefined {
  const rule = pairFor(name, call);
  if (rule === undefined) return undefined;
  const shape = broadcastShape(a.shape, b.shape);
  const dtype: DType = rule.test === true ? 'bool' : a.dtype;
  const out = lanesFor(dtype, countOf(shape));
  if (out === undefined) return undefined;
  const left = broadcastIndex(a.shape, shape);
  const right = broadcastIndex(b.shape, shape);
  if (isBig(a.data) && isBig(b.data)) {
    if (rule.big === undefined) return undefined;
    for (let at = 0; at < out.length; at++) {
      const [x, y] = [a.data[left(at)] ?? 0n, b.data[right(at)] ?? 0n];
      if (y === 0n && (name === 'Div' || name === 'Mod')) return undefined;
      store(out, at, rule.big(x, y));
    }
    return { dtype, shape, data: out };
  }
  const whole = !(a.data instanceof Float32Array || a.data instanceof Float64Array);
  if (isBig(a.data) || isBig(b.data)) {
    // Mixed operands are only allowed for Pow.
    if (isBig(a.data)) return undefined;
  }
  const apply = whole && rule.whole !== undefined ? rule.whole : rule.real;
  for (let at = 0; at < out.length; at++) {
    const [x, y] = [Number(a.data[left(at)]), Number(b.data[right(at)])];
    if (whole && y === 0 && (name === 'Div' || name === 'Mod')) return undefined;
    const value = apply(x, y);
    out[at] = typeof value === 'boolean' ? Number(value) : fit(dtype, value);
  }
  return { dtype, shape, data: out };
}

/** The rule with the node's attributes taken into account. */
function pairFor(name: BinaryName, call: Call): Pair | undefined {
  if (name === 'Mod' && call.int('fmod', 0) !== 0) return { real: (a, b) => a % b, big: (a, b) => a % b };
  if (name === 'BitShift' && call.string('direction', '') === 'RIGHT') {
    return { real: (a, b) => Math.floor(a / 2 ** b), big: (a, b) => a >> b };
  }
  return PAIRS[name];
}

function store(out: Lanes, at: number, value: bigint | boolean): void {
  if (isBig(out)) out[at] = BigInt(value);
  else out[at] = Number(value);
}

const FUNCTIONS = {
  Abs: Math.abs,
  Neg: (x: number) => -x,
  Ceil: Math.ceil,
  Floor: Math.floor,
  Round: roundHalfEven,
  Sign: Math.sign,
  Sqrt: Math.sqrt,
  Reciprocal: (x: number) => 1 / x,
  Not: (x: number) => Number(x === 0),
  BitwiseNot: (x: number) => ~x,
  IsNaN: (x: number) => Number(Number.isNaN(x)),
  IsInf: (x: number) => Number(Math.abs(x) === Infinity),
  Exp: Math.exp,
  Log: Math.log,
  Erf: erf,
  Sin: Math.sin,
  Cos: Math.cos,
  Tan: Math.tan,
  Asin: Math.asin,
  Acos: Math.acos,
  Atan: Math.atan,
  Sinh: Math.sinh,
  Cosh: Math.cosh,
  Asinh: Math.asinh,
  Acosh: Math.acosh,
  Atanh: Math.atanh,
  Relu: (x: number) => Math.max(x, 0),
  Sigmoid: (x: number) => 1 / (1 + Math.exp(-x)),
  Tanh: Math.tanh,
  Softplus: (x: number) => Math.log1p(Math.exp(-Math.abs(x))) + Math.max(x, 0),
  Softsign: (x: number) => x / (1 + Math.abs(x)),
} satisfies Record<string, (x: number) => number>;

export type UnaryName = keyof typeof FUNCTIONS;

const BIG_FUNCTIONS: Partial<Record<UnaryName, (x: bigint) => bigint>> = {
  Abs: (x) => (x < 0n ? -x : x),
  Neg: (x) => -x,
  Sign: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  BitwiseNot: (x) => ~x,
  Relu: (x) => (x < 0n ? 0n : x),
};

const TESTS = new Set<UnaryName>(['Not', 'IsNaN', 'IsInf']);

export function evaluateUnary(name: UnaryName, x: Dense): Dense | undefined {
  const dtype: DType = TESTS.has(name) ? 'bool' : x.dtype;
  const out = lanesFor(dtype, x.data.length);
  if (out === undefined) return undefined;
  if (isBig(x.data)) {
    const rule = BIG_FUNCTIONS[name];
    if (rule === undefined || !isBig(out)) return undefined;
    for (let at = 0; at < out.length; at++) out[at] = rule(x.data[at] ?? 0n);
  } else {
    const rule = FUNCTIONS[name];
    for (let at = 0; at < out.length; at++) out[at] = fit(dtype, rule(Number(x.data[at])));
  }
  return { dtype, shape: x.shape, data: out };
}

/** Applies a function of one number; for activations with attributes. */
export function mapReals(x: Dense, rule: (value: number) => number): Dense | undefined {
  const out = lanesFor(x.dtype, x.data.length);
  if (out === undefined || isBig(out)) return undefined;
  for (let at = 0; at < out.length; at++) out[at] = fit(x.dtype, rule(Number(x.data[at])));
  return { dtype: x.dtype, shape: x.shape, data: out };
}

/** Cast of every element. Floats to integers truncate; values outside the integer's range are left to the runtime. */
export function castAll(x: Dense, to: DType): Dense | undefined {
  if (to === x.dtype) return x;
  const out = lanesFor(to, x.data.length);
  // 4- and 2-bit integers saturate or wrap depending on the runtime; they are not folded.
  if (out === undefined || ['i4', 'u4', 'i2', 'u2'].includes(to)) return undefined;
  const fromFloat = x.data instanceof Float32Array || x.data instanceof Float64Array;
  const toFloat = out instanceof Float32Array || out instanceof Float64Array;
  for (let at = 0; at < out.length; at++) {
    const value = x.data[at] ?? 0;
    if (to === 'bool') out[at] = Number(Number(value) !== 0 || Number.isNaN(Number(value)));
    else if (isBig(out)) {
      if (typeof value === 'number' && (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63)) return undefined;
      out[at] = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
    } else if (toFloat) out[at] = fit(to, Number(value));
    else if (typeof value === 'bigint') out[at] = Number(BigInt.asIntN(32, value));
    else {
      const whole = Math.trunc(value);
      out[at] = whole;
      if (fromFloat && out[at] !== whole) return undefined;
    }
  }
  return { dtype: to, shape: x.shape, data: out };
}

export function evaluateWhere(test: Dense, yes: Dense, no: Dense): Dense | undefined {
  const shape = broadcastShape(broadcastShape(test.shape, yes.shape), no.shape);
  const out = lanesFor(yes.dtype, countOf(shape));
  if (out === undefined) return undefined;
  const [ofTest, ofYes, ofNo] = [test, yes, no].map((one) => broadcastIndex(one.shape, shape));
  if (ofTest === undefined || ofYes === undefined || ofNo === undefined) return undefined;
  for (let at = 0; at < out.length; at++) {
    const value = Number(test.data[ofTest(at)]) !== 0 ? yes.data[ofYes(at)] : no.data[ofNo(at)];
    if (isBig(out)) out[at] = BigInt(value ?? 0);
    else out[at] = Number(value);
  }
  return { dtype: yes.dtype, shape, data: out };
}
