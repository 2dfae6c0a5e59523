/**
 * What each operator marks, one row each; operators without a row mark every float input and output (onnxruntime
 * quantization/registry.py and operators/*.py, version 1.30).
 */
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { Call } from '#ops/call.ts';
import { decode, numbersOf } from '#ops/dense.ts';
import type { Marks } from './marks.ts';

export type Rule = (marks: Marks, node: Node, padsZero: (node: Node) => boolean) => void;

function everything(marks: Marks, node: Node): void {
  for (const id of node.inputs) marks.activation(node, id);
  output(marks, node);
}

function output(marks: Marks, node: Node): void {
  if (marks.settings.keepsFloat(node)) return;
  for (const id of node.outputs) marks.activation(node, id);
}

/** Moves values and computes none: its output keeps the grid of its input. */
function moves(marks: Marks, node: Node): void {
  const input = node.inputs[0] ?? null;
  if (input === null) return;
  if (marks.settings.force) marks.activation(node, input);
  if (marks.settings.force || marks.isMarked(input)) sameOutputs(marks, node, input);
}

function sameOutputs(marks: Marks, node: Node, input: ValueId): void {
  // TopK and MaxPool make indices beside; they are no floats.
  for (const id of node.outputs.slice(0, node.op === 'Split' ? undefined : 1)) marks.sameAs(node, id, input);
}

/** Which opset an operator needs before integers go through it. */
function movesFrom(opset: number): Rule {
  return (marks, node) => {
    if (marks.settings.opset >= opset) moves(marks, node);
  };
}

function convolution(marks: Marks, node: Node): void {
  const [input, weight, bias] = node.inputs;
  marks.activation(node, input);
  output(marks, node);
  marks.weight(node, weight, node.op === 'Conv' ? 0 : 1);
  if (input != null && weight != null && bias != null) marks.bias({ node, bias, input, weight, beta: 1 });
}

function gemm(marks: Marks, node: Node): void {
  const [input, weight, bias] = node.inputs;
  const call = new Call(node, marks.settings.opset, []);
  marks.activation(node, input);
  output(marks, node);
  marks.weight(node, weight, call.int('transB', 0) > 0 ? 0 : 1);
  if (input == null || weight == null || bias == null || !marks.isConstant(bias)) return;
  marks.bias({ node, bias, input, weight, beta: call.float('beta', 1) });
  if (call.float('beta', 1) !== 1) marks.scaledGemms.push(node);
}

function product(marks: Marks, node: Node): void {
  for (const [at, id] of node.inputs.entries()) {
    if (id === null) continue;
    // No kernel multiplies int8 from the left with uint8: a weight there takes the type of activations.
    const weight = marks.isConstant(id) && (marks.settings.match || at === 1);
    if (weight) marks.weight(node, id, productAxis(marks, id));
    else marks.activation(node, id);
  }
  output(marks, node);
}

/** Columns. onnxruntime's quantizer takes axis 1 whatever the rank, which its runtime refuses from rank 3 on. */
function productAxis(marks: Marks, id: ValueId): number | null {
  return marks.settings.match || marks.edit.constantOf(id)?.shape.length === 2 ? 1 : null;
}

function activation(marks: Marks, node: Node): void {
  const [input, made] = [node.inputs[0] ?? null, node.outputs[0] ?? null];
  if (input === null || made === null || !marks.isMarked(input)) return;
  const { symmetric, keepRelu } = marks.settings;
  if (symmetric || keepRelu || !marks.fold(node, input, made)) marks.activation(node, input);
  marks.activation(node, made);
}

function pad(marks: Marks, node: Node, padsZero: (node: Node) => boolean): void {
  const input = node.inputs[0] ?? null;
  for (const id of node.inputs) marks.activation(node, id);
  if (input !== null && padsZero(node)) sameOutputs(marks, node, input);
  else output(marks, node);
}

function split(marks: Marks, node: Node): void {
  const input = node.inputs[0] ?? null;
  if (input === null) return;
  if (!marks.isMarked(input)) marks.activation(node, input);
  sameOutputs(marks, node, input);
}

function lookup(marks: Marks, node: Node): void {
  const input = node.inputs[0] ?? null;
  if (input === null) return;
  const table = marks.isConstant(input) && marks.takes(input);
  if (table || marks.settings.force) marks.activation(node, input);
  if (table || marks.settings.force || marks.isMarked(input)) sameOutputs(marks, node, input);
}

function choice(marks: Marks, node: Node): void {
  const [, yes, no] = node.inputs;
  if (yes == null || no == null) return;
  if (marks.settings.force) {
    for (const id of [yes, no]) if (!marks.isMarked(id)) marks.activation(node, id);
  }
  if (marks.settings.force || (marks.isMarked(yes) && marks.isMarked(no))) output(marks, node);
}

function normalization(marks: Marks, node: Node): void {
  const [input, scale, bias] = node.inputs;
  marks.activation(node, input);
  if (scale != null && marks.isConstant(scale)) marks.weight(node, scale, 1);
  else marks.activation(node, scale);
  if (input != null && scale != null && bias != null) marks.bias({ node, bias, input, weight: scale, beta: 1 });
  output(marks, node);
}

const RULES: Readonly<Record<string, Rule>> = {
  Conv: convolution,
  ConvTranspose: convolution,
  Gemm: gemm,
  MatMul: product,
  Relu: activation,
  Clip: activation,
  Reshape: moves,
  Transpose: moves,
  Squeeze: moves,
  Unsqueeze: moves,
  Flatten: moves,
  Slice: moves,
  AveragePool: moves,
  TopK: moves,
  Resize: movesFrom(11),
  MaxPool: movesFrom(12),
  Pad: pad,
  Split: split,
  Gather: lookup,
  GatherElements: lookup,
  Where: choice,
  InstanceNormalization: normalization,
  LayerNormalization: normalization,
  BatchNormalization: normalization,
  // Not in onnxruntime's quantizer, though its runtime moves integers through them.
  Expand: moves,
  Tile: moves,
};

export function ruleFor(op: string): Rule {
  return RULES[op] ?? everything;
}

/** What quantize_static takes when it is not told otherwise. */
export const ONNXRUNTIME_OPERATORS: ReadonlySet<string> = new Set([
  'ArgMax',
  'Conv',
  'ConvTranspose',
  'Gemm',
  'MatMul',
  'Add',
  'Mul',
  'Relu',
  'Clip',
  'LeakyRelu',
  'Sigmoid',
  'Softmax',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'Split',
  'Pad',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'Flatten',
  'Transpose',
  'Resize',
  'Concat',
  'Where',
  'Gather',
  'GatherElements',
  'Slice',
  'TopK',
  'CumSum',
  'BatchNormalization',
  'InstanceNormalization',
  'LayerNormalization',
  'EmbedLayerNormalization',
]);

/** The Pad layers that add only values that their input's grid holds: zeros, or copies of what is there. */
export async function padsWithZero(edit: Editor, store: WeightStore, opset: number): Promise<ReadonlySet<Node>> {
  const found = new Set<Node>();
  for (const node of edit.graph.nodes) {
    if (node.op === 'Pad' && (await keepsGrid(edit, store, new Call(node, opset, [])))) found.add(node);
  }
  return found;
}

async function keepsGrid(edit: Editor, store: WeightStore, call: Call): Promise<boolean> {
  const mode = call.string('mode', 'constant');
  if (mode !== 'constant') return mode === 'reflect' || mode === 'edge' || mode === 'wrap';
  if (call.attr('value') !== undefined) return call.float('value', 0) === 0;
  if (!call.has(2)) return true;
  const tensor = edit.constantOf(call.node.inputs[2]);
  if (tensor === undefined || edit.value(call.node.inputs[2]!).quantization !== undefined) return false;
  const dense = decode(tensor.dtype, tensor.shape, await store.read(tensor));
  return dense !== undefined && numbersOf(dense)?.[0] === 0;
}
