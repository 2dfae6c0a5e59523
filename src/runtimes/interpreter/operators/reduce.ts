/** Values of reductions that the operator table leaves open: means and norms of integers, and the positions of extremes. */
import { countOf } from '#base/dtype.ts';
import { isBig, type Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { reducedAxes } from '#ops/families/reduce.ts';
import { broadcastIndex } from '#ops/evaluate/elementwise.ts';
import type { Call } from '#ops/call.ts';
import { around, made, need, reals, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';

/** The first (or last) position of the largest element along an axis. */
function extreme(call: Call, sign: 1 | -1): readonly Dense[] {
  const x = need(call, 0);
  const axis = frontAxis(call.int('axis', 0), x.shape.length);
  const { outer, size, inner } = around(x.shape, axis);
  const last = call.int('select_last_index', 0) !== 0;
  const data = reals(x);
  const out: number[] = [];
  for (let run = 0; run < outer * inner; run++) {
    const start = Math.floor(run / inner) * size * inner + (run % inner);
    let best = 0;
    for (let at = 1; at < size; at++) {
      const [value, leader] = [(data[start + at * inner] ?? 0) * sign, (data[start + best * inner] ?? 0) * sign];
      if (value > leader || (last && value === leader)) best = at;
    }
    out.push(best);
  }
  const keep = call.int('keepdims', 1) !== 0;
  const shape = x.shape.flatMap((one, at) => (at !== axis ? [one] : keep ? [1] : []));
  return [made('i64', shape, out)];
}

type Fold = (values: readonly number[]) => number;

const sum: Fold = (values) => values.reduce((total, value) => total + value, 0);

const FOLDS: Readonly<Record<string, Fold>> = {
  ReduceMean: (values) => sum(values) / values.length,
  ReduceL2: (values) => Math.sqrt(sum(values.map((value) => value * value))),
  ReduceLogSum: (values) => Math.log(sum(values)),
  ReduceLogSumExp: (values) => {
    const largest = values.reduce((top, value) => Math.max(top, value), -Infinity);
    if (!Number.isFinite(largest)) return largest;
    return largest + Math.log(sum(values.map((value) => Math.exp(value - largest))));
  },
  ReduceSum: sum,
  ReduceProd: (values) => values.reduce((product, value) => product * value, 1),
  ReduceSumSquare: (values) => sum(values.map((value) => value * value)),
  ReduceL1: (values) => sum(values.map(Math.abs)),
};

/** Of integers, truncated as a cast would; of nothing, the neutral element. */
function fold(rule: Fold): Evaluate {
  return (call) => {
    const x = need(call, 0);
    const axes = reducedAxes(call, x.shape.length);
    if (axes === null) return undefined;
    const kept = x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const groups = Array.from({ length: countOf(kept) }, (): number[] => []);
    const index = broadcastIndex(kept, x.shape);
    const data = reals(x);
    for (let at = 0; at < data.length; at++) groups[index(at)]?.push(data[at] ?? 0);
    const shape = call.int('keepdims', 1) !== 0 ? kept : x.shape.filter((_, axis) => !axes.includes(axis));
    const whole = isBig(x.data) || !(x.data instanceof Float32Array || x.data instanceof Float64Array);
    return [
      made(
        x.dtype,
        shape,
        groups.map((values) => (whole ? Math.trunc(rule(values)) : rule(values))),
      ),
    ];
  };
}

export const reduceEvaluations: Evaluations = {
  ArgMax: (call) => extreme(call, 1),
  ArgMin: (call) => extreme(call, -1),
  ...Object.fromEntries(Object.entries(FOLDS).map(([name, rule]) => [name, fold(rule)])),
};
