/** LSTM, GRU, SimpleRNN, RNN with cells, and Bidirectional. */
import { classOf } from '#formats/keras/config/json.ts';
import { Settings } from '#formats/keras/config/settings.ts';
import type { Json } from '#formats/keras/archive.ts';
import { operandsOf, type LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { LayerWeights } from '#formats/keras/lower/weights.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { LayerRows } from '#formats/keras/layers/row.ts';
import { cellsOf, functionsOf, onnxWeights, resetsAfter, STATES, type Cell } from './cell.ts';
import { takeSteps } from './steps.ts';

interface Run {
  readonly className: string;
  readonly settings: Settings;
  readonly weights: LayerWeights;
  readonly name: string;
  readonly x: Operand;
  readonly initial: readonly Operand[];
  readonly mask: Operand | undefined;
  /** Tells two layers inside one apart. */
  readonly key: string;
}

interface Ran {
  /** [batch, time, units] in the order of time, whichever way the steps were taken. */
  readonly sequence: Operand;
  readonly last: Operand;
  readonly states: readonly Operand[];
}

/** The cells one after the other, each over the whole sequence. */
function run(call: LayerCall, { className, settings, weights, name, x, initial, mask, key }: Run): Ran {
  if (settings.flag('time_major', false)) throw new Unsupported('it takes time before the batch (time_major).');
  if (settings.flag('stateful', false)) {
    call.lowering.notice({
      level: 'warning',
      code: 'keras/stateful',
      text: `The layer ${call.name} keeps its state from one run to the next; here every run starts from zeros.`,
      at: call.name,
    });
  }
  const cells = cellsOf(className, settings, weights);
  const backwards = settings.flag('go_backwards', false);
  // Bidirectional gives zeros for steps that a mask leaves out.
  const zeroMasked = settings.flag('zero_output_for_mask', key !== '' && settings.flag('return_sequences', false));
  const states: Operand[] = [];
  let input = x;
  let taken = 0;
  let ran: Ran | undefined;
  for (const [at, cell] of cells.entries()) {
    const count = STATES[cell.kind];
    const given = initial.slice(taken, taken + count);
    taken += count;
    const own = cells.length === 1 ? name : `${name}/cell_${at}`;
    const keyed = { ...cell, key: `${key}${cell.key}` };
    if (mask !== undefined && cells.length > 1) throw new Unsupported('it has several cells and a mask on its input.');
    ran = runCell(call, keyed, { name: own, x: input, initial: given, mask, backwards, zeroMasked });
    states.push(...ran.states);
    input = ran.sequence;
  }
  if (ran === undefined) throw new Unsupported('it has no cells.');
  return { ...ran, states };
}

interface CellRun {
  readonly name: string;
  readonly x: Operand;
  readonly initial: readonly Operand[];
  readonly mask: Operand | undefined;
  readonly backwards: boolean;
  readonly zeroMasked: boolean;
}

function runCell(call: LayerCall, cell: Cell, { name, x, initial, mask, backwards, zeroMasked }: CellRun): Ran {
  const functions = functionsOf(cell, call.version);
  if (mask !== undefined || functions === undefined) {
    const options = {
      name,
      backwards,
      initial,
      zeroMasked,
      ...(mask === undefined ? {} : { mask: call.cast(mask, 'bool', 'mask') }),
    };
    const { sequence, states, last } = takeSteps(call, cell, x, options);
    const inTime = backwards ? reversed(call, sequence, `${name}/in_time`) : sequence;
    return { sequence: inTime, last, states };
  }
  const made = call.lowering.recurrent(cell.kind, x, onnxWeights(call, cell, name), {
    name,
    direction: backwards ? 'reverse' : 'forward',
    hidden: cell.units,
    activations: functions,
    linearBeforeReset: resetsAfter(cell, call.version),
    initial: initial.length === 0 ? [] : initial,
  });
  const states = made.cell === undefined ? [made.last] : [made.last, made.cell];
  return { sequence: made.sequence, last: made.last, states };
}

/** Time the other way round. */
function reversed(call: LayerCall, sequence: Operand, name: string): Operand {
  const { lowering } = call;
  const bounds = [[-1], [-(2 ** 31)], [1], [-1]].map((one) => lowering.small(one));
  return lowering.apply('Slice', [sequence, ...bounds], { name });
}

/** Tensors that the layer starts from: after the input, or by name. */
function initialOf(call: LayerCall): readonly Operand[] {
  const named = call.parts.named.get('initial_state');
  const given = named === undefined ? [] : operandsOf(named);
  return given.length > 0 ? given : call.inputs.slice(1);
}

function recurrentLayer(call: LayerCall): readonly Operand[] {
  const { settings, weights, name } = call;
  const { className } = call.parts;
  const run1 = { className, settings, weights, name, x: call.x, initial: initialOf(call), mask: call.mask(), key: '' };
  const ran = run(call, run1);
  const backwards = settings.flag('go_backwards', false);
  const states = settings.flag('return_state', false) ? ran.states : [];
  if (!settings.flag('return_sequences', false)) return [ran.last, ...states];
  return [backwards ? reversed(call, ran.sequence, call.part('backwards')) : ran.sequence, ...states];
}

function recurrentMask(call: LayerCall): Operand | undefined {
  return call.settings.flag('return_sequences', false) ? call.mask() : undefined;
}

/** A layer and its mirror image, joined. */
function bidirectional(call: LayerCall): readonly Operand[] {
  const { settings, weights } = call;
  const forward = classOf(settings.raw('layer'));
  if (forward === undefined) throw new Unsupported('the layer inside it is not known.');
  const backward = classOf(settings.raw('backward_layer')) ?? forward;
  const half = Math.floor(weights.count / 2);
  const named = weights.begins((head) => head.startsWith('backward'));
  const side = (which: 'forward' | 'backward'): LayerWeights =>
    named
      ? weights.under((head) => head.startsWith(which))
      : which === 'forward'
        ? weights.slice(0, half)
        : weights.slice(half, weights.count);
  const inside = new Settings(call.name, objectOf(forward.config));
  if (inside.flag('go_backwards', false)) throw new Unsupported('its forward layer goes backwards.');
  const initial = initialOf(call);
  const middle = Math.floor(initial.length / 2);
  const mask = call.mask();
  const x = call.x;
  const first = run(call, {
    className: forward.name,
    settings: inside,
    weights: side('forward'),
    name: call.part('forward'),
    x,
    initial: initial.slice(0, middle),
    mask,
    key: 'forward ',
  });
  // The mirror image takes the steps the other way; a layer that was given says so itself.
  const given = objectOf(backward.config);
  const turned = backward === forward ? { ...given, go_backwards: true } : given;
  const second = run(call, {
    className: backward.name,
    settings: new Settings(call.name, turned),
    weights: side('backward'),
    name: call.part('backward'),
    x,
    initial: initial.slice(middle),
    mask,
    key: 'backward ',
  });
  const sequences = inside.flag('return_sequences', false);
  const joined = joinedBy(call, sequences ? first.sequence : first.last, sequences ? second.sequence : second.last);
  const states = inside.flag('return_state', false) ? [...first.states, ...second.states] : [];
  return [...joined, ...states];
}

function objectOf(value: Json): { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json })
    : {};
}

function joinedBy(call: LayerCall, a: Operand, b: Operand): readonly Operand[] {
  const mode = call.settings.raw('merge_mode');
  switch (mode) {
    case undefined:
    case 'concat':
      return [call.own('Concat', [a, b], { axis: call.lowering.rank(a) - 1 })];
    case 'sum':
      return [call.own('Add', [a, b])];
    case 'ave':
      return [call.own('Mul', [call.node('Add', [a, b], 'sum'), call.number(0.5)])];
    case 'mul':
      return [call.own('Mul', [a, b])];
    case null:
      return [a, b];
    default:
      throw call.settings.wrong('merge_mode', 'concat, sum, ave, mul or nothing');
  }
}

function bidirectionalMask(call: LayerCall): Operand | undefined {
  const inner = classOf(call.settings.raw('layer'));
  const sequences = new Settings(call.name, objectOf(inner?.config ?? {})).flag('return_sequences', false);
  return sequences ? call.mask() : undefined;
}

const RECURRENT_LAYER = { lower: recurrentLayer, mask: recurrentMask };

export const RECURRENT: LayerRows = {
  LSTM: RECURRENT_LAYER,
  GRU: RECURRENT_LAYER,
  SimpleRNN: RECURRENT_LAYER,
  RNN: RECURRENT_LAYER,
  Bidirectional: { lower: bidirectional, mask: bidirectionalMask },
};
