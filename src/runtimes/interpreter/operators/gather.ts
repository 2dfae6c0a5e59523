/** Values of operators that read or write at positions. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import { denseOf, isBig, type Dense, type Lanes } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { pick } from '#ops/evaluate/arrange.ts';
import { strides } from '#ops/evaluate/reduce.ts';
import {
  around,
  made,
  need,
  reals,
  refuse,
  scalarOf,
  wholes,
  type Evaluate,
  type Evaluations,
} from '#runtimes/interpreter/evaluation.ts';
import { suppress } from '#runtimes/interpreter/suppression.ts';
import { unique } from '#runtimes/interpreter/unique.ts';

/** A position counted from the front; one outside ends the run. */
function inside(call: Call, at: number, size: number): number {
  const front = at < 0 ? at + size : at;
  if (front < 0 || front >= size) refuse(call, `the position ${String(at)} lies outside an axis of ${String(size)}.`);
  return front;
}

function gatherElements(call: Call): readonly (Dense | undefined)[] {
  const [x, indices] = [need(call, 0), need(call, 1)];
  const axis = frontAxis(call.int('axis', 0), x.shape.length);
  const sources = elementPositions(call, x.shape, indices, axis);
  return [pick(x, indices.shape, (at) => sources[at] ?? 0)];
}

/** For each element of `indices`: the element of `shape` at the same place, but for the axis that it names. */
function elementPositions(call: Call, shape: readonly number[], indices: Dense, axis: number): readonly number[] {
  const steps = strides(shape);
  return Array.from(indices.data as ArrayLike<number | bigint>, (index, at) => {
    let rest = at;
    let position = 0;
    for (let one = shape.length - 1; one >= 0; one--) {
      const size = indices.shape[one] ?? 1;
      const along = one === axis ? inside(call, Number(index), shape[axis] ?? 1) : rest % size;
      position += along * (steps[one] ?? 1);
      rest = Math.floor(rest / size);
    }
    return position;
  });
}

/** Where the slices that GatherND and ScatterND name start. */
function slices(
  call: Call,
  shape: readonly number[],
  indices: Dense,
  batchDims: number,
): { readonly starts: readonly number[]; readonly size: number } {
  const depth = indices.shape.at(-1) ?? 1;
  const steps = strides(shape);
  const size = countOf(shape.slice(batchDims + depth));
  const count = countOf(indices.shape.slice(0, -1));
  const batches = countOf(shape.slice(0, batchDims));
  const perBatch = count / batches;
  const batchStep = countOf(shape.slice(batchDims));
  const starts = Array.from({ length: count }, (_, row) => {
    let start = Math.floor(row / perBatch) * batchStep;
    for (let at = 0; at < depth; at++) {
      const axis = batchDims + at;
      start += inside(call, Number(indices.data[row * depth + at] ?? 0), shape[axis] ?? 1) * (steps[axis] ?? 1);
    }
    return start;
  });
  return { starts, size };
}

function gatherDeep(call: Call): readonly (Dense | undefined)[] {
  const [x, indices] = [need(call, 0), need(call, 1)];
  const batchDims = call.int('batch_dims', 0);
  const { starts, size } = slices(call, x.shape, indices, batchDims);
  const depth = indices.shape.at(-1) ?? 1;
  const shape = [...indices.shape.slice(0, -1), ...x.shape.slice(batchDims + depth)];
  return [pick(x, shape, (at) => (starts[Math.floor(at / size)] ?? 0) + (at % size))];
}

/** What an update does to the element it meets. */
function combine(call: Call, out: Lanes, at: number, update: number | bigint): void {
  const reduction = call.string('reduction', 'none');
  if (isBig(out)) {
    const [old, next] = [out[at] ?? 0n, BigInt(update)];
    out[at] =
      reduction === 'add'
        ? old + next
        : reduction === 'mul'
          ? old * next
          : reduction === 'max'
            ? old > next
              ? old
              : next
            : reduction === 'min'
              ? old < next
                ? old
                : next
              : next;
    return;
  }
  const [old, next] = [out[at] ?? 0, Number(update)];
  out[at] =
    reduction === 'add'
      ? old + next
      : reduction === 'mul'
        ? old * next
        : reduction === 'max'
          ? Math.max(old, next)
          : reduction === 'min'
            ? Math.min(old, next)
            : next;
}

const scatterElements: Evaluate = (call) => {
  const [x, indices, updates] = [need(call, 0), need(call, 1), need(call, 2)];
  const axis = frontAxis(call.int('axis', 0), x.shape.length);
  const data = x.data.slice();
  for (const [at, position] of elementPositions(call, x.shape, indices, axis).entries()) {
    combine(call, data, position, updates.data[at] ?? 0);
  }
  return [{ ...x, data }];
};

const scatterDeep: Evaluate = (call) => {
  const [x, indices, updates] = [need(call, 0), need(call, 1), need(call, 2)];
  const { starts, size } = slices(call, x.shape, indices, 0);
  const data = x.data.slice();
  for (const [row, start] of starts.entries()) {
    for (let at = 0; at < size; at++) combine(call, data, start + at, updates.data[row * size + at] ?? 0);
  }
  return [{ ...x, data }];
};

/** Writes a run of rows into a cache from a position on, one position for each batch; `circular` wraps around. */
const tensorScatter: Evaluate = (call) => {
  const [cache, update] = [need(call, 0), need(call, 1)];
  const starts = wholes(call.dense(2));
  const axis = frontAxis(call.int('axis', -2), cache.shape.length);
  const { outer, size, inner } = around(cache.shape, axis);
  const length = update.shape[axis] ?? 0;
  const perBatch = outer / (cache.shape[0] ?? 1);
  const circular = call.string('mode', 'linear') === 'circular';
  const data = cache.data.slice();
  for (let o = 0; o < outer; o++) {
    const first = starts?.[Math.floor(o / perBatch)] ?? 0;
    for (let row = 0; row < length; row++) {
      const to = circular ? (first + row) % size : inside(call, first + row, size);
      for (let i = 0; i < inner; i++) {
        combine(call, data, (o * size + to) * inner + i, update.data[(o * length + row) * inner + i] ?? 0);
      }
    }
  }
  return [{ ...cache, data }];
};

/** The k largest (or smallest) along an axis; of equal ones the first. */
const topK: Evaluate = (call) => {
  const x = need(call, 0);
  const axis = frontAxis(call.int('axis', -1), x.shape.length);
  const k = call.opset < 10 ? call.int('k', 0) : scalarOf(call.dense(1), 0);
  const sign = call.int('largest', 1) === 0 ? -1 : 1;
  const { outer, size, inner } = around(x.shape, axis);
  if (k < 0 || k > size) refuse(call, `it keeps ${String(k)} of ${String(size)}.`);
  const data = reals(x);
  const shape = x.shape.map((one, at) => (at === axis ? k : one));
  const sources = Array.from({ length: countOf(shape) }, () => 0);
  const positions = Array.from({ length: sources.length }, () => 0);
  for (let run = 0; run < outer * inner; run++) {
    const [o, i] = [Math.floor(run / inner), run % inner];
    const start = o * size * inner + i;
    const order = Array.from({ length: size }, (_, at) => at).toSorted(
      (a, b) => sign * ((data[start + b * inner] ?? 0) - (data[start + a * inner] ?? 0)) || a - b,
    );
    for (const [at, from] of order.slice(0, k).entries()) {
      const to = (o * k + at) * inner + i;
      sources[to] = start + from * inner;
      positions[to] = from;
    }
  }
  return [pick(x, shape, (at) => sources[at] ?? 0), made('i64', shape, positions)];
};

/** Slices along an axis, or elements of the flat tensor, where the condition holds. */
const compress: Evaluate = (call) => {
  const [x, condition] = [need(call, 0), need(call, 1)];
  const flat = call.attr('axis') === undefined;
  const shape = flat ? [x.data.length] : x.shape;
  const axis = flat ? 0 : frontAxis(call.int('axis', 0), x.shape.length);
  const { size, inner } = around(shape, axis);
  const kept = Array.from(condition.data, Number).flatMap((one, at) => (one !== 0 && at < size ? [at] : []));
  const run = kept.length * inner;
  return [
    pick(
      x,
      shape.map((one, at) => (at === axis ? kept.length : one)),
      (at) => {
        const [o, rest] = [Math.floor(at / run), at % run];
        return (o * size + (kept[Math.floor(rest / inner)] ?? 0)) * inner + (rest % inner);
      },
    ),
  ];
};

/** Coordinates of the elements that are not zero, one row for each axis. */
const nonZero: Evaluate = (call) => {
  const x = need(call, 0);
  const found: number[] = [];
  for (const [at, value] of x.data.entries()) if (Number(value) !== 0) found.push(at);
  const steps = strides(x.shape);
  const rows = x.shape.map((size, axis) => found.map((at) => Math.floor(at / (steps[axis] ?? 1)) % size));
  return [denseOf('i64', [x.shape.length, found.length], rows.flat())];
};

/** A new axis on which the named position is on and all others are off; positions outside leave it off. */
const oneHot: Evaluate = (call) => {
  const [indices, values] = [need(call, 0), need(call, 2)];
  const depth = scalarOf(call.dense(1), 0);
  const axis = frontAxis(call.int('axis', -1), indices.shape.length + 1);
  const shape = [...indices.shape.slice(0, axis), depth, ...indices.shape.slice(axis)];
  const { inner } = around(shape, axis);
  const positions = Array.from(indices.data, Number).map((at) => (at < 0 ? at + depth : at));
  return [
    pick(values, shape, (at) => {
      const outer = Math.floor(at / (depth * inner));
      return Number(positions[outer * inner + (at % inner)] === Math.floor(at / inner) % depth);
    }),
  ];
};

export const gatherEvaluations: Evaluations = {
  GatherElements: gatherElements,
  GatherND: gatherDeep,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterDeep,
  TensorScatter: tensorScatter,
  TopK: topK,
  Compress: compress,
  Unique: unique,
  NonMaxSuppression: suppress,
  NonZero: nonZero,
  OneHot: oneHot,
};
