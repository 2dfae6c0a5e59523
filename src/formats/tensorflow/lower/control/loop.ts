/**
 * While. Recurrent layers of Keras are lifted to LSTM, GRU and RNN; every other loop becomes ONNX's Loop: variables that change are
 * carried, those that do not are read from around it, and lists that get an item in each round become its scan outputs.
 */
import type { Lowering, NodeOptions, Operand } from '#formats/lowering/lowering.ts';
import { cast, type Row, type TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand, type Held, type TfList } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import type { Graph, Shape } from '#ir/model.ts';
import type { DType } from '#base/dtype.ts';
import { agreed, truth } from './branches.ts';
import { itemsOf } from './lists.ts';
import { bodyFor, planOf, type LoopPlan, type Variable } from './loop-plan.ts';
import { liftRecurrent } from './recurrent.ts';

interface Typed {
  readonly dtype: DType;
  readonly shape: Shape | null;
}

/** One variable that goes from round to round as a tensor. */
interface Carried {
  readonly at: number;
  readonly initial: Operand;
  readonly dtype: DType;
}

function loop(call: TfCall): readonly Held[] {
  const plan = planOf(call);
  return liftRecurrent(call, plan) ?? asLoop(call, plan);
}

function asLoop(call: TfCall, plan: LoopPlan): readonly Held[] {
  const { lowering } = call;
  const carried = plan.variables.flatMap((variable, at) => carriedOf(call, variable, at));
  const scans = plan.variables.flatMap((variable, at) => (variable.kind === 'scan' ? [at] : []));
  let shapes = carried.map(({ initial }) => lowering.shape(initial));
  let built = build(call, plan, carried, scans, shapes);
  // Sizes that change from round to round are not known inside either.
  for (let tries = 0; tries < 3 && built.shapes.some((shape, at) => differs(shape, shapes[at] ?? null)); tries++) {
    shapes = shapes.map((shape, at) => (tries === 2 ? null : agreed(shape, built.shapes[at] ?? null)));
    built = build(call, plan, carried, scans, shapes);
  }
  const start = call.scope.run(plan.condition.body, plan.initial)[0];
  if (start === undefined || !isOperand(start)) throw new Inexpressible('Its condition is no tensor.');
  const condition = scalarOf(lowering, truth(lowering, start, call.name), `${call.name}/condition`);
  const types: NonNullable<NodeOptions['types']> = [
    ...carried.map(({ dtype }, at) => ({ dtype, shape: shapes[at] ?? null })),
    ...built.items.map(({ dtype, shape }) => ({ dtype, shape: shape === null ? null : [null, ...shape] })),
  ];
  const names = [...carried.map(({ at }) => at), ...scans].map((at) => call.outputName(at));
  const results = lowering.node('Loop', [null, condition, ...carried.map(({ initial }) => initial)], {
    name: call.name,
    outputs: names,
    attrs: { body: { graph: built.graph } },
    types,
  });
  return plan.variables.map((variable, at): Held => {
    const place = carried.findIndex((one) => one.at === at);
    const result = place >= 0 ? results[place] : results[carried.length + scans.indexOf(at)];
    switch (variable.kind) {
      case 'fixed':
        return variable.held;
      case 'idle':
        return { kind: 'dead' };
      case 'carried':
        return result!;
      case 'scan':
        return { ...variable.list, items: filledUp(call, result!, variable.list, at), count: null };
      default:
        return { ...variable.list, items: result!, count: null };
    }
  });
}

function differs(a: Shape | null, b: Shape | null): boolean {
  return (
    b !== null && (a === null || a.length !== b.length || b.some((size, axis) => size !== null && size !== a[axis]))
  );
}

function scalarOf(lowering: Lowering, operand: Operand, name: string): Operand {
  return lowering.shape(operand)?.length === 0 ? operand : lowering.reshape(operand, [], { name });
}

function carriedOf(call: TfCall, variable: Variable, at: number): readonly Carried[] {
  const { lowering } = call;
  if (variable.kind === 'carried') {
    const dtype = lowering.dtype(variable.initial);
    if (dtype === null) throw new Inexpressible('The type of one of its variables is not known.');
    return [{ at, initial: variable.initial, dtype }];
  }
  if (variable.kind === 'list') {
    return [{ at, initial: itemsOf(call, variable.list), dtype: variable.list.dtype }];
  }
  if (variable.kind === 'slot') {
    // Written before it is read: what it starts with matters to no one.
    const { item, dtype } = variable.list;
    if (item === null) throw new Inexpressible('The rank of what it writes is not known.');
    const sizes = lowering.small([1, ...item.map((size) => size ?? 1)]);
    return [{ at, initial: call.step(`empty_${at}`, 'Expand', [lowering.small(0, dtype), sizes]), dtype }];
  }
  return [];
}

interface Built {
  readonly graph: Graph;
  /** Shapes of the carried variables after a round. */
  readonly shapes: readonly (Shape | null)[];
  readonly items: readonly Typed[];
}

function build(
  call: TfCall,
  plan: LoopPlan,
  carried: readonly Carried[],
  scans: readonly number[],
  shapes: readonly (Shape | null)[],
): Built {
  const after: (Shape | null)[] = [];
  const items: Typed[] = [];
  const inputs = [
    { name: 'round', dtype: 'i64' as const, shape: [] },
    { name: 'going', dtype: 'bool' as const, shape: [] },
    ...carried.map(({ at, dtype }, place) => ({
      name: plan.body.body.inputs[at]?.name ?? `variable_${at}`,
      dtype,
      shape: shapes[place] ?? null,
    })),
  ];
  const graph = call.lowering.subgraph(call.name, inputs, (inside, [, , ...values]) => {
    const changing = [...carried.map(({ at }) => at), ...scans];
    const before = plan.variables.map((variable, at) =>
      valueOf(variable, values[carried.findIndex((one) => one.at === at)]),
    );
    const made = call.scope.run(bodyFor(plan.body.body, changing), before, inside);
    const next = plan.variables.map((variable, at): Held => {
      const place = changing.indexOf(at);
      return place < 0 ? (before[at] ?? { kind: 'dead' }) : (made[place] ?? { kind: 'dead' });
    });
    const going = call.scope.run(plan.condition.body, next, inside)[0];
    if (going === undefined || !isOperand(going)) throw new Inexpressible('Its condition is no tensor.');
    const tensors = carried.map(({ at, dtype }): Operand => {
      const operand = tensorOf(next[at]);
      after.push(inside.shape(operand));
      return cast(inside, operand, dtype, `${call.name}/carried_${at}`);
    });
    const rows = scans.map((at): Operand => {
      const list = next[at];
      const written = list !== undefined && 'kind' in list && list.kind === 'list' ? list.scan?.written : null;
      if (written === null || written === undefined)
        throw new Inexpressible('One of its lists is not written in each round.');
      const dtype = plan.variables[at]?.kind === 'scan' ? plan.variables[at].list.dtype : 'f32';
      const item = cast(inside, written, dtype, `${call.name}/item_${at}`);
      items.push({ dtype, shape: inside.shape(item) });
      return item;
    });
    return [scalarOf(inside, truth(inside, going, call.name), `${call.name}/going`), ...tensors, ...rows];
  });
  return { graph, shapes: after, items };
}

/** What the body finds in a variable at the start of a round. */
function valueOf(variable: Variable, value: Operand | undefined): Held {
  switch (variable.kind) {
    case 'fixed':
      return variable.held;
    case 'idle':
      return { kind: 'dead' };
    case 'carried':
      return value ?? { kind: 'dead' };
    case 'scan':
      return { ...variable.list, scan: { written: null } };
    case 'slot':
      return { ...variable.list, items: value ?? null };
    case 'list':
      return { ...variable.list, items: value ?? null, count: null };
  }
}

function tensorOf(held: Held | undefined): Operand {
  if (held !== undefined && isOperand(held)) return held;
  if (held !== undefined && 'kind' in held && held.kind === 'list' && held.items !== null) return held.items;
  throw new Inexpressible('It carries something that is no tensor from round to round.');
}

/** A list may have more places than there were rounds: those hold zeros. */
function filledUp(call: TfCall, items: Operand, list: TfList, at: number): Operand {
  const { lowering } = call;
  const rank = lowering.shape(items)?.length;
  const places = list.count === null ? undefined : lowering.numbers(list.count)?.[0];
  if (places === 0 || list.count === null || rank === undefined) return items;
  const shape = call.step(`rounds_shape_${at}`, 'Shape', [items]);
  const zero = lowering.small([0]);
  const rounds = call.step(`rounds_${at}`, 'Slice', [shape, zero, lowering.small([1]), zero]);
  const count = lowering.reshape(list.count, [1], { name: `${call.name}/places_${at}` });
  const missing = call.step(`missing_${at}`, 'Max', [call.step(`left_${at}`, 'Sub', [count, rounds]), zero]);
  const none = lowering.small(Array.from({ length: rank }, () => 0));
  const rest = rank > 1 ? [lowering.small(Array.from({ length: rank - 1 }, () => 0))] : [];
  return call.step(`filled_${at}`, 'Pad', [
    items,
    call.step(`pads_${at}`, 'Concat', [none, missing, ...rest], { axis: 0 }),
  ]);
}

export const loopRows: readonly (readonly [string, Row])[] = [
  ['While', loop],
  ['StatelessWhile', loop],
];
