/**
 * A recurrent layer step by step, as a Scan: what ONNX' own operators cannot say. These are steps that a mask leaves out (the state stays
 * and the last output is given again) and functions that the operators do not have.
 */
import { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import { activateBy, nameOf } from '#formats/keras/layers/activations.ts';
import { keptWeights, resetsAfter, STATES, type Cell } from './cell.ts';

export interface Steps {
  /** [batch, time, units], in the order in which the steps were taken. */
  readonly sequence: Operand;
  readonly states: readonly Operand[];
  /** The output of the last step. */
  readonly last: Operand;
}

export interface StepOptions {
  readonly name: string;
  readonly backwards: boolean;
  readonly initial: readonly (Operand | undefined)[];
  /** [batch, time]. */
  readonly mask?: Operand;
  /** Of steps that are left out: zeros, where not the output before. */
  readonly zeroMasked: boolean;
}

/** Runs one cell over x, [batch, time, in]. */
export function takeSteps(call: LayerCall, cell: Cell, x: Operand, options: StepOptions): Steps {
  const { lowering } = call;
  const { units, kind } = cell;
  const { name, backwards, mask, zeroMasked } = options;
  const count = STATES[kind];
  const [kernel, recurrent, bias] = keptWeights(cell);
  const [inputBias, stateBias] = biases(call, cell, bias);
  // The part that does not depend on the state is done for all steps at once.
  const projected = lowering.dense(x, kernel, inputBias, { name: `${name}/inputs` });
  const zeros = zerosLike(call, x, units, name);
  const initial = Array.from({ length: count }, (_, at) => options.initial[at] ?? zeros);
  // The last output is carried along where a mask may ask for it again.
  const carried = mask === undefined ? initial : [...initial, zeros];
  const scanned = [
    lowering.transpose(projected, [1, 0, 2]),
    ...(mask === undefined ? [] : [lowering.transpose(mask, [1, 0])]),
  ];
  const batch = lowering.shape(x)?.[0] ?? null;
  const width = lowering.shape(projected)?.[2] ?? null;
  const inputs = [
    ...carried.map((_, at) => ({ name: `state_${at}`, dtype: 'f32' as const, shape: [batch, units] })),
    { name: 'step', dtype: 'f32' as const, shape: [batch, width] },
    ...(mask === undefined ? [] : [{ name: 'counts', dtype: 'bool' as const, shape: [batch] }]),
  ];
  const graph = lowering.subgraph(`${name}/step`, inputs, (inside, given) => {
    const states = given.slice(0, count);
    const step = given[carried.length]!;
    const within = new LayerCall({ ...call.parts, lowering: inside, name });
    const next = cellStep(within, cell, step, states, recurrent, stateBias);
    if (mask === undefined) return [...next, { ...next[0]! }];
    const last = given[count]!;
    const counts = within.node('Unsqueeze', [given.at(-1)!, inside.small([1])], 'counts');
    const kept = next.map((state, at) => within.node('Where', [counts, state, states[at]!], `kept_${at}`));
    const without = zeroMasked ? within.number(0) : last;
    const output = within.node('Where', [counts, next[0]!, without], 'output');
    return [...kept, output, { ...output }];
  });
  const direction = backwards ? 1 : 0;
  const results = lowering.node('Scan', [...carried, ...scanned], {
    name,
    outputs: [...carried.map((_, at) => `${name}/state_${at}`), `${name}/steps`],
    attrs: {
      body: { graph },
      num_scan_inputs: scanned.length,
      scan_input_directions: scanned.map(() => direction),
    },
    types: [
      ...carried.map(() => ({ dtype: 'f32' as const, shape: [batch, units] })),
      { dtype: 'f32' as const, shape: [lowering.shape(x)?.[1] ?? null, batch, units] },
    ],
  });
  const states = results.slice(0, count);
  const last = mask === undefined ? states[0]! : results[count]!;
  return { sequence: lowering.transpose(results.at(-1)!, [1, 0, 2]), states, last };
}

/** [batch, units] of zeros. */
function zerosLike(call: LayerCall, x: Operand, units: number, name: string): Operand {
  const { lowering } = call;
  const batch = lowering.shape(x)?.[0];
  const size = typeof batch === 'number' ? lowering.small([batch]) : batchOf(call, x, name);
  const sizes = lowering.apply('Concat', [size, lowering.small([units])], {
    name: `${name}/zeros_sizes`,
    attrs: { axis: 0 },
  });
  return lowering.apply('Expand', [call.number(0), sizes], { name: `${name}/zeros` });
}

function batchOf(call: LayerCall, x: Operand, name: string): Operand {
  const { lowering } = call;
  const shape = lowering.apply('Shape', [x], { name: `${name}/shape` });
  return lowering.apply('Slice', [shape, lowering.small([0]), lowering.small([1]), lowering.small([0])], {
    name: `${name}/batch`,
  });
}

/** What is added to the inputs and, in a GRU that resets after the product, to the product of the state. */
function biases(call: LayerCall, cell: Cell, bias: Operand | undefined): readonly [Operand | null, Operand | null] {
  if (bias === undefined) return [null, null];
  const { lowering } = call;
  const [rows = 1, width = 1] = call.sizes(bias).map((size) => size ?? 1);
  if (call.sizes(bias).length === 1) return [bias, null];
  if (rows !== 2) throw new Unsupported('its bias has a form that is not known here.');
  const row = (at: number): Operand =>
    call.once(`${cell.key} bias ${at}`, () =>
      lowering.derived(call.part(`bias_${at}`), 'f32', [width], [bias], ([bytes = new Uint8Array(0)]) =>
        bytes.slice(at * width * 4, (at + 1) * width * 4),
      ),
    );
  return [row(0), row(1)];
}

function cellStep(
  call: LayerCall,
  cell: Cell,
  step: Operand,
  states: readonly Operand[],
  recurrent: Operand,
  stateBias: Operand | null,
): readonly Operand[] {
  const { lowering } = call;
  const { kind, units } = cell;
  const [h] = states as readonly [Operand];
  const act = (x: Operand, setting: string, otherwise: string, part: string): Operand => {
    const raw = cell.settings.raw(setting);
    const name = raw === undefined ? otherwise : raw === null ? 'linear' : nameOf(raw);
    if (name === undefined) throw new Unsupported(`its ${setting} is a function that is not known here.`);
    return activateBy(call, x, name, call.part(part));
  };
  const main = (x: Operand): Operand => act(x, 'activation', 'tanh', 'candidate');
  const gate = (x: Operand, part: string): Operand => act(x, 'recurrent_activation', 'sigmoid', part);
  const split = (x: Operand, into: number, part: string): readonly Operand[] =>
    lowering.node('Split', [x, lowering.small(Array.from({ length: into }, () => units))], {
      name: call.part(part),
      outputs: Array.from({ length: into }, (_, at) => call.part(`${part}_${at}`)),
      attrs: { axis: 1 },
    });
  if (kind === 'GRU' && !resetsAfter(cell, call.version))
    return [resetBefore(call, cell, step, h, recurrent, { main, gate, split })];
  const product = lowering.dense(h, recurrent, stateBias, { name: call.part('recurrent') });
  if (kind === 'RNN') return [main(call.node('Add', [step, product], 'sum'))];
  if (kind === 'GRU') {
    const [xz, xr, xh] = split(step, 3, 'inputs') as [Operand, Operand, Operand];
    const [hz, hr, hh] = split(product, 3, 'state') as [Operand, Operand, Operand];
    const update = gate(call.node('Add', [xz, hz], 'update_sum'), 'update');
    const reset = gate(call.node('Add', [xr, hr], 'reset_sum'), 'reset');
    const candidate = main(call.node('Add', [xh, call.node('Mul', [reset, hh], 'reset_state')], 'candidate_sum'));
    return [mixed(call, update, h, candidate)];
  }
  const [i, f, c, o] = split(call.node('Add', [step, product], 'sum'), 4, 'gates') as [
    Operand,
    Operand,
    Operand,
    Operand,
  ];
  const kept = call.node('Mul', [gate(f, 'forget'), states[1]!], 'kept');
  const added = call.node('Mul', [gate(i, 'input'), main(c)], 'added');
  const memory = call.node('Add', [kept, added], 'memory');
  const output = call.node('Mul', [gate(o, 'output_gate'), act(memory, 'activation', 'tanh', 'memory_out')], 'hidden');
  return [output, memory];
}

interface Functions {
  readonly main: (x: Operand) => Operand;
  readonly gate: (x: Operand, part: string) => Operand;
  readonly split: (x: Operand, into: number, part: string) => readonly Operand[];
}

/** update * h + (1 - update) * candidate. */
function mixed(call: LayerCall, update: Operand, h: Operand, candidate: Operand): Operand {
  const difference = call.node('Sub', [h, candidate], 'difference');
  return call.node('Add', [candidate, call.node('Mul', [update, difference], 'moved')], 'hidden');
}

/** A GRU whose reset gate is applied to the state before the product: the kernel is used in two parts. */
function resetBefore(
  call: LayerCall,
  { units }: Cell,
  step: Operand,
  h: Operand,
  recurrent: Operand,
  { main, gate, split }: Functions,
): Operand {
  const { lowering } = call;
  const part = (from: number, to: number, name: string): Operand => {
    const bounds = [lowering.small([from * units]), lowering.small([to * units]), lowering.small([1])];
    return call.node('Slice', [recurrent, ...bounds], name);
  };
  const [xz, xr, xh] = split(step, 3, 'inputs') as [Operand, Operand, Operand];
  const gates = lowering.dense(h, part(0, 2, 'gate_kernel'), null, { name: call.part('gates') });
  const [hz, hr] = split(gates, 2, 'state') as [Operand, Operand];
  const update = gate(call.node('Add', [xz, hz], 'update_sum'), 'update');
  const reset = gate(call.node('Add', [xr, hr], 'reset_sum'), 'reset');
  const kept = call.node('Mul', [reset, h], 'reset_state');
  const product = lowering.dense(kept, part(2, 3, 'candidate_kernel'), null, { name: call.part('product') });
  return mixed(call, update, h, main(call.node('Add', [xh, product], 'candidate_sum')));
}
