/** Reductions along axes, and the positions of extremes. */
import type { Dim, Shape } from '#ir/model.ts';
import { addDims, frontAxis, largerDim, multiplyDims, smallerDim } from '#ops/dims.ts';
import { evaluateReduce, type ReduceName } from '#ops/evaluate/reduce.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';

/**
 * Axes to reduce: in an attribute before opset 18 (13 for ReduceSum), then in input 1; left out or empty, all of them,
 * unless `noop_with_empty_axes`. null: not known.
 */
export function reducedAxes(call: Call, rank: number): readonly number[] | null {
  const axes = call.setting('axes', 1);
  if (axes === null) return null;
  if (axes === undefined || axes.length === 0) {
    return call.int('noop_with_empty_axes', 0) !== 0 ? [] : Array.from({ length: rank }, (_, axis) => axis);
  }
  return axes.map((axis) => frontAxis(axis, rank));
}

function reducedShape(call: Call): Shape | null {
  const shape = call.shape(0);
  const keep = call.int('keepdims', 1) !== 0;
  if (shape === null) {
    const all = !keep && !call.has(1) && call.ints('axes') === undefined;
    return all ? [] : null;
  }
  const axes = reducedAxes(call, shape.length);
  if (axes === null) {
    if (keep) return shape.map(() => null);
    const count = call.shape(1)?.[0];
    return typeof count === 'number' ? Array.from({ length: shape.length - count }, () => null) : null;
  }
  const kept: Dim[] = [];
  for (const [axis, size] of shape.entries()) {
    if (!axes.includes(axis)) kept.push(size);
    else if (keep) kept.push(1);
  }
  return kept;
}

/** Reductions that hold on names too. */
const FOLLOWED: Readonly<Partial<Record<ReduceName, (a: Dim, b: Dim) => Dim>>> = {
  ReduceProd: multiplyDims,
  ReduceSum: addDims,
  ReduceMax: largerDim,
  ReduceMin: smallerDim,
};

function reduce(name: ReduceName): Operator {
  const rule = FOLLOWED[name];
  return {
    name,
    inputs: ['data', 'axes?'],
    outputs: ['reduced'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, reducedShape(call))],
    roles: () => [undefined, 'setting'],
    ...(rule === undefined
      ? {}
      : {
          follow: (call: Call) => {
            const [first, ...rest] = call.elements(0) ?? [];
            const axes = call.rank(0) === 1 ? reducedAxes(call, 1) : null;
            return [first === undefined || axes?.length !== 1 ? undefined : [rest.reduce(rule, first)]];
          },
        }),
    evaluate: (call) => {
      const x = call.dense(0);
      const axes = x === undefined ? null : reducedAxes(call, x.shape.length);
      if (x === undefined || axes === null) return undefined;
      return [evaluateReduce(name, x, axes, call.int('keepdims', 1) !== 0)];
    },
  };
}

function extreme(name: 'ArgMax' | 'ArgMin'): Operator {
  return {
    name,
    inputs: ['data'],
    outputs: ['reduced'],
    infer: (call) => {
      const shape = call.shape(0);
      if (shape === null) return [{ dtype: 'i64', shape: null }];
      const at = frontAxis(call.int('axis', 0), shape.length);
      const keep = call.int('keepdims', 1) !== 0;
      const left = shape.flatMap((size, axis): Dim[] => (axis !== at ? [size] : keep ? [1] : []));
      return [{ dtype: 'i64', shape: left }];
    },
  };
}

export const reduceOperators: readonly Operator[] = [
  reduce('ReduceSum'),
  reduce('ReduceMean'),
  reduce('ReduceMax'),
  reduce('ReduceMin'),
  reduce('ReduceProd'),
  reduce('ReduceL1'),
  reduce('ReduceL2'),
  reduce('ReduceLogSum'),
  reduce('ReduceLogSumExp'),
  reduce('ReduceSumSquare'),
  extreme('ArgMax'),
  extreme('ArgMin'),
];
