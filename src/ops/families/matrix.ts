/** Matrix products: MatMul, Gemm, Einsum, Det and the integer and fused forms. */
import { broadcast, broadcastDim, elementsOf } from '#ops/dims.ts';
import type { TensorType } from '#ops/facts.ts';
import { weight, type Macs, type Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';
import type { Dim, Shape } from '#ir/model.ts';

/** Shape of numpy.matmul of two inputs. */
export function productShape(a: Shape | null, b: Shape | null): Shape | null {
  if (a === null || b === null || a.length === 0 || b.length === 0) return null;
  const left: Shape = a.length === 1 ? [1, ...a] : a;
  const right: Shape = b.length === 1 ? [...b, 1] : b;
  const batch = broadcast([left.slice(0, -2), right.slice(0, -2)]);
  if (batch === null) return null;
  const rows: readonly Dim[] = a.length === 1 ? [] : [left[left.length - 2] ?? null];
  const columns: readonly Dim[] = b.length === 1 ? [] : [right[right.length - 1] ?? null];
  return [...batch, ...rows, ...columns];
}

/** Each output element sums over the inner size. */
export function productMacs(outputs: readonly (TensorType | null)[], inner: Dim): Macs {
  const made = elementsOf(outputs[0]?.shape);
  if (made === null) return { unknown: 'the output size is not known' };
  return typeof inner === 'number' ? made * inner : { unknown: 'the inner size of the product is not known' };
}

/** Inner size from whichever side knows it. */
function innerSize(call: Call, a: number, b: number): Dim {
  const left = call.dim(a, -1);
  const rank = call.rank(b);
  const right = rank === null ? null : call.dim(b, rank === 1 ? 0 : -2);
  return typeof left === 'number' ? left : right;
}

const RIGHT_WEIGHT = weight(-1, -2);
const LEFT_WEIGHT = weight(-2, -1);

function swapLast(shape: Shape | null, swap: boolean): Shape | null {
  if (shape === null || !swap || shape.length < 2) return shape;
  return [...shape.slice(0, -2), shape[shape.length - 1] ?? null, shape[shape.length - 2] ?? null];
}

/** com.microsoft FusedMatMul: transBatch moves the second-to-last batch axis too; those are left unknown. */
function fusedShapes(call: Call): readonly [Shape | null, Shape | null] {
  if (call.int('transBatchA', 0) !== 0 || call.int('transBatchB', 0) !== 0) return [null, null];
  return [swapLast(call.shape(0), call.int('transA', 0) !== 0), swapLast(call.shape(1), call.int('transB', 0) !== 0)];
}

/** Letters of an Einsum operand; the axes of `...` are numbered from its end, so that shorter ones are broadcast. */
function lettersOf(term: string, rank: number): readonly string[] | null {
  const at = term.indexOf('...');
  if (at === -1) return term.length === rank ? [...term] : null;
  const dots = rank - (term.length - 3);
  if (dots < 0) return null;
  return [
    ...term.slice(0, at),
    ...Array.from({ length: dots }, (_, axis) => String(dots - axis)),
    ...term.slice(at + 3),
  ];
}

/** Shape and multiply-accumulates of an Einsum equation of up to two operands. */
function einsum(call: Call): { readonly shape: Shape | null; readonly macs: Macs } {
  const [left = '', right] = call.string('equation', '').replaceAll(' ', '').split('->');
  const terms = left.split(',').map((term, input) => lettersOf(term, call.rank(input) ?? -1));
  const sizes = new Map<string, Dim>();
  for (const [input, term] of terms.entries()) {
    if (term === null || term.length === 0)
      return { shape: null, macs: { unknown: 'this Einsum equation is not analysed' } };
    for (const [axis, letter] of term.entries()) {
      const size = call.dim(input, axis);
      sizes.set(letter, sizes.has(letter) ? broadcastDim(sizes.get(letter) ?? null, size) : size);
    }
  }
  const all = terms.flatMap((term) => term ?? []);
  const isDot = (letter: string): boolean => /\d/.test(letter);
  const dots = [...sizes.keys()].filter(isDot).toSorted((a, b) => Number(b) - Number(a));
  const once = [...sizes.keys()].filter((letter) => !isDot(letter) && all.indexOf(letter) === all.lastIndexOf(letter));
  const named = right?.split('...');
  const kept =
    named === undefined
      ? [...dots, ...once.toSorted()]
      : [...(named[0] ?? ''), ...(named.length > 1 ? dots : []), ...(named[1] ?? '')];
  const shape = kept.map((letter) => sizes.get(letter) ?? null);
  const loops = elementsOf([...sizes.values()]);
  if (terms.length > 2)
    return { shape, macs: { unknown: 'an Einsum of more than two operands can be ordered in many ways' } };
  if (terms.length === 1) return { shape, macs: 0 };
  return { shape, macs: loops ?? { unknown: 'an operand size is not known' } };
}

export const matrixOperators: readonly Operator[] = [
  {
    name: 'MatMul',
    inputs: ['A', 'B'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: productShape(call.shape(0), call.shape(1)) }],
    roles: () => [LEFT_WEIGHT, RIGHT_WEIGHT],
    macs: (call, outputs) => productMacs(outputs, innerSize(call, 0, 1)),
  },
  {
    name: 'Gemm',
    inputs: ['A', 'B', 'C?'],
    outputs: ['Y'],
    infer: (call) => {
      const rows = call.dim(0, call.int('transA', 0) === 0 ? 0 : 1);
      const columns = call.dim(1, call.int('transB', 0) === 0 ? 1 : 0);
      return [{ dtype: call.sharedDtype(), shape: [rows, columns] }];
    },
    roles: (call) => [
      call.int('transA', 0) === 0 ? weight(0, 1) : weight(1, 0),
      call.int('transB', 0) === 0 ? weight(1, 0) : weight(0, 1),
      'bias',
    ],
    macs: (call, outputs) => {
      const left = call.dim(0, call.int('transA', 0) === 0 ? 1 : 0);
      const right = call.dim(1, call.int('transB', 0) === 0 ? 0 : 1);
      return productMacs(outputs, typeof left === 'number' ? left : right);
    },
  },
  {
    name: 'Einsum',
    inputs: ['Inputs*'],
    outputs: ['Output'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: einsum(call).shape }],
    macs: (call) => einsum(call).macs,
  },
  {
    name: 'MatMulInteger',
    inputs: ['A', 'B', 'a_zero_point?', 'b_zero_point?'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: 'i32', shape: productShape(call.shape(0), call.shape(1)) }],
    roles: () => [LEFT_WEIGHT, RIGHT_WEIGHT, 'quantization', 'quantization'],
    macs: (call, outputs) => productMacs(outputs, innerSize(call, 0, 1)),
  },
  {
    name: 'QLinearMatMul',
    inputs: ['a', 'a_scale', 'a_zero_point', 'b', 'b_scale', 'b_zero_point', 'y_scale', 'y_zero_point'],
    outputs: ['y'],
    infer: (call) => [{ dtype: call.dtype(7) ?? call.dtype(0), shape: productShape(call.shape(0), call.shape(3)) }],
    roles: () => [
      LEFT_WEIGHT,
      'quantization',
      'quantization',
      RIGHT_WEIGHT,
      'quantization',
      'quantization',
      'quantization',
      'quantization',
    ],
    macs: (call, outputs) => productMacs(outputs, innerSize(call, 0, 3)),
  },
  {
    name: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs: ['A', 'B'],
    outputs: ['Y'],
    infer: (call) => {
      const [a, b] = fusedShapes(call);
      return [{ dtype: call.sharedDtype(), shape: productShape(a, b) }];
    },
    roles: (call) => [
      call.int('transA', 0) === 0 ? LEFT_WEIGHT : RIGHT_WEIGHT,
      call.int('transB', 0) === 0 ? RIGHT_WEIGHT : LEFT_WEIGHT,
    ],
    macs: (call, outputs) => productMacs(outputs, call.dim(0, call.int('transA', 0) === 0 ? -1 : -2)),
  },
  {
    name: 'FusedGemm',
    domain: 'com.microsoft',
    inputs: ['A', 'B', 'C?'],
    outputs: ['Y'],
    infer: (call) => {
      const rows = call.dim(0, call.int('transA', 0) === 0 ? 0 : 1);
      return [{ dtype: call.sharedDtype(), shape: [rows, call.dim(1, call.int('transB', 0) === 0 ? 1 : 0)] }];
    },
    roles: (call) => [undefined, call.int('transB', 0) === 0 ? weight(1, 0) : weight(0, 1), 'bias'],
    macs: (call, outputs) => productMacs(outputs, call.dim(0, call.int('transA', 0) === 0 ? 1 : 0)),
  },
  {
    name: 'DynamicQuantizeMatMul',
    domain: 'com.microsoft',
    inputs: ['A', 'B', 'b_scale', 'b_zero_point?', 'bias?'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, productShape(call.shape(0), call.shape(1)))],
    roles: () => [undefined, RIGHT_WEIGHT, 'quantization', 'quantization', 'bias'],
    macs: (call, outputs) => productMacs(outputs, innerSize(call, 0, 1)),
  },
  {
    name: 'MatMulIntegerToFloat',
    domain: 'com.microsoft',
    inputs: ['A', 'B', 'a_scale', 'b_scale', 'a_zero_point?', 'b_zero_point?', 'bias?'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: call.dtype(2), shape: productShape(call.shape(0), call.shape(1)) }],
    roles: () => [LEFT_WEIGHT, RIGHT_WEIGHT, 'quantization', 'quantization', 'quantization', 'quantization', 'bias'],
    macs: (call, outputs) => productMacs(outputs, innerSize(call, 0, 1)),
  },
  {
    name: 'QGemm',
    domain: 'com.microsoft',
    inputs: ['A', 'a_scale', 'a_zero_point', 'B', 'b_scale', 'b_zero_point', 'C?', 'y_scale?', 'y_zero_point?'],
    outputs: ['Y'],
    infer: (call) => {
      const rows = call.dim(0, call.int('transA', 0) === 0 ? 0 : 1);
      const columns = call.dim(3, call.int('transB', 0) === 0 ? 1 : 0);
      return [{ dtype: call.has(8) ? call.dtype(8) : 'f32', shape: [rows, columns] }];
    },
    roles: (call) => [
      undefined,
      'quantization',
      'quantization',
      call.int('transB', 0) === 0 ? weight(1, 0) : weight(0, 1),
      'quantization',
      'quantization',
      'bias',
      'quantization',
      'quantization',
    ],
    macs: (call, outputs) => productMacs(outputs, call.dim(0, call.int('transA', 0) === 0 ? 1 : 0)),
  },
  {
    name: 'Det',
    inputs: ['X'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, call.shape(0)?.slice(0, -2) ?? null)],
    macs: () => ({ unknown: 'the cost of a determinant depends on the method' }),
  },
];
