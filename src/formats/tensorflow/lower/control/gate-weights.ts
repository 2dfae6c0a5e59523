/** Weights of lifted cells: the columns that each gate takes, as rows of W, R and B in the order of ONNX. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand } from '#formats/tensorflow/lower/held.ts';
import type { FoundCell } from './cells.ts';
import type { Cut, Piece } from './gates.ts';
import type { LoopPlan } from './loop-plan.ts';

export interface PackedWeights {
  readonly W: Operand;
  readonly R: Operand;
  readonly B: Operand | null;
  readonly hidden: number;
}

/** Columns of a constant: `rows` of them from `from` on. */
interface Columns {
  readonly operand: Operand;
  readonly rows: number;
  readonly width: number;
  readonly from: number;
  readonly count: number;
}

/** undefined where the weights are computed, or do not fit each other. */
export function packedWeights(call: TfCall, plan: LoopPlan, found: FoundCell): PackedWeights | undefined {
  const columns = (piece: Piece): Columns | undefined => columnsOf(call, plan, piece);
  const input = found.gates.map((gate) => only(gate.fromInput.map(columns)));
  const state = found.gates.map((gate) => only(gate.fromState.map(columns)));
  const hidden = state[0]?.rows ?? 0;
  const features = input[0]?.rows ?? 0;
  const fits = (list: readonly (Columns | undefined)[], rows: number): list is readonly Columns[] =>
    list.every((one) => one !== undefined && one.rows === rows && one.count === hidden);
  if (hidden === 0 || features === 0 || !fits(input, features) || !fits(state, hidden)) return undefined;
  const biases = found.gates.map((gate) => gate.biases.map(columns));
  const inner = (found.linearBeforeReset === true ? found.reset?.biases : undefined)?.map(columns) ?? [];
  const after: (readonly (Columns | undefined)[])[] = found.gates.map((_, at) => (at === 2 ? inner : []));
  const all = [...biases, ...after].flat();
  if (!all.every((one) => one !== undefined && one.rows === 1 && one.count === hidden)) return undefined;
  const { name } = call;
  return {
    W: transposedColumns(call, `${name}/W`, input, features, hidden),
    R: transposedColumns(call, `${name}/R`, state, hidden, hidden),
    B:
      all.length === 0
        ? null
        : sums(call, `${name}/B`, [...biases, ...after] as readonly (readonly Columns[])[], hidden),
    hidden,
  };
}

function only<T>(list: readonly T[]): T | undefined {
  return list.length === 1 ? list[0] : undefined;
}

/** A matrix [rows, width] or a vector of one row, lowered outside of the loop. */
function columnsOf(call: TfCall, plan: LoopPlan, { ref, cut }: Piece): Columns | undefined {
  const body = { ...plan.body.body, outputs: [{ name: 'fixed', ref }] };
  const [held] = call.scope.run(body, plan.initial);
  if (held === undefined || !isOperand(held)) return undefined;
  const known = call.lowering.constantOf(held);
  if (known === undefined || known.quantization !== undefined || known.tensor.dtype !== 'f32') return undefined;
  const { shape } = known.tensor;
  const [rows, width] =
    shape.length === 2 ? [shape[0] ?? 0, shape[1] ?? 0] : shape.length === 1 ? [1, shape[0] ?? 0] : [0, 0];
  const [from, to] = placesOf(cut, width);
  const sound = Number.isInteger(from) && Number.isInteger(to) && from >= 0 && to <= width && from < to;
  return sound ? { operand: held, rows, width, from, count: to - from } : undefined;
}

function placesOf(cut: Cut | null, width: number): readonly [from: number, to: number] {
  if (cut === null) return [0, width];
  if (cut.kind === 'range') return [cut.from, cut.to ?? width];
  return [(cut.at * width) / cut.of, ((cut.at + 1) * width) / cut.of];
}

/** [1, gates * hidden, rows]: each gate's columns as rows. */
function transposedColumns(
  call: TfCall,
  name: string,
  gates: readonly Columns[],
  rows: number,
  hidden: number,
): Operand {
  const from = gates.map(({ operand }) => operand);
  return call.lowering.derived(name, 'f32', [1, gates.length * hidden, rows], from, (bytes) => {
    const out = new Float32Array(gates.length * hidden * rows);
    for (const [at, gate] of gates.entries()) {
      const values = floats(bytes[at]!);
      for (let column = 0; column < hidden; column++) {
        for (let row = 0; row < rows; row++) {
          out[(at * hidden + column) * rows + row] = values[row * gate.width + gate.from + column]!;
        }
      }
    }
    return new Uint8Array(out.buffer);
  });
}

/** [1, 2 * gates * hidden]: sums of the biases of each gate. */
function sums(call: TfCall, name: string, gates: readonly (readonly Columns[])[], hidden: number): Operand {
  const from = gates.flat().map(({ operand }) => operand);
  return call.lowering.derived(name, 'f32', [1, gates.length * hidden], from, (bytes) => {
    const out = new Float32Array(gates.length * hidden);
    let next = 0;
    for (const [at, pieces] of gates.entries()) {
      for (const piece of pieces) {
        const values = floats(bytes[next++]!);
        for (let column = 0; column < hidden; column++) {
          out[at * hidden + column]! += values[piece.from + column]!;
        }
      }
    }
    return new Uint8Array(out.buffer);
  });
}

function floats(bytes: Uint8Array): Float32Array {
  const copy = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(copy.buffer, copy.byteOffset, Math.floor(copy.byteLength / 4));
}
