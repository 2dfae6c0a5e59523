/** Element by element: arithmetic, comparison, logic, casts and other functions that change no position. */
import type { Dim } from '#ir/model.ts';
import type { DType } from '#base/dtype.ts';
import { addDims, broadcast, divideDims, largerDim, multiplyDims, smallerDim, subtractDims } from '#ops/dims.ts';
import { castAll, evaluateBinary, evaluateUnary, evaluateWhere } from '#ops/evaluate/elementwise.ts';
import type { BinaryName, UnaryName } from '#ops/evaluate/elementwise.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import type { Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';

type Follow = (a: Dim, b: Dim) => Dim;

/** Both operands as lists of equal length; a scalar is repeated. */
function paired(call: Call, rule: Follow): readonly (readonly Dim[] | undefined)[] {
  const a = call.elements(0);
  const b = call.elements(1);
  if (a === undefined || b === undefined) return [undefined];
  const count = Math.max(a.length, b.length);
  if ((a.length !== count && a.length !== 1) || (b.length !== count && b.length !== 1)) return [undefined];
  if ((call.rank(0) ?? 2) > 1 || (call.rank(1) ?? 2) > 1) return [undefined];
  return [
    Array.from({ length: count }, (_, at) =>
      rule(a[a.length === 1 ? 0 : at] ?? null, b[b.length === 1 ? 0 : at] ?? null),
    ),
  ];
}

/** Before opset 7 the second operand could be lined up with `axis`; the first one then gives the shape. */
function binaryShape(call: Call): ReturnType<typeof broadcast> {
  if (call.opset < 7 && call.int('broadcast', 0) !== 0) return call.shape(0);
  return broadcast([call.shape(0), call.shape(1)]);
}

function binary(name: BinaryName, result: DType | 'operand', follow?: Follow): Operator {
  return {
    name,
    inputs: ['A', 'B'],
    outputs: ['C'],
    infer: (call) => [{ dtype: result === 'operand' ? call.sharedDtype() : result, shape: binaryShape(call) }],
    ...(follow === undefined ? {} : { follow: (call: Call) => paired(call, follow) }),
    evaluate: (call) => {
      const [a, b] = [call.dense(0), call.dense(1)];
      if (a === undefined || b === undefined || (call.opset < 7 && call.int('broadcast', 0) !== 0)) return undefined;
      return [evaluateBinary(name, a, b, call)];
    },
  };
}

function unary(name: UnaryName, result: DType | 'operand' = 'operand', exact = true): Operator {
  return {
    name,
    inputs: ['X'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, call.shape(0), result === 'operand' ? call.dtype(0) : result)],
    ...(exact
      ? {
          evaluate: (call: Call) => {
            const x = call.dense(0);
            return x === undefined ? undefined : [evaluateUnary(name, x)];
          },
        }
      : {}),
  };
}

function variadic(name: 'Sum' | 'Mean' | 'Max' | 'Min', pair?: BinaryName): Operator {
  return {
    name,
    inputs: ['data*'],
    outputs: ['result'],
    infer: (call) => [
      {
        dtype: call.sharedDtype(),
        shape: broadcast(Array.from({ length: call.inputCount }, (_, input) => call.shape(input))),
      },
    ],
    ...(pair === undefined
      ? {}
      : {
          evaluate: (call: Call) => {
            let result = call.dense(0);
            for (let input = 1; input < call.inputCount && result !== undefined; input++) {
              const next = call.dense(input);
              result = next === undefined ? undefined : evaluateBinary(pair, result, next, call);
            }
            return result === undefined ? undefined : [result];
          },
        }),
  };
}

const sameElements = (call: Call): readonly (readonly Dim[] | undefined)[] => [call.elements(0)];

/** Names are equal to themselves; to others, nobody knows. */
const isSame: Follow = (a, b) => {
  if (typeof a === 'number' && typeof b === 'number') return Number(a === b);
  return a !== null && a === b ? 1 : null;
};

const INTEGERS = new Set<DType | null>(['i64', 'i32', 'i16', 'i8', 'u64', 'u32', 'u16', 'u8', 'bool']);

export const elementwiseOperators: readonly Operator[] = [
  binary('Add', 'operand', addDims),
  binary('Sub', 'operand', subtractDims),
  binary('Mul', 'operand', multiplyDims),
  // Only integers are followed through a division: on floats it does not truncate.
  {
    ...binary('Div', 'operand'),
    follow: (call) => (INTEGERS.has(call.dtype(0)) ? paired(call, divideDims) : [undefined]),
  },
  { ...binary('Pow', 'operand'), infer: (call) => [call.like(0, binaryShape(call))] },
  binary('Mod', 'operand'),
  binary('PRelu', 'operand'),
  binary('BitShift', 'operand'),
  binary('BitwiseAnd', 'operand'),
  binary('BitwiseOr', 'operand'),
  binary('BitwiseXor', 'operand'),
  binary('Equal', 'bool', isSame),
  binary('Less', 'bool'),
  binary('LessOrEqual', 'bool'),
  binary('Greater', 'bool'),
  binary('GreaterOrEqual', 'bool'),
  binary('And', 'bool'),
  binary('Or', 'bool'),
  binary('Xor', 'bool'),
  variadic('Sum', 'Add'),
  variadic('Mean'),
  { ...variadic('Max', 'Max'), follow: (call) => (call.inputCount === 2 ? paired(call, largerDim) : [undefined]) },
  { ...variadic('Min', 'Min'), follow: (call) => (call.inputCount === 2 ? paired(call, smallerDim) : [undefined]) },
  unary('Abs'),
  unary('Neg'),
  unary('Ceil'),
  unary('Floor'),
  unary('Round'),
  unary('Sign'),
  unary('Sqrt'),
  unary('Reciprocal'),
  unary('Not', 'bool'),
  unary('BitwiseNot'),
  unary('IsNaN', 'bool'),
  unary('IsInf', 'bool', false),
  unary('Exp'),
  unary('Log'),
  unary('Erf'),
  unary('Sin'),
  unary('Cos'),
  unary('Tan'),
  unary('Asin'),
  unary('Acos'),
  unary('Atan'),
  unary('Sinh'),
  unary('Cosh'),
  unary('Asinh'),
  unary('Acosh'),
  unary('Atanh'),
  {
    name: 'Identity',
    inputs: ['input'],
    outputs: ['output'],
    infer: (call) => [call.like(0)],
    follow: sameElements,
    evaluate: (call) => [call.dense(0)],
  },
  {
    name: 'Cast',
    inputs: ['input'],
    outputs: ['output'],
    infer: (call) => [call.like(0, call.shape(0), dtypeOfCode(call.int('to', 0)))],
    // Names stand for whole numbers, of floats too that hold them exactly; a fraction is cut off numbers alone.
    follow: (call) => {
      const to = dtypeOfCode(call.int('to', 0));
      const elements = call.elements(0);
      if (to === 'f32' || to === 'f64' || (INTEGERS.has(to) && INTEGERS.has(call.dtype(0)) && to !== 'bool'))
        return [elements];
      if (!INTEGERS.has(to) || to === 'bool') return [undefined];
      return [elements?.map((one) => (typeof one === 'number' ? Math.trunc(one) : one))];
    },
    evaluate: (call) => {
      const to = dtypeOfCode(call.int('to', 0));
      const x = call.dense(0);
      return x === undefined || to === null ? undefined : [castAll(x, to)];
    },
  },
  {
    name: 'CastLike',
    inputs: ['input', 'target_type'],
    outputs: ['output'],
    infer: (call) => [call.like(0, call.shape(0), call.dtype(1))],
    evaluate: (call) => {
      const to = call.dtype(1);
      const x = call.dense(0);
      return x === undefined || to === null ? undefined : [castAll(x, to)];
    },
    roles: () => [undefined, 'setting'],
  },
  {
    name: 'Clip',
    inputs: ['input', 'min?', 'max?'],
    outputs: ['output'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'setting', 'setting'],
    evaluate: (call) => {
      const x = call.dense(0);
      if (x === undefined || call.opset < 11) return undefined;
      const low = call.dense(1);
      const high = call.dense(2);
      if ((call.has(1) && low === undefined) || (call.has(2) && high === undefined)) return undefined;
      const raised = low === undefined ? x : evaluateBinary('Max', x, low, call);
      return [high === undefined || raised === undefined ? raised : evaluateBinary('Min', raised, high, call)];
    },
  },
  {
    name: 'Where',
    inputs: ['condition', 'X', 'Y'],
    outputs: ['output'],
    infer: (call) => [
      { dtype: call.dtype(1) ?? call.dtype(2), shape: broadcast([call.shape(0), call.shape(1), call.shape(2)]) },
    ],
    follow: (call) => {
      const [test, yes, no] = [call.elements(0), call.elements(1), call.elements(2)];
      if (test === undefined || yes === undefined || no === undefined) return [undefined];
      const count = Math.max(test.length, yes.length, no.length);
      const lists = [test, yes, no].map((list) =>
        list.length === 1 ? Array.from({ length: count }, () => list[0]) : list,
      );
      if (lists.some((list) => list.length !== count)) return [undefined];
      // Where both are the same, it does not matter which is taken.
      return [
        Array.from({ length: count }, (_, at): Dim => {
          const [one, left, right] = lists.map((list) => list[at] ?? null);
          if (typeof one === 'number') return (one === 0 ? right : left) ?? null;
          return left === right ? (left ?? null) : null;
        }),
      ];
    },
    evaluate: (call) => {
      const [test, yes, no] = [call.dense(0), call.dense(1), call.dense(2)];
      return test === undefined || yes === undefined || no === undefined ? undefined : [evaluateWhere(test, yes, no)];
    },
  },
  {
    name: 'CumSum',
    inputs: ['x', 'axis'],
    outputs: ['y'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'setting'],
  },
  {
    name: 'Trilu',
    inputs: ['input', 'k?'],
    outputs: ['output'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'setting'],
  },
];
