/** Reshape with sizes that are known, partly known (named sizes), or computed; spared where it changes nothing. */
import type { Dim, Shape } from '#ir/model.ts';
import type { Workbench } from '#formats/lowering/workbench.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { keepsSequence } from '#formats/lowering/views.ts';
import { elementsOf } from '#ops/dims.ts';

export function reshape(
  bench: Workbench,
  x: Operand,
  sizes: readonly number[] | Operand,
  options: { readonly name: string; readonly output?: string },
): Operand {
  const from = bench.shape(x);
  const list = 'id' in sizes ? bench.elements(sizes) : sizes;
  const nodeOptions = { name: options.name, outputs: [options.output ?? options.name] };
  const target = list === undefined ? undefined : targetOf(list, from);
  if (target === undefined) {
    const shape = 'id' in sizes ? bench.materialize(sizes) : bench.small(sizes).id;
    const wide = bench.dtype({ id: shape }) === 'i64' ? shape : widened(bench, shape, options.name);
    const [made] = bench.emit('Reshape', [bench.materialize(x), wide], nodeOptions);
    return { id: made! };
  }
  if (from !== null && list !== undefined && sameShape(from, list)) return x;
  if (bench.isConstant(x.id) && target.every((size) => size > 0)) {
    const relabeled = bench.relabeled(bench.materialize(x), target);
    if (relabeled !== undefined) return { id: relabeled };
  }
  // A 0 copies the size at the same axis: it must be the same axis of the value as it lies.
  const direct =
    from !== null &&
    keepsSequence(x.view, from) &&
    target.every((size, at) => size !== 0 || (x.view?.[at] ?? at) === at);
  const thin = direct || from === null ? undefined : onesOnly(from, target);
  if (thin !== undefined) return withOnes(bench, x, thin, nodeOptions);
  const attrs = list!.includes(0) ? { allowzero: 1 } : undefined;
  const [made] = bench.emit('Reshape', [direct ? x.id : bench.materialize(x), bench.small(target).id], {
    ...nodeOptions,
    ...(attrs === undefined ? {} : { attrs }),
  });
  if (!direct && isFlattening(x, from, target)) bench.noteFlattened(made!, x);
  return { id: made! };
}

/** Axes of size 1 that go, and those that come. */
interface Ones {
  readonly gone: readonly number[];
  readonly added: readonly number[];
}

/** Where only axes of size 1 come and go, which ones: then the value stays as it lies, and its view with it. */
function onesOnly(from: Shape, target: readonly number[]): Ones | undefined {
  const [gone, added]: [number[], number[]] = [[], []];
  let at = 0;
  for (const [axis, size] of target.entries()) {
    while (from[at] === 1 && size !== 1 && at < from.length) gone.push(at++);
    // What is left open is the one size that is not a number: the rest decides whether it fits.
    const same = at < from.length && (from[at] === size || (size <= 0 && typeof from[at] === 'string'));
    if (same) at++;
    else if (size === 1) added.push(axis);
    else return undefined;
  }
  while (from[at] === 1) gone.push(at++);
  return at === from.length ? { gone, added } : undefined;
}

function withOnes(
  bench: Workbench,
  x: Operand,
  { gone, added }: Ones,
  options: { readonly name: string; readonly outputs: readonly string[] },
): Operand {
  const squeezed =
    gone.length === 0
      ? x
      : bench.apply(
          'Squeeze',
          [x, bench.small(gone)],
          added.length === 0 ? options : { name: `${options.name}/squeeze` },
        );
  return added.length === 0 ? squeezed : bench.apply('Unsqueeze', [squeezed, bench.small(added)], options);
}

/** Whether a batch of anything becomes a batch of vectors: a dense layer behind it can take its weights in another order instead. */
function isFlattening(x: Operand, from: Shape | null, target: readonly number[]): boolean {
  if (from === null || x.view?.[0] !== 0 || target.length !== 2) return false;
  const length = elementsOf(from.slice(1));
  if (length === null) return false;
  return target[1] === length || (target[1] === -1 && (target[0] === from[0] || target[0] === 0));
}

function widened(bench: Workbench, id: Operand['id'], name: string): Operand['id'] {
  const [made] = bench.emit('Cast', [id], { name: `${name}_shape`, attrs: { to: 7 } });
  return made!;
}

/**
 * The list that holds for every run: numbers as they are, an axis that keeps its named size as 0 (copied), one other open size as -1.
 * Undefined when more than one size stays open.
 */
function targetOf(list: readonly Dim[], from: Shape | null): readonly number[] | undefined {
  const open = list.flatMap((size, at) => (typeof size === 'number' && size >= 0 ? [] : [at]));
  if (open.length <= 1) return list.map((size) => (typeof size === 'number' ? size : -1));
  // Zero means "copied" here, so lists with a real size of 0 cannot be mixed with it.
  if (list.includes(0) || from === null) return undefined;
  const copied = list.map((size, at) => (typeof size === 'string' && size === from[at] ? 0 : size));
  const left = copied.filter((size) => typeof size !== 'number' || size < 0);
  if (left.length > 1) return undefined;
  return copied.map((size) => (typeof size === 'number' ? size : -1));
}

function sameShape(from: Shape, list: readonly Dim[]): boolean {
  return from.length === list.length && from.every((size, at) => size !== null && size === list[at]);
}
