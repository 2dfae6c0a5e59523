/** Values of the reductions; sums run in double precision and are rounded once. */
import { countOf } from '#base/dtype.ts';
import { denseOf, isBig, type Dense } from '#ops/dense.ts';

interface Fold {
  readonly start: number;
  readonly step: (sum: number, value: number) => number;
  readonly end?: (sum: number, count: number) => number;
}

const FOLDS = {
  ReduceSum: { start: 0, step: (sum, x) => sum + x },
  ReduceMean: { start: 0, step: (sum, x) => sum + x, end: (sum, count) => sum / count },
  ReduceMax: { start: -Infinity, step: (sum, x) => Math.max(sum, x) },
  ReduceMin: { start: Infinity, step: (sum, x) => Math.min(sum, x) },
  ReduceProd: { start: 1, step: (sum, x) => sum * x },
  ReduceL1: { start: 0, step: (sum, x) => sum + Math.abs(x) },
  ReduceL2: { start: 0, step: (sum, x) => sum + x * x, end: Math.sqrt },
  ReduceLogSum: { start: 0, step: (sum, x) => sum + x, end: Math.log },
  ReduceLogSumExp: { start: 0, step: (sum, x) => sum + Math.exp(x), end: Math.log },
  ReduceSumSquare: { start: 0, step: (sum, x) => sum + x * x },
} satisfies Record<string, Fold>;

export type ReduceName = keyof typeof FOLDS;

/** Integers stay exact up to 2^53; a 64-bit result beyond it is not given. */
export function evaluateReduce(
  name: ReduceName,
  x: Dense,
  axes: readonly number[],
  keepDims: boolean,
): Dense | undefined {
  const fold: Fold = FOLDS[name];
  const whole = !(x.data instanceof Float32Array || x.data instanceof Float64Array);
  if (whole && (fold.end !== undefined || countOf(x.shape) === 0)) return undefined;
  const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const sums = new Float64Array(countOf(kept)).fill(fold.start);
  const steps = strides(kept).map((step, axis) => (axes.includes(axis) ? 0 : step));
  for (let at = 0; at < x.data.length; at++) {
    let rest = at;
    let into = 0;
    for (let axis = x.shape.length - 1; axis >= 0; axis--) {
      const size = x.shape[axis] ?? 1;
      into += (rest % size) * (steps[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    sums[into] = fold.step(sums[into] ?? 0, Number(x.data[at]));
  }
  // Powers beyond a double need the largest taken off first, which is left to a runtime.
  if (name === 'ReduceLogSumExp' && sums.includes(Infinity)) return undefined;
  const count = sums.length === 0 ? 0 : x.data.length / sums.length;
  if (fold.end !== undefined) for (let at = 0; at < sums.length; at++) sums[at] = fold.end(sums[at] ?? 0, count);
  if (isBig(x.data) && sums.some((sum) => Math.abs(sum) > Number.MAX_SAFE_INTEGER)) return undefined;
  const shape = keepDims ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
  return denseOf(x.dtype, shape, sums);
}

/** Distance in elements between neighbours along each axis, row-major. */
export function strides(shape: readonly number[]): number[] {
  const steps = Array.from({ length: shape.length }, () => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) steps[axis] = (steps[axis + 1] ?? 1) * (shape[axis + 1] ?? 1);
  return steps;
}
