/** The different elements of a tensor, or different slices along an axis (ONNX specification, Unique). */
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { pick } from '#ops/evaluate/arrange.ts';
import { around, made, need } from './evaluation.ts';

export function unique(call: Call): readonly (Dense | undefined)[] {
  const x = need(call, 0);
  const flat = call.attr('axis') === undefined;
  const shape = flat ? [x.data.length] : x.shape;
  const axis = flat ? 0 : frontAxis(call.int('axis', 0), x.shape.length);
  const { outer, size, inner } = around(shape, axis);
  const sliceOf = (at: number): (number | bigint)[] =>
    Array.from(
      { length: outer * inner },
      (_, i) => x.data[(Math.floor(i / inner) * size + at) * inner + (i % inner)] ?? 0,
    );
  const groups: { readonly slice: readonly (number | bigint)[]; readonly first: number; count: number }[] = [];
  const groupOf: number[] = [];
  for (let at = 0; at < size; at++) {
    const slice = sliceOf(at);
    const known = groups.findIndex((group) => compare(group.slice, slice) === 0);
    const group = groups[known];
    if (group === undefined) groups.push({ slice, first: at, count: 1 });
    else group.count++;
    groupOf.push(known === -1 ? groups.length - 1 : known);
  }
  const order = groups.map((_, at) => at);
  if (call.int('sorted', 1) !== 0) order.sort((a, b) => compare(groups[a]?.slice ?? [], groups[b]?.slice ?? []));
  const kept = order.map((at) => groups[at]?.first ?? 0);
  const run = kept.length * inner;
  const y = pick(
    x,
    shape.map((one, at) => (at === axis ? kept.length : one)),
    (at) => {
      const rest = at % run;
      return (Math.floor(at / run) * size + (kept[Math.floor(rest / inner)] ?? 0)) * inner + (rest % inner);
    },
  );
  const place = order.map((_, at) => order.indexOf(at));
  return [
    y,
    made('i64', [kept.length], kept),
    made(
      'i64',
      [size],
      groupOf.map((group) => place[group] ?? 0),
    ),
    made(
      'i64',
      [kept.length],
      order.map((at) => groups[at]?.count ?? 0),
    ),
  ];
}

function compare(a: readonly (number | bigint)[], b: readonly (number | bigint)[]): number {
  for (const [at, left] of a.entries()) {
    const right = b[at] ?? 0;
    if (left !== right) return left < right ? -1 : 1;
  }
  return 0;
}
