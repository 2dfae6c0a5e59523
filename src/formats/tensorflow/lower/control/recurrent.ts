/**
 * Loops that are recurrent layers, lifted to LSTM, GRU and RNN.
 *
 * Given:  a While that reads item t of a list, makes the next state of a known cell of it, and writes the state to a list
 * Result: LSTM(x, W, R, B), its sequence as the list, its last states as the variables
 */
import type { Operand, RecurrentResult } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand, type Held } from '#formats/tensorflow/lower/held.ts';
import type { TfRef } from '#formats/tensorflow/graph.ts';
import { reversedAlong } from '#formats/tensorflow/lower/families/reversal.ts';
import { sameSource, type Source } from './body-view.ts';
import { cellOf, type FoundCell } from './cells.ts';
import { packedWeights } from './gate-weights.ts';
import { constantOf, isCounter, writeOf, type LoopPlan } from './loop-plan.ts';

/** undefined: this loop is something else. */
export function liftRecurrent(call: TfCall, plan: LoopPlan): readonly Held[] | undefined {
  const { body: view } = plan;
  const invariant = view.invariantNodes((at) => plan.variables[at]?.kind === 'fixed');
  const steps = stepsOf(call, plan);
  if (steps === undefined) return undefined;
  const states = plan.variables.flatMap((variable, at) =>
    variable.kind === 'carried' && !isCounter(call, view, at) ? [at] : [],
  );
  for (const state of states) {
    const found = cellOf({ view, invariant, input: steps.source }, state);
    if (found === undefined) continue;
    const others = states.filter((at) => at !== state && at !== found.memory);
    if (others.length > 0) return undefined;
    const places = placesOf(call, plan, state, found);
    return places === undefined ? undefined : emit(call, plan, steps, state, found, places);
  }
  return undefined;
}

interface Steps {
  /** What the body reads in each round. */
  readonly source: Source;
  /** [time, batch, features] */
  readonly items: Operand;
}

/** The one list that is read item by item, as often as it has items. */
function stepsOf(call: TfCall, plan: LoopPlan): Steps | undefined {
  const { body: view } = plan;
  const reads = view.body.nodes.filter(({ op }) => op === 'TensorListGetItem');
  const [read] = reads;
  if (read === undefined || reads.length !== 1) return undefined;
  const list = view.input(read.inputs[0]);
  const counter = view.input(read.inputs[1]);
  const variable = list === undefined ? undefined : plan.variables[list];
  if (variable?.kind !== 'fixed' || counter === undefined || !isCounter(call, view, counter)) return undefined;
  const { held } = variable;
  if (isOperand(held) || held.kind !== 'list' || held.items === null) return undefined;
  const { items } = held;
  if (call.lowering.dtype(items) !== 'f32' || call.lowering.shape(items)?.length !== 3) return undefined;
  if (!runsOver(call, plan, items)) return undefined;
  return { source: { kind: 'node', node: read, output: 0 }, items };
}

/** Whether the condition stops exactly at the end of the items: counters from 0, each below the number of items. */
function runsOver(call: TfCall, plan: LoopPlan, items: Operand): boolean {
  const { condition } = plan;
  const length = call.lowering.shape(items)?.[0];
  if (length === undefined || length === null) return false;
  const open: (TfRef | undefined)[] = [condition.body.outputs[0]?.ref];
  let compared = 0;
  for (let left = 16; open.length > 0 && left > 0; left--) {
    const source = condition.source(open.pop());
    if (source?.kind !== 'node') return false;
    const [first, second] = source.node.inputs;
    if (source.node.op === 'LogicalAnd') {
      open.push(first, second);
      continue;
    }
    const counter = condition.input(first);
    if (source.node.op !== 'Less' || counter === undefined || !isCounter(call, plan.body, counter)) return false;
    if (limitOf(call, plan, second) !== length) return false;
    compared++;
  }
  return open.length === 0 && compared > 0;
}

/** A number, or the name of a size. */
function limitOf(call: TfCall, plan: LoopPlan, ref: TfRef | undefined): number | string | undefined {
  const constant = constantOf(plan.condition, ref);
  if (constant !== undefined) return constant;
  const at = plan.condition.input(ref);
  const variable = at === undefined ? undefined : plan.variables[at];
  if (variable?.kind !== 'fixed' || !isOperand(variable.held)) return undefined;
  const [element] = call.lowering.elements(variable.held) ?? [];
  return element ?? undefined;
}

/** What each variable holds after the loop; undefined where one of them cannot be given. */
type Place = 'fixed' | 'idle' | 'state' | 'memory' | 'counter' | 'sequence' | 'slot';

function placesOf(call: TfCall, plan: LoopPlan, state: number, found: FoundCell): readonly Place[] | undefined {
  const places: Place[] = [];
  for (const [at, variable] of plan.variables.entries()) {
    if (variable.kind === 'fixed' || variable.kind === 'idle') places.push(variable.kind);
    else if (at === state) places.push('state');
    else if (at === found.memory) places.push('memory');
    else if (variable.kind === 'carried') {
      if (!isCounter(call, plan.body, at) || call.scope.uses({ node: call.name, output: at }) > 0) return undefined;
      places.push('counter');
    } else {
      const write = writeOf(plan.body, at);
      const writes = write !== undefined && sameSource(plan.body.source(write.item), plan.body.output(state));
      if (!writes || (variable.kind !== 'scan' && variable.kind !== 'slot')) return undefined;
      places.push(variable.kind === 'scan' ? 'sequence' : 'slot');
    }
  }
  return places;
}

function emit(
  call: TfCall,
  plan: LoopPlan,
  steps: Steps,
  state: number,
  found: FoundCell,
  places: readonly Place[],
): readonly Held[] | undefined {
  const { lowering } = call;
  const weights = packedWeights(call, plan, found);
  if (weights === undefined) return undefined;
  const backwards = call.scope.notes.reversed.get(steps.items);
  const turned = backwards?.axes.join() === '0';
  const initial = [state, ...(found.memory === undefined ? [] : [found.memory])].map((at) => initialOf(call, plan, at));
  const made = lowering.recurrent(found.op, turned ? backwards.of : steps.items, weights, {
    name: call.name,
    direction: turned ? 'reverse' : 'forward',
    hidden: weights.hidden,
    timeMajor: true,
    activations: found.activations,
    ...(found.linearBeforeReset === undefined ? {} : { linearBeforeReset: found.linearBeforeReset }),
    ...(initial.every((one) => one === null) ? {} : { initial }),
  });
  return plan.variables.map((variable, at): Held => {
    const place = places[at];
    if (variable.kind === 'fixed') return variable.held;
    if (place === 'state') return made.last;
    if (place === 'memory') return made.cell ?? { kind: 'dead' };
    if (variable.kind !== 'scan' && variable.kind !== 'slot') return { kind: 'dead' };
    const items = place === 'slot' ? slot(call, made) : sequence(call, made, turned);
    call.scope.notes.last.set(items, made.last);
    return { ...variable.list, items, count: null };
  });
}

function slot(call: TfCall, made: RecurrentResult): Operand {
  return call.step('only', 'Unsqueeze', [made.last, call.lowering.small([0])]);
}

/** The list is in the order of the rounds; ONNX gives what it reads backwards in the order of the input. */
function sequence(call: TfCall, made: RecurrentResult, turned: boolean): Operand {
  return turned ? reversedAlong(call, 'rounds', made.sequence, [0]) : made.sequence;
}

/** null where the state starts as zeros, which is what ONNX starts with. */
function initialOf(call: TfCall, plan: LoopPlan, at: number): Operand | null {
  const variable = plan.variables[at];
  const ref = call.node.inputs[at];
  const made = ref === undefined ? undefined : call.scope.producer(ref)?.node;
  if (made?.op === 'ZerosLike') return null;
  if (made?.op === 'Fill') {
    const value = made.inputs[1] === undefined ? undefined : call.scope.settle(made.inputs[1]);
    if (value !== undefined && isOperand(value) && call.lowering.numbers(value)?.[0] === 0) return null;
  }
  return variable?.kind === 'carried' ? variable.initial : null;
}
