/** Cells of LSTM, GRU and SimpleRNN found in the body of a loop. */
import type { TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import { sameSource, type BodyView } from './body-view.ts';
import { activationOf, bothWays, gateOf, other, type Cell, type Gate, type Piece } from './gates.ts';

/** Gates in the order of ONNX; activations as ONNX lists them. */
export interface FoundCell {
  readonly op: 'LSTM' | 'GRU' | 'RNN';
  readonly gates: readonly Gate[];
  readonly activations: readonly string[];
  /** The variable that holds the cell, of an LSTM. */
  readonly memory?: number;
  /** GRU: the part of the last gate that the reset gate multiplies, where it does so after the product. */
  readonly reset?: Gate;
  readonly linearBeforeReset?: boolean;
}

type Frame = Omit<Cell, 'state'>;

/** Whether the variable `state` becomes what a known cell makes of it. */
export function cellOf(frame: Frame, state: number): FoundCell | undefined {
  const cell: Cell = { ...frame, state };
  const next = frame.view.body.outputs[state]?.ref;
  if (next === undefined) return undefined;
  return lstm(cell, next) ?? gru(cell, next) ?? simple(cell, next);
}

/** A gate whose parts are all understood and which has products with both input and state. */
function whole(gate: Gate): boolean {
  return gate.others.length === 0 && gate.fromInput.length > 0 && gate.fromState.length > 0;
}

function activated(cell: Cell, ref: TfRef | undefined): { readonly name: string; readonly gate: Gate } | undefined {
  const found = activationOf(cell.view, ref);
  return found === undefined ? undefined : { name: found.name, gate: gateOf(cell, found.of) };
}

function add(view: BodyView, ref: TfRef | undefined): TfNode | undefined {
  return view.node(ref, 'AddV2', 'Add');
}

/** h' = o * act(c'), c' = f * c + i * g */
function lstm(cell: Cell, next: TfRef): FoundCell | undefined {
  const { view } = cell;
  for (const [o, act] of bothWays(view.node(next, 'Mul'))) {
    const output = activated(cell, o);
    const shown = activationOf(view, act);
    if (output === undefined || shown === undefined || !whole(output.gate)) continue;
    for (const [kept, made] of bothWays(add(view, shown.of))) {
      for (const [f, c] of bothWays(view.node(kept, 'Mul'))) {
        const memory = view.input(c);
        const forget = activated(cell, f);
        if (memory === undefined || memory === cell.state || forget === undefined || !whole(forget.gate)) continue;
        if (!sameSource(view.output(memory), view.source(shown.of))) continue;
        for (const [i, g] of bothWays(view.node(made, 'Mul'))) {
          const [input, candidate] = [activated(cell, i), activated(cell, g)];
          if (input === undefined || candidate === undefined || !whole(input.gate) || !whole(candidate.gate)) continue;
          // The three that let through share their activation; the candidate's may be another.
          if (input.name !== forget.name || input.name !== output.name) continue;
          return {
            op: 'LSTM',
            gates: [input.gate, output.gate, forget.gate, candidate.gate],
            activations: [input.name, candidate.name, shown.name],
            memory,
          };
        }
      }
    }
  }
  return undefined;
}

/** h' = z * h + (1 - z) * act(x W + r * (h R + b)), or with (r * h) R */
function gru(cell: Cell, next: TfRef): FoundCell | undefined {
  const { view } = cell;
  for (const [kept, made] of bothWays(add(view, next))) {
    for (const [z, h] of bothWays(view.node(kept, 'Mul'))) {
      const update = activated(cell, z);
      if (view.input(h) !== cell.state || update === undefined || !whole(update.gate)) continue;
      for (const [rest, candidate] of bothWays(view.node(made, 'Mul'))) {
        const minus = view.node(rest, 'Sub');
        const opened = minus === undefined ? undefined : other(view, minus, 1);
        const order =
          minus !== undefined && opened !== undefined && sameSource(view.source(minus.inputs[1]), view.source(opened));
        if (!order || !sameSource(view.source(opened), view.source(z))) continue;
        const found = activated(cell, candidate);
        const reset = found === undefined ? undefined : resetOf(cell, found.gate, update.name);
        if (found === undefined || reset === undefined) continue;
        return {
          op: 'GRU',
          gates: [update.gate, reset.gate, { ...found.gate, fromState: reset.inner.fromState, others: [] }],
          activations: [update.name, found.name],
          linearBeforeReset: reset.after,
          reset: reset.inner,
        };
      }
    }
  }
  return undefined;
}

interface Reset {
  readonly gate: Gate;
  /** Product with the state inside. */
  readonly inner: Gate;
  /** Whether the reset gate is applied after the product. */
  readonly after: boolean;
}

function resetOf(cell: Cell, candidate: Gate, activation: string): Reset | undefined {
  const { view } = cell;
  const [only] = candidate.others;
  if (only === undefined || candidate.others.length !== 1 || candidate.fromInput.length === 0) return undefined;
  if (candidate.fromState.length > 0) return undefined;
  // r * (h R + b)
  for (const [r, product] of only.cut === null ? bothWays(view.node(only.ref, 'Mul')) : []) {
    const gate = activated(cell, r);
    const inner = gateOf(cell, product);
    const linear = inner.others.length === 0 && inner.fromInput.length === 0 && inner.fromState.length > 0;
    if (gate !== undefined && gate.name === activation && whole(gate.gate) && linear) {
      return { gate: gate.gate, inner, after: true };
    }
  }
  // (r * h) R
  const matrix = view.node(only.ref, 'MatMul');
  const [left, right] = matrix?.inputs ?? [];
  for (const [r, h] of bothWays(view.node(left, 'Mul'))) {
    const gate = activated(cell, r);
    const fits = view.input(h) === cell.state && right !== undefined && cell.invariant.has(right.node);
    if (!fits || gate === undefined || gate.name !== activation || !whole(gate.gate)) continue;
    const piece: Piece = { ref: right, cut: only.cut };
    return { gate: gate.gate, inner: { fromInput: [], fromState: [piece], biases: [], others: [] }, after: false };
  }
  return undefined;
}

/** h' = act(x W + h R + b) */
function simple(cell: Cell, next: TfRef): FoundCell | undefined {
  const found = activated(cell, next);
  if (found === undefined || !whole(found.gate)) return undefined;
  return { op: 'RNN', gates: [found.gate], activations: [found.name] };
}
