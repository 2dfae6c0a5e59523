/**
 * Gates of recurrent cells in the body of a loop: an activation over a sum of products with the input and the state, and biases. They are
 * recognised by what follows from what, so that it does not matter how an exporter names or orders them.
 */
import type { TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import { sameSource, type BodyView, type Source } from './body-view.ts';
import { constantOf } from './loop-plan.ts';

/** Which columns of a product a gate takes: one of equal parts, or from one column up to another. */
export type Cut =
  | { readonly kind: 'part'; readonly at: number; readonly of: number }
  | { readonly kind: 'range'; readonly from: number; readonly to: number | null };

export interface Piece {
  /** A matrix or vector that is the same in every round. */
  readonly ref: TfRef;
  readonly cut: Cut | null;
}

export interface Gate {
  /** Products with the input of the round. */
  readonly fromInput: readonly Piece[];
  /** Products with the state. */
  readonly fromState: readonly Piece[];
  readonly biases: readonly Piece[];
  /** What is none of these. */
  readonly others: readonly { readonly ref: TfRef; readonly cut: Cut | null }[];
}

export interface Cell {
  readonly view: BodyView;
  readonly invariant: ReadonlySet<string>;
  /** What the body reads from the list of inputs in this round. */
  readonly input: Source;
  /** The variable that holds the state. */
  readonly state: number;
}

/** ONNX names of activations that TensorFlow names otherwise or alike. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  Sigmoid: 'Sigmoid',
  Tanh: 'Tanh',
  Relu: 'Relu',
  Softsign: 'Softsign',
  Softplus: 'Softplus',
};

/** The activation that a value went through, and what went in. */
export function activationOf(
  view: BodyView,
  ref: TfRef | undefined,
): { readonly name: string; readonly of: TfRef } | undefined {
  const source = view.source(ref);
  if (source?.kind !== 'node') return undefined;
  const { node } = source;
  const name = ACTIVATIONS[node.op];
  const [of] = node.inputs;
  if (name !== undefined && of !== undefined) return { name, of };
  return hardSigmoid(view, node);
}

/** clip(0.2 x + 0.5, 0, 1), as Keras 2 spells it: the defaults of ONNX's HardSigmoid. */
function hardSigmoid(view: BodyView, node: TfNode): { readonly name: string; readonly of: TfRef } | undefined {
  const upper = node.op === 'Maximum' ? other(view, node, 0) : undefined;
  const least = upper === undefined ? undefined : view.node(upper, 'Minimum');
  const sum = least === undefined ? undefined : view.node(other(view, least, 1), 'AddV2', 'Add');
  const product = sum === undefined ? undefined : view.node(other(view, sum, 0.5), 'Mul');
  const of = product === undefined ? undefined : other(view, product, Math.fround(0.2));
  return of === undefined ? undefined : { name: 'HardSigmoid', of };
}

/** The operand of a node of two that is not this number, where the other one is. */
export function other(view: BodyView, node: TfNode, number: number): TfRef | undefined {
  const [a, b] = node.inputs;
  if (constantOf(view, a) === number) return b;
  return constantOf(view, b) === number ? a : undefined;
}

/** Both operands of a node, in both orders. */
export function bothWays(node: TfNode | undefined): readonly (readonly [TfRef, TfRef])[] {
  const [a, b] = node?.inputs ?? [];
  return a === undefined || b === undefined
    ? []
    : [
        [a, b],
        [b, a],
      ];
}

/** Takes a sum apart. Cuts of a sum are cuts of each of its parts. */
export function gateOf(cell: Cell, ref: TfRef): Gate {
  const gate = { fromInput: [] as Piece[], fromState: [] as Piece[], biases: [] as Piece[], others: [] as Piece[] };
  const open: { ref: TfRef; cut: Cut | null }[] = [{ ref, cut: null }];
  for (let part = open.pop(), left = 256; part !== undefined && left > 0; part = open.pop(), left--) {
    const { cut } = part;
    if (cell.invariant.has(part.ref.node)) {
      gate.biases.push(part);
      continue;
    }
    const source = cell.view.source(part.ref);
    const node = source?.kind === 'node' ? source.node : undefined;
    const [first, second] = node?.inputs ?? [];
    if (node === undefined || first === undefined || second === undefined) {
      gate.others.push(part);
    } else if (node.op === 'AddV2' || node.op === 'Add' || node.op === 'BiasAdd') {
      open.push({ ref: first, cut }, { ref: second, cut });
    } else if (node.op === 'MatMul' && cell.invariant.has(second.node) && !turned(node)) {
      const a = cell.view.source(first);
      if (sameSource(a, cell.input)) gate.fromInput.push({ ref: second, cut });
      else if (a?.kind === 'input' && a.index === cell.state) gate.fromState.push({ ref: second, cut });
      else gate.others.push(part);
    } else {
      const inner = source?.kind === 'node' ? cutOf(cell.view, node, source.output) : undefined;
      if (inner === undefined || cut !== null) gate.others.push(part);
      else open.push(inner);
    }
  }
  return gate;
}

function turned(node: TfNode): boolean {
  return ['transpose_a', 'transpose_b'].some((name) => {
    const attr = node.attrs.get(name);
    return attr?.kind === 'bool' && attr.value;
  });
}

/** A node that takes columns of another: Split or SplitV along the last of two axes, or a StridedSlice of all rows. */
function cutOf(view: BodyView, node: TfNode, output: number): { ref: TfRef; cut: Cut } | undefined {
  const [first, second] = node.inputs;
  if (node.op === 'Split' && second !== undefined) {
    const axis = constantOf(view, first);
    const count = node.attrs.get('num_split');
    if (axis !== 1 && axis !== -1) return undefined;
    return count?.kind === 'int' ? { ref: second, cut: { kind: 'part', at: output, of: count.value } } : undefined;
  }
  if (node.op === 'SplitV' && first !== undefined) return partOf(view, node, first, output);
  if (node.op !== 'StridedSlice' || first === undefined) return undefined;
  const [begin, end, steps] = node.inputs.slice(1).map((ref) => numbersOf(view, ref));
  if (begin?.length !== 2 || end?.length !== 2 || steps?.some((step) => step !== 1) !== false) return undefined;
  const mask = (name: string): number => {
    const attr = node.attrs.get(name);
    return attr?.kind === 'int' ? attr.value : 0;
  };
  if (mask('ellipsis_mask') !== 0 || mask('new_axis_mask') !== 0 || mask('shrink_axis_mask') !== 0) return undefined;
  const [begins, ends] = [mask('begin_mask'), mask('end_mask')];
  const allRows = ((begins & 1) === 1 || begin[0] === 0) && (ends & 1) === 1;
  const from = (begins & 2) === 2 ? 0 : (begin[1] ?? 0);
  const to = (ends & 2) === 2 ? null : (end[1] ?? 0);
  return allRows && from >= 0 && (to === null || to > from)
    ? { ref: first, cut: { kind: 'range', from, to } }
    : undefined;
}

/** The last part may be as wide as what is left. */
function partOf(view: BodyView, node: TfNode, ref: TfRef, output: number): { ref: TfRef; cut: Cut } | undefined {
  const sizes = numbersOf(view, node.inputs[1]);
  const axis = constantOf(view, node.inputs[2]);
  const size = sizes?.[output];
  if (sizes === undefined || size === undefined || (axis !== 1 && axis !== -1)) return undefined;
  const before = sizes.slice(0, output);
  if (before.some((one) => one < 0)) return undefined;
  const from = before.reduce((sum, one) => sum + one, 0);
  if (size < 0) return output === sizes.length - 1 ? { ref, cut: { kind: 'range', from, to: null } } : undefined;
  return size === 0 ? undefined : { ref, cut: { kind: 'range', from, to: from + size } };
}

function numbersOf(view: BodyView, ref: TfRef | undefined): readonly number[] | undefined {
  const value = view.node(ref, 'Const')?.attrs.get('value');
  if (value?.kind !== 'tensor' || value.bytes === undefined || value.value.dtype !== 'i32') return undefined;
  const bytes = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, at) => bytes.getInt32(4 * at, true));
}
