/**
 * Emits operators of ONNX on operands with views. Operators that do not mind the order of axes run on values as they lie, with their
 * axes and settings turned; others get their inputs in the source's order.
 */
import type { ValueId } from '#ir/model.ts';
import type { Workbench } from './workbench.ts';
import { frontAxis } from '#ops/dims.ts';
import { intOf, intsOf } from './attrs.ts';
import { layoutRuleOf } from './layout-rules.ts';
import type { AttrInput, NodeOptions, Operand } from './lowering.ts';
import { placeOf, toPlaces, view, withoutAxes, type View } from './views.ts';

type Inputs = readonly (Operand | null)[];

export function lowerNode(bench: Workbench, op: string, inputs: Inputs, options: NodeOptions): readonly Operand[] {
  const rule = layoutRuleOf(options.domain ?? '', op);
  const [first] = inputs;
  if (op === 'Transpose' && first != null) {
    return [bench.transpose(first, intsOf(options.attrs?.['perm']) ?? reversed(bench.rank(first)))];
  }
  if (op === 'Reshape' && first != null && inputs[1] != null && options.attrs === undefined) {
    return [bench.reshape(first, inputs[1], { name: options.name, ...outputOf(options) })];
  }
  if (rule === undefined || inputs.every((one) => one?.view === undefined)) return asLaid(bench, op, inputs, options);
  switch (rule.kind) {
    case 'elementwise':
      return elementwise(bench, op, inputs, options) ?? asLaid(bench, op, inputs, options);
    case 'axis':
      return alongAxis(bench, op, inputs, options, rule) ?? asLaid(bench, op, inputs, options);
    default:
      return first?.view === undefined
        ? asLaid(bench, op, inputs, options)
        : (turned(bench, op, rule.kind, first, inputs, options) ?? asLaid(bench, op, inputs, options));
  }
}

function outputOf(options: NodeOptions): { readonly output?: string } {
  const name = options.outputs?.[0];
  return name === undefined || name === null ? {} : { output: name };
}

function reversed(rank: number): readonly number[] {
  return Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

/** Inputs in the source's order. */
function asLaid(bench: Workbench, op: string, inputs: Inputs, options: NodeOptions): readonly Operand[] {
  const ids = inputs.map((one) => (one === null ? null : bench.materialize(one)));
  return bench.emit(op, ids, options).map((id) => ({ id }));
}

function seen(ids: readonly ValueId[], through: View): readonly Operand[] {
  return ids.map((id) => (through === undefined ? { id } : { id, view: through }));
}

/** The order that suits most elements among inputs of the result's full rank; computed ones decide, constants follow. */
function commonView(bench: Workbench, inputs: Inputs, rank: number): View {
  let best: { readonly view: View; readonly weight: number } | undefined;
  const weights = new Map<string, number>();
  for (const one of inputs) {
    if (one === null || bench.isConstant(one.id)) continue;
    const shape = bench.physicalShape(one.id);
    if (shape?.length !== rank) continue;
    // Sizes that are not known count as large, so that a batch never makes an image look small.
    const count = shape.reduce<number>((product, size) => product * (typeof size === 'number' ? size : 64), 1);
    const key = one.view?.join() ?? '';
    const weight = (weights.get(key) ?? 0) + count;
    weights.set(key, weight);
    const better = best === undefined || weight > best.weight || (weight === best.weight && one.view !== undefined);
    if (better) best = { view: one.view, weight };
  }
  return best?.view;
}

function elementwise(
  bench: Workbench,
  op: string,
  inputs: Inputs,
  options: NodeOptions,
): readonly Operand[] | undefined {
  const ranks = inputs.map((one) => (one === null ? 0 : (bench.physicalShape(one.id)?.length ?? -1)));
  if (ranks.includes(-1)) return undefined;
  const rank = Math.max(...ranks);
  const common = commonView(bench, inputs, rank);
  if (common === undefined) return undefined;
  const ids = inputs.map((one) => (one === null ? null : fitted(bench, one, common, rank)));
  return seen(bench.emit(op, ids, turnedTypes(options, common)), common);
}

/** An operand so that it broadcasts against values of `rank` axes that lie as `common` says. */
function fitted(bench: Workbench, operand: Operand, common: View, rank: number): ValueId {
  const shape = bench.shape(operand) ?? [];
  if (shape.every((size) => size === 1) && operand.view === undefined) return operand.id;
  if (shape.length === rank) return bench.materialize(operand, common);
  const missing = rank - shape.length;
  if (bench.isConstant(operand.id)) {
    const laid = bench.materialize(operand);
    const full = [...Array.from({ length: missing }, () => 1), ...(shape as readonly number[])];
    const relabeled = bench.relabeled(laid, full);
    if (relabeled !== undefined) {
      const moved = bench.materialize({ id: relabeled }, common);
      const lying = toPlaces(common, full);
      const leading = lying.findIndex((size) => size !== 1);
      return bench.relabeled(moved, lying.slice(leading)) ?? moved;
    }
  }
  const raised = bench.apply('Unsqueeze', [operand, bench.small(Array.from({ length: missing }, (_, axis) => axis))], {
    name: 'unsqueeze',
  });
  return bench.materialize(raised, common);
}

/** Given types are in the source's order; values are declared as they lie. */
function turnedTypes(options: NodeOptions, through: View): NodeOptions {
  if (options.types === undefined || through === undefined) return options;
  const types = options.types.map(({ dtype, shape }) => ({
    dtype,
    shape: shape === null || shape.length !== through.length ? null : toPlaces(through, shape),
  }));
  return { ...options, types };
}

function alongAxis(
  bench: Workbench,
  op: string,
  inputs: Inputs,
  options: NodeOptions,
  rule: { readonly otherwise: number; readonly along: 'first' | 'all' },
): readonly Operand[] | undefined {
  const given = inputs.filter((one) => one !== null);
  const along = rule.along === 'all' ? given : given.slice(0, 1);
  const [head] = along;
  if (head === undefined) return undefined;
  const rank = bench.physicalShape(head.id)?.length;
  if (rank === undefined || along.some((one) => bench.physicalShape(one.id)?.length !== rank)) return undefined;
  const common = commonView(bench, along, rank) ?? (along.length === 1 ? head.view : undefined);
  if (common === undefined) return undefined;
  const axis = placeOf(common, frontAxis(intOf(options.attrs?.['axis'], rule.otherwise), rank));
  const ids = inputs.map((one, at) => {
    if (one === null) return null;
    return bench.materialize(one, rule.along === 'all' || at === 0 ? common : undefined);
  });
  const attrs = { ...options.attrs, axis };
  return seen(bench.emit(op, ids, { ...turnedTypes(options, common), attrs }), common);
}

type TurnedKind = 'slice' | 'pad' | 'tile' | 'squeeze' | 'unsqueeze' | 'reduce' | 'gather' | 'arg' | 'linear';

/** Operators on one tensor that name axes in attributes or in inputs; undefined where those are not known. */
function turned(
  bench: Workbench,
  op: string,
  kind: TurnedKind,
  x: Operand,
  inputs: Inputs,
  options: NodeOptions,
): readonly Operand[] | undefined {
  const rank = bench.physicalShape(x.id)?.length;
  if (rank === undefined) return undefined;
  const settings = inputs.slice(1).map((one) => (one === null ? undefined : bench.numbers(one)));
  const laid = (at: number): ValueId | null => {
    const one = inputs[at] ?? null;
    return one === null ? null : bench.materialize(one);
  };
  const small = (list: readonly number[]): ValueId => bench.small(list).id;
  const emit = (
    ids: readonly (ValueId | null)[],
    through: View,
    attrs: Readonly<Record<string, AttrInput>> | undefined = options.attrs,
  ): readonly Operand[] =>
    seen(bench.emit(op, ids, { ...turnedTypes(options, through), ...(attrs === undefined ? {} : { attrs }) }), through);

  switch (kind) {
    case 'linear': {
      const scale = inputs[1] ?? null;
      const axis = frontAxis(intOf(options.attrs?.['axis'], 1), rank);
      const perAxis = scale !== null && bench.physicalShape(scale.id)?.length === 1;
      const attrs = perAxis ? { ...options.attrs, axis: placeOf(x.view, axis) } : options.attrs;
      return emit([x.id, ...inputs.slice(1).map((_, at) => laid(at + 1))], x.view, attrs);
    }
    case 'reduce':
    case 'arg': {
      const list = kind === 'arg' ? [intOf(options.attrs?.['axis'], 0)] : axesOf(options, inputs, settings, rank);
      if (list === undefined) return undefined;
      const axes = new Set(list.map((axis) => frontAxis(axis, rank)));
      const keeps = intOf(options.attrs?.['keepdims'], 1) !== 0;
      const places = [...axes].map((axis) => placeOf(x.view, axis));
      const through = keeps ? x.view : withoutAxes(x.view, axes);
      if (kind === 'arg') return emit([x.id], through, { ...options.attrs, axis: places[0] ?? 0 });
      return inputs.length > 1
        ? emit([x.id, small(places)], through)
        : emit([x.id], through, { ...options.attrs, axes: places });
    }
    case 'squeeze': {
      const axes = settings[0] ?? bench.shape(x)?.flatMap((size, axis) => (size === 1 ? [axis] : []));
      if (axes === undefined) return undefined;
      const gone = new Set(axes.map((axis) => frontAxis(axis, rank)));
      return emit([x.id, small([...gone].map((axis) => placeOf(x.view, axis)))], withoutAxes(x.view, gone));
    }
    case 'unsqueeze': {
      const [axes] = settings;
      if (axes === undefined) return undefined;
      const { places, through } = unsqueezed(x.view, rank, axes);
      return emit([x.id, small(places)], through);
    }
    case 'slice': {
      const [starts, ends, axes, steps] = settings;
      if (starts === undefined || (inputs[3] != null && axes === undefined)) return undefined;
      const named = axes ?? starts.map((_, at) => at);
      const places = named.map((axis) => placeOf(x.view, frontAxis(axis, rank)));
      if (ends === undefined && inputs[2] == null) return undefined;
      const stepsId = steps === undefined ? (inputs[4] == null ? [] : [laid(4)]) : [small(steps)];
      return emit([x.id, laid(1), laid(2), small(places), ...stepsId], x.view);
    }
    case 'pad': {
      const [pads] = settings;
      if (pads === undefined || pads.length !== 2 * rank || inputs[3] != null) return undefined;
      const turnedPads = [...toPlaces(x.view, pads.slice(0, rank)), ...toPlaces(x.view, pads.slice(rank))];
      return emit([x.id, small(turnedPads), ...(inputs.length > 2 ? [laid(2)] : [])], x.view);
    }
    case 'tile': {
      const [repeats] = settings;
      if (repeats?.length !== rank) return undefined;
      return emit([x.id, small(toPlaces(x.view, repeats))], x.view);
    }
    case 'gather': {
      const indices = inputs[1] ?? null;
      const indexRank = indices === null ? undefined : bench.physicalShape(indices.id)?.length;
      if (indexRank === undefined || indexRank > 1) return undefined;
      const axis = frontAxis(intOf(options.attrs?.['axis'], 0), rank);
      const through = indexRank === 1 ? x.view : withoutAxes(x.view, new Set([axis]));
      return emit([x.id, laid(1)], through, { ...options.attrs, axis: placeOf(x.view, axis) });
    }
  }
}

function axesOf(
  options: NodeOptions,
  inputs: Inputs,
  settings: readonly (readonly number[] | undefined)[],
  rank: number,
): readonly number[] | undefined {
  const named = intsOf(options.attrs?.['axes']);
  if (named !== undefined) return named;
  if (inputs[1] != null) return settings[0];
  return Array.from({ length: rank }, (_, axis) => axis);
}

/**
 * Where new axes go: before the place of the axis that follows them in the source, so that one that a convolution over one axis adds
 * (batch, 1, time, channels) lies beside its neighbour (batch, channels, 1, time).
 */
function unsqueezed(
  of: View,
  rank: number,
  axes: readonly number[],
): { readonly places: readonly number[]; readonly through: View } {
  const full = rank + axes.length;
  const added = new Set(axes.map((axis) => frontAxis(axis, full)));
  // The axes of the result in the order in which they will lie, named by the source.
  const kept = Array.from({ length: full }, (_, axis) => axis).filter((axis) => !added.has(axis));
  const lying: number[] = [];
  for (const [old, axis] of kept.entries()) lying[placeOf(of, old)] = axis;
  for (const axis of [...added].toSorted((a, b) => b - a)) {
    const next = lying.indexOf(axis + 1);
    lying.splice(next === -1 ? lying.length : next, 0, axis);
  }
  return {
    places: lying.flatMap((axis, place) => (added.has(axis) ? [place] : [])),
    through: view(lying.map((_, axis) => lying.indexOf(axis))),
  };
}
