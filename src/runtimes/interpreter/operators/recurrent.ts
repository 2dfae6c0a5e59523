/**
 * Values of RNN, GRU and LSTM (equations of the ONNX specification). Weights: W [directions, gates * hidden, inputs], R
 * [directions, gates * hidden, hidden], B [directions, 2 * gates * hidden]; gates z r h of GRU and i o f c of LSTM.
 */
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { transposeAll } from '#ops/evaluate/arrange.ts';
import { activationOf } from '#runtimes/interpreter/activations.ts';
import {
  made,
  need,
  reals,
  wholes,
  type Evaluate,
  type Evaluations,
  type Reals,
} from '#runtimes/interpreter/evaluation.ts';

type Name = 'RNN' | 'GRU' | 'LSTM';

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
const DEFAULT_ACTIVATIONS = { RNN: ['Tanh'], GRU: ['Sigmoid', 'Tanh'], LSTM: ['Sigmoid', 'Tanh', 'Tanh'] } as const;

/** Sizes of one call. */
interface Sizes {
  readonly steps: number;
  readonly batch: number;
  readonly inputs: number;
  readonly hidden: number;
  readonly gates: number;
}

/** Weights of one direction, and how its cell computes. */
interface Cell {
  readonly name: Name;
  readonly sizes: Sizes;
  readonly w: Reals;
  readonly r: Reals;
  /** Of the inputs, then of the hidden state. */
  readonly bias: Reals;
  readonly peepholes: Reals;
  readonly activations: readonly ((x: number) => number)[];
  readonly clip: number;
  readonly linearBeforeReset: boolean;
  readonly coupled: boolean;
}

/** Hidden state and cell state of one sequence. */
interface State {
  readonly h: Float64Array;
  readonly c: Float64Array;
}

/** x[at ...] times a row of weights. */
function dot(weights: Reals, row: number, width: number, x: Reals, at: number): number {
  let sum = 0;
  for (let k = 0; k < width; k++) sum += (weights[row * width + k] ?? 0) * (x[at + k] ?? 0);
  return sum;
}

/** One step of one sequence: the state after `x[at ...]`. */
function step(cell: Cell, x: Reals, at: number, before: State): State {
  const { name, sizes, w, r, bias, activations, clip } = cell;
  const { hidden, inputs, gates } = sizes;
  const rows = gates * hidden;
  const [f, g, last] = [activations[0] ?? Math.tanh, activations[1] ?? Math.tanh, activations[2] ?? Math.tanh];
  const clipped = (value: number): number => Math.min(Math.max(value, -clip), clip);
  const ofInput = (gate: number, unit: number): number =>
    dot(w, gate * hidden + unit, inputs, x, at) + (bias[gate * hidden + unit] ?? 0);
  const ofState = (gate: number, unit: number, state: Reals): number =>
    dot(r, gate * hidden + unit, hidden, state, 0) + (bias[rows + gate * hidden + unit] ?? 0);
  const h = new Float64Array(hidden);
  const c = new Float64Array(hidden);
  if (name === 'RNN') {
    for (let u = 0; u < hidden; u++) h[u] = f(clipped(ofInput(0, u) + ofState(0, u, before.h)));
    return { h, c };
  }
  if (name === 'GRU') {
    const [z, reset] = [new Float64Array(hidden), new Float64Array(hidden)];
    for (let u = 0; u < hidden; u++) {
      z[u] = f(clipped(ofInput(0, u) + ofState(0, u, before.h)));
      reset[u] = f(clipped(ofInput(1, u) + ofState(1, u, before.h)));
    }
    const kept = before.h.map((value, u) => value * (reset[u] ?? 0));
    for (let u = 0; u < hidden; u++) {
      const recurrent = cell.linearBeforeReset ? (reset[u] ?? 0) * ofState(2, u, before.h) : ofState(2, u, kept);
      const candidate = g(clipped(ofInput(2, u) + recurrent));
      h[u] = (1 - (z[u] ?? 0)) * candidate + (z[u] ?? 0) * (before.h[u] ?? 0);
    }
    return { h, c };
  }
  const peek = (gate: number, u: number, state: Reals): number =>
    (cell.peepholes[gate * hidden + u] ?? 0) * (state[u] ?? 0);
  for (let u = 0; u < hidden; u++) {
    const input = f(clipped(ofInput(0, u) + ofState(0, u, before.h) + peek(0, u, before.c)));
    const forget = cell.coupled
      ? 1 - input
      : f(clipped(ofInput(2, u) + ofState(2, u, before.h) + peek(2, u, before.c)));
    const candidate = g(clipped(ofInput(3, u) + ofState(3, u, before.h)));
    c[u] = forget * (before.c[u] ?? 0) + input * candidate;
    const output = f(clipped(ofInput(1, u) + ofState(1, u, before.h) + peek(1, u, c)));
    h[u] = output * last(c[u] ?? 0);
  }
  return { h, c };
}

/** Names and parameters of the activations of one direction; parameters are listed only for those that take any. */
function activationsOf(call: Call, name: Name, direction: number): readonly ((x: number) => number)[] {
  const each = DEFAULT_ACTIVATIONS[name];
  const attr = call.attr('activations');
  const names = attr?.type === 'strings' ? attr.value.map((bytes) => new TextDecoder().decode(bytes)) : undefined;
  const [alphas, betas] = [call.floats('activation_alpha') ?? [], call.floats('activation_beta') ?? []];
  if (names === undefined) return each.map((one) => activationOf(one));
  let [alpha, beta] = [0, 0];
  const all = names.map((one) => {
    const lower = one.toLowerCase();
    const takesAlpha = ['affine', 'leakyrelu', 'thresholdedrelu', 'scaledtanh', 'hardsigmoid', 'elu'].includes(lower);
    const takesBeta = ['affine', 'scaledtanh', 'hardsigmoid'].includes(lower);
    return activationOf(one, [takesAlpha ? alphas[alpha++] : undefined, takesBeta ? betas[beta++] : undefined]);
  });
  return all.slice(direction * each.length, (direction + 1) * each.length);
}

function recurrent(name: Name): Evaluate {
  return (call) => {
    const batchFirst = call.int('layout', 0) !== 0;
    const given = need(call, 0);
    const x = batchFirst ? (transposeAll(given, [1, 0, 2]) ?? given) : given;
    const [W, R] = [need(call, 1), need(call, 2)];
    const [steps = 0, batch = 0, inputs = 0] = x.shape;
    const hidden = R.shape[2] ?? 0;
    const gates = GATES[name];
    const sizes: Sizes = { steps, batch, inputs, hidden, gates };
    const direction = call.string('direction', 'forward');
    const directions = direction === 'bidirectional' ? 2 : 1;
    const lengths = wholes(call.dense(4)) ?? Array.from({ length: batch }, () => steps);
    const data = reals(x);
    const all = new Float64Array(steps * directions * batch * hidden);
    const lastH = new Float64Array(directions * batch * hidden);
    const lastC = new Float64Array(directions * batch * hidden);
    for (let d = 0; d < directions; d++) {
      const cell = cellOf(call, name, sizes, d, [reals(W), reals(R)]);
      const backwards = direction === 'reverse' || d === 1;
      for (let b = 0; b < batch; b++) {
        let state: State = {
          h: initial(call, 5, sizes, d, b, batchFirst),
          c: initial(call, 6, sizes, d, b, batchFirst),
        };
        const length = lengths[b] ?? steps;
        for (let t = 0; t < length; t++) {
          const time = backwards ? length - 1 - t : t;
          state = step(cell, data, (time * batch + b) * inputs, state);
          all.set(state.h, ((time * directions + d) * batch + b) * hidden);
        }
        lastH.set(state.h, (d * batch + b) * hidden);
        lastC.set(state.c, (d * batch + b) * hidden);
      }
    }
    const sequence = made(x.dtype, [steps, directions, batch, hidden], all);
    const lasts = [lastH, lastC].map((values) => made(x.dtype, [directions, batch, hidden], values));
    const outputs = batchFirst
      ? [transposeAll(sequence, [2, 0, 1, 3]), ...lasts.map((one) => transposeAll(one, [1, 0, 2]))]
      : [sequence, ...lasts];
    return name === 'LSTM' ? outputs : outputs.slice(0, 2);
  };
}

function cellOf(call: Call, name: Name, sizes: Sizes, d: number, [w, r]: readonly [Reals, Reals]): Cell {
  const { hidden, inputs, gates } = sizes;
  const rows = gates * hidden;
  const part = (input: number, size: number): Reals => {
    const dense = call.dense(input);
    return dense === undefined ? new Float64Array(size) : reals(dense).slice(d * size, (d + 1) * size);
  };
  const clip = call.float('clip', 0);
  return {
    name,
    sizes,
    w: w.slice(d * rows * inputs, (d + 1) * rows * inputs),
    r: r.slice(d * rows * hidden, (d + 1) * rows * hidden),
    bias: part(3, 2 * rows),
    peepholes: name === 'LSTM' ? part(7, 3 * hidden) : new Float64Array(3 * hidden),
    activations: activationsOf(call, name, d),
    clip: clip > 0 ? clip : Infinity,
    linearBeforeReset: call.int('linear_before_reset', 0) !== 0,
    coupled: call.int('input_forget', 0) !== 0,
  };
}

/** The state a sequence starts with: [directions, batch, hidden], or batch first where the layout says so. */
function initial(
  call: Call,
  input: number,
  { hidden, batch }: Sizes,
  d: number,
  b: number,
  batchFirst: boolean,
): Float64Array {
  const dense: Dense | undefined = call.dense(input);
  if (dense === undefined) return new Float64Array(hidden);
  const directions = dense.data.length / (batch * hidden);
  const at = (batchFirst ? b * directions + d : d * batch + b) * hidden;
  return Float64Array.from(reals(dense).subarray(at, at + hidden));
}

export const recurrentEvaluations: Evaluations = {
  RNN: recurrent('RNN'),
  GRU: recurrent('GRU'),
  LSTM: recurrent('LSTM'),
};
