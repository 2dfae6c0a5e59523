/** Values of the operators that move elements: every one is a copy, so results are exact for any element type. */
import { countOf } from '#base/dtype.ts';
import { broadcastIndex } from './elementwise.ts';
import { strides } from './reduce.ts';
import { isBig, lanesFor, type Dense } from '#ops/dense.ts';

export interface Span {
  readonly start: number;
  readonly step: number;
  readonly count: number;
}

/** A tensor whose element at each position is read from `source(position)`. */
export function pick(x: Dense, shape: readonly number[], source: (at: number) => number): Dense | undefined {
  const out = lanesFor(x.dtype, countOf(shape));
  if (out === undefined) return undefined;
  if (isBig(out) && isBig(x.data)) for (let at = 0; at < out.length; at++) out[at] = x.data[source(at)] ?? 0n;
  else if (!isBig(out) && !isBig(x.data)) for (let at = 0; at < out.length; at++) out[at] = x.data[source(at)] ?? 0;
  return { dtype: x.dtype, shape, data: out };
}

/** As `pick`, with an offset and a step in the source along each axis of the result. */
function walk(x: Dense, shape: readonly number[], offset: number, steps: readonly number[]): Dense | undefined {
  return pick(x, shape, (at) => {
    let rest = at;
    let from = offset;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      from += (rest % size) * (steps[axis] ?? 0);
      rest = Math.floor(rest / size);
    }
    return from;
  });
}

export function transposeAll(x: Dense, order: readonly number[]): Dense | undefined {
  const own = strides(x.shape);
  const shape = order.map((axis) => x.shape[axis] ?? 1);
  return walk(
    x,
    shape,
    0,
    order.map((axis) => own[axis] ?? 1),
  );
}

export function sliceAll(x: Dense, spans: readonly Span[]): Dense | undefined {
  const own = strides(x.shape);
  const offset = spans.reduce((sum, span, axis) => sum + span.start * (own[axis] ?? 1), 0);
  return walk(
    x,
    spans.map((span) => span.count),
    offset,
    spans.map((span, axis) => span.step * (own[axis] ?? 1)),
  );
}

export function splitAll(x: Dense, axis: number, sizes: readonly number[]): readonly (Dense | undefined)[] {
  let start = 0;
  return sizes.map((count) => {
    const spans = x.shape.map((size, at): Span =>
      at === axis ? { start, step: 1, count } : { start: 0, step: 1, count: size },
    );
    start += count;
    return sliceAll(x, spans);
  });
}

export function concatAll(parts: readonly Dense[], axis: number): Dense | undefined {
  const [head] = parts;
  if (head === undefined) return undefined;
  const total = parts.reduce((sum, part) => sum + (part.shape[axis] ?? 0), 0);
  const shape = head.shape.map((size, at) => (at === axis ? total : size));
  const out = lanesFor(head.dtype, countOf(shape));
  if (out === undefined) return undefined;
  const inner = countOf(shape.slice(axis + 1));
  const rows = countOf(shape.slice(0, axis));
  let column = 0;
  for (const part of parts) {
    const run = (part.shape[axis] ?? 0) * inner;
    for (let row = 0; row < rows; row++) {
      const piece = part.data.subarray(row * run, (row + 1) * run);
      const at = row * total * inner + column;
      if (isBig(out) && isBig(piece)) out.set(piece, at);
      else if (!isBig(out) && !isBig(piece)) out.set(piece, at);
    }
    column += run;
  }
  return { dtype: head.dtype, shape, data: out };
}

export function tileAll(x: Dense, repeats: readonly number[]): Dense | undefined {
  const shape = x.shape.map((size, axis) => size * (repeats[axis] ?? 1));
  const own = strides(x.shape);
  return pick(x, shape, (at) => {
    let rest = at;
    let from = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      from += ((rest % size) % (x.shape[axis] ?? 1)) * (own[axis] ?? 1);
      rest = Math.floor(rest / size);
    }
    return from;
  });
}

export function expandTo(x: Dense, shape: readonly number[]): Dense | undefined {
  return pick(x, shape, broadcastIndex(x.shape, shape));
}

/** Rows of `x` along `axis` at the given positions; negative ones count from the end. undefined when one is outside. */
export function gatherAll(x: Dense, indices: Dense, axis: number): Dense | undefined {
  const size = x.shape[axis] ?? 1;
  const inner = countOf(x.shape.slice(axis + 1));
  const positions = Array.from(indices.data as ArrayLike<number | bigint>, (one) => {
    const at = Number(one);
    return at < 0 ? at + size : at;
  });
  if (positions.some((at) => at < 0 || at >= size)) return undefined;
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  const picked = positions.length * inner;
  return pick(x, shape, (at) => {
    const outer = Math.floor(at / picked);
    const rest = at % picked;
    return (outer * size + (positions[Math.floor(rest / inner)] ?? 0)) * inner + (rest % inner);
  });
}
