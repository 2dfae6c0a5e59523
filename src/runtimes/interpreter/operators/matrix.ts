/** Values of matrix products. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { broadcastIndex } from '#ops/evaluate/elementwise.ts';
import { activationOf } from '#runtimes/interpreter/activations.ts';
import { made, need, reals, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';
import { lessZeroPoint, requantize } from '#runtimes/interpreter/integers.ts';
import { einsum, multiply, turned, type Matrix, type Product } from '#runtimes/interpreter/products.ts';

function matrix(dense: Dense): Matrix {
  return { values: reals(dense), shape: dense.shape };
}

/** Operands of an integer product less their zero points: of A one for all or one a row, of B one a column. */
export function integerOperands(
  a: Dense,
  aZero: Dense | undefined,
  b: Dense,
  bZero: Dense | undefined,
): readonly [Matrix, Matrix] {
  return [
    { values: lessZeroPoint(a, aZero, Math.max(a.shape.length - 2, 0)), shape: a.shape },
    { values: lessZeroPoint(b, bZero, b.shape.length - 1), shape: b.shape },
  ];
}

/** alpha A B + beta C, of which A and B may be turned. */
function gemm(call: Call, a: Matrix, b: Matrix, c: Dense | undefined): Product {
  const left = call.int('transA', 0) === 0 ? a : turned(a);
  const right = call.int('transB', 0) === 0 ? b : turned(b);
  const product = multiply(left, right);
  const [alpha, beta] = [call.float('alpha', 1), call.float('beta', 1)];
  const added = c === undefined ? undefined : reals(c);
  const index = c === undefined ? undefined : broadcastIndex(c.shape, product.shape);
  const values = product.values.map(
    (value, at) => alpha * value + (index === undefined ? 0 : beta * (added?.[index(at)] ?? 0)),
  );
  return { values, shape: product.shape };
}

/** Determinant by elimination with the largest pivot. */
function determinant(values: readonly number[], size: number): number {
  const rows = Array.from({ length: size }, (_, row) => values.slice(row * size, (row + 1) * size));
  let result = 1;
  for (let column = 0; column < size; column++) {
    let best = column;
    for (let row = column; row < size; row++) {
      if (Math.abs(rows[row]?.[column] ?? 0) > Math.abs(rows[best]?.[column] ?? 0)) best = row;
    }
    const [pivot, top] = [rows[best] ?? [], rows[column] ?? []];
    const lead = pivot[column] ?? 0;
    if (lead === 0) return 0;
    if (best !== column) {
      rows[best] = top;
      rows[column] = pivot;
      result = -result;
    }
    result *= lead;
    for (let row = column + 1; row < size; row++) {
      const factor = (rows[row]?.[column] ?? 0) / lead;
      rows[row] = (rows[row] ?? []).map((value, at) => value - factor * (pivot[at] ?? 0));
    }
  }
  return result;
}

const fusedGemm: Evaluate = (call) => {
  const a = need(call, 0);
  const { values, shape } = gemm(call, matrix(a), matrix(need(call, 1)), call.dense(2));
  const activate = activationOf(call.string('activation', ''), [
    call.float('activation_alpha', 1),
    call.float('activation_beta', 0),
  ]);
  return [made(a.dtype, shape, values.map(activate))];
};

/** transBatch moves the axis before the last two to the front of the batch; only plain turning is covered. */
const fusedMatMul: Evaluate = (call) => {
  if (call.int('transBatchA', 0) !== 0 || call.int('transBatchB', 0) !== 0) return undefined;
  const [a, b] = [need(call, 0), need(call, 1)];
  const left = call.int('transA', 0) === 0 ? matrix(a) : turned(matrix(a));
  const right = call.int('transB', 0) === 0 ? matrix(b) : turned(matrix(b));
  const { values, shape } = multiply(left, right);
  const alpha = call.float('alpha', 1);
  return [
    made(
      a.dtype,
      shape,
      values.map((value) => alpha * value),
    ),
  ];
};

export const matrixEvaluations: Evaluations = {
  MatMul: (call) => {
    const a = need(call, 0);
    const { values, shape } = multiply(matrix(a), matrix(need(call, 1)));
    return [made(a.dtype, shape, values)];
  },
  Gemm: (call) => {
    const a = need(call, 0);
    const { values, shape } = gemm(call, matrix(a), matrix(need(call, 1)), call.dense(2));
    return [made(a.dtype, shape, values)];
  },
  Einsum: (call) => {
    const operands = Array.from({ length: call.inputCount }, (_, input) => need(call, input));
    const { values, shape } = einsum(call.string('equation', ''), operands.map(matrix));
    return [made(operands[0]?.dtype ?? 'f32', shape, values)];
  },
  MatMulInteger: (call) => {
    const [a, b] = integerOperands(need(call, 0), call.dense(2), need(call, 1), call.dense(3));
    const { values, shape } = multiply(a, b);
    return [made('i32', shape, values)];
  },
  QLinearMatMul: (call) => {
    const [a, b] = integerOperands(need(call, 0), call.dense(2), need(call, 3), call.dense(5));
    const { values, shape } = multiply(a, b);
    const columns = b.shape.at(-1) ?? 1;
    const scales = { a: need(call, 1), b: need(call, 4), out: need(call, 6), zero: need(call, 7) };
    return [requantize(values, shape, scales, (at) => at % columns)];
  },
  'com.microsoft.FusedMatMul': fusedMatMul,
  'com.microsoft.FusedGemm': fusedGemm,
  Det: (call) => {
    const x = need(call, 0);
    const size = x.shape.at(-1) ?? 0;
    const area = size * size;
    const batch = x.shape.slice(0, -2);
    const values = Array.from(reals(x));
    const results = Array.from({ length: countOf(batch) }, (_, at) =>
      determinant(values.slice(at * area, (at + 1) * area), size),
    );
    return [made(x.dtype, batch, results)];
  },
};
