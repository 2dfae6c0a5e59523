/** What the variables of a While do from round to round. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand, type Held, type TfList } from '#formats/tensorflow/lower/held.ts';
import { Inexpressible } from '#formats/tensorflow/lower/inexpressible.ts';
import type { TfBody, TfRef } from '#formats/tensorflow/graph.ts';
import { BodyView } from './body-view.ts';

/**
 * `fixed`: the same in every round. `carried`: handed from round to round. `scan`: a list that gets one item in each round, in
 * order. `slot`: a list of one place that is written anew in each round. `idle`: nobody needs it.
 */
export type Variable =
  | { readonly kind: 'fixed'; readonly held: Held }
  | { readonly kind: 'carried'; readonly initial: Operand }
  | { readonly kind: 'list'; readonly list: TfList }
  | { readonly kind: 'scan'; readonly list: TfList }
  | { readonly kind: 'slot'; readonly list: TfList }
  | { readonly kind: 'idle' };

/** More than any loop carries. */
const MOST_VARIABLES = 1024;

export interface LoopPlan {
  readonly body: BodyView;
  readonly condition: BodyView;
  readonly variables: readonly Variable[];
  readonly initial: readonly Held[];
}

export function planOf(call: TfCall): LoopPlan {
  const body = new BodyView(call.body('body'));
  const condition = new BodyView(call.body('cond'));
  const count = call.count;
  if (body.body.inputs.length !== count || body.body.outputs.length !== count) {
    throw call.broken(`has ${count} variables and a body of ${body.body.inputs.length}`);
  }
  if (condition.body.inputs.length !== count || condition.body.outputs.length === 0) {
    throw call.broken('has a condition that does not fit its variables');
  }
  if (count > MOST_VARIABLES) throw call.broken(`has ${count} variables`);
  const initial = Array.from({ length: count }, (_, at) => call.held(at));
  const fixed = initial.map((_, at) => isFixed(body, at));
  const live = liveOf(call, body, condition, fixed);
  const variables = initial.map((held, at): Variable => {
    if (fixed[at] === true) return { kind: 'fixed', held };
    if (!live.has(at)) return { kind: 'idle' };
    if (isOperand(held)) return { kind: 'carried', initial: held };
    if (held.kind === 'list') return listOf(call, body, at, held);
    throw new Inexpressible('It carries something that is no tensor from round to round.');
  });
  return { body, condition, variables, initial };
}

function isFixed(body: BodyView, at: number): boolean {
  const source = body.output(at);
  return source?.kind === 'input' && source.index === at;
}

/** Variables that the condition, a result that is read, or another such variable needs. */
function liveOf(call: TfCall, body: BodyView, condition: BodyView, fixed: readonly boolean[]): ReadonlySet<number> {
  const needs = new Map<number, ReadonlySet<number>>();
  const open = [...condition.needs([condition.body.outputs[0]!.ref])];
  for (let at = 0; at < call.count; at++) {
    if (call.scope.uses({ node: call.name, output: at }) > 0) open.push(at);
  }
  const live = new Set<number>();
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (live.has(at)) continue;
    live.add(at);
    if (fixed[at] === true) continue;
    const needed = needs.get(at) ?? body.needs([body.body.outputs[at]!.ref]);
    needs.set(at, needed);
    open.push(...needed);
  }
  return live;
}

/** How a list is written: once in each round, by a node whose result is the list of the next round. */
export function writeOf(
  body: BodyView,
  at: number,
): { readonly index: TfRef | null; readonly item: TfRef } | undefined {
  const node = body.node(body.body.outputs[at]?.ref, 'TensorListSetItem', 'TensorListPushBack');
  if (node === undefined || body.input(node.inputs[0]) !== at || body.readersOf(at).length !== 1) return undefined;
  const item = node.inputs[node.op === 'TensorListSetItem' ? 2 : 1];
  if (item === undefined) return undefined;
  return { index: node.op === 'TensorListSetItem' ? (node.inputs[1] ?? null) : null, item };
}

function listOf(call: TfCall, body: BodyView, at: number, list: TfList): Variable {
  const write = writeOf(body, at);
  if (write === undefined || list.items !== null) return { kind: 'list', list };
  const counter = write.index === null ? undefined : body.input(write.index);
  if (write.index === null) {
    const empty = list.count !== null && call.lowering.numbers(list.count)?.[0] === 0;
    return empty ? { kind: 'scan', list } : { kind: 'list', list };
  }
  if (counter !== undefined && isCounter(call, body, counter)) return { kind: 'scan', list };
  const places = list.count === null ? undefined : call.lowering.numbers(list.count)?.[0];
  const place = constantOf(body, write.index);
  if (places === 1 && place === 0) return { kind: 'slot', list };
  return { kind: 'list', list };
}

/** Whether a variable starts at 0 and grows by 1. */
export function isCounter(call: TfCall, body: BodyView, at: number): boolean {
  const held = call.held(at);
  if (!isOperand(held) || call.lowering.numbers(held)?.[0] !== 0) return false;
  const node = body.node(body.body.outputs[at]?.ref, 'AddV2', 'Add');
  if (node === undefined) return false;
  const [a, b] = node.inputs;
  return (body.input(a) === at && constantOf(body, b) === 1) || (body.input(b) === at && constantOf(body, a) === 1);
}

/** A whole number that the body itself holds. */
export function constantOf(body: BodyView, ref: TfRef | undefined): number | undefined {
  const value = body.node(ref, 'Const')?.attrs.get('value');
  if (value?.kind !== 'tensor' || value.bytes === undefined || value.value.shape.some((size) => size !== 1)) {
    return undefined;
  }
  const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength);
  if (value.value.dtype === 'i32' && view.byteLength >= 4) return view.getInt32(0, true);
  if (value.value.dtype === 'i64' && view.byteLength >= 8) return Number(view.getBigInt64(0, true));
  if (value.value.dtype === 'f32' && view.byteLength >= 4) return view.getFloat32(0, true);
  return undefined;
}

/** The body with the outputs of these variables alone. */
export function bodyFor(body: TfBody, wanted: readonly number[]): TfBody {
  return { ...body, outputs: wanted.map((at) => body.outputs[at]!) };
}
