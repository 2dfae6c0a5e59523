/**
 * The operator table of TensorFlow at work: a graph that SavedModels, frozen graphs and TF.js models end in becomes calls of the
 * lowering, node by node from the inputs to the outputs.
 */
import { PareError } from '#base/failure.ts';
import type { Lowering, Operand } from '#formats/lowering/lowering.ts';
import type { TfGraph, TfInput, TfRef } from '#formats/tensorflow/graph.ts';
import { cast } from './call.ts';
import { isOperand } from './held.ts';
import { TABLE } from './table.ts';
import { outputTypeOf } from './types.ts';
import { namedShape, Walk } from './walk.ts';

/** How often a body may be entered on average: loops are lowered again where sizes change from round to round. */
const ENTRIES = 64;
const MOST_STEPS = 1_000_000;

/** Names inputs and outputs of the model as the graph does. What has no counterpart in ONNX becomes an opaque operator. */
export function lowerTfGraph(graph: TfGraph, lowering: Lowering): void {
  const walk = new Walk(graph, lowering, {
    rows: TABLE,
    functions: graph.functions,
    notes: { left: stepsFor(graph), reversed: new WeakMap(), last: new WeakMap() },
  });
  const inputs = graph.inputs.map((input) => inputOf(lowering, input));
  const outputs = walk.outputs(inputs);
  for (const [at, { name, ref }] of graph.outputs.entries()) {
    const held = outputs[at];
    if (held === undefined || !isOperand(held)) throw noTensor(name);
    lowering.output(name, declared(walk, lowering, ref, held));
  }
}

/** Nodes that may be lowered in all. */
function stepsFor(graph: TfGraph): number {
  const bodies = [graph, ...graph.functions.values()];
  const count = bodies.reduce((sum, { nodes }) => sum + nodes.length, 0);
  return Math.min(MOST_STEPS, 1000 + ENTRIES * count);
}

/** Shapes are 64-bit inside and leave the model as the 32-bit integers that TensorFlow declares. */
function declared(walk: Walk, lowering: Lowering, ref: TfRef, held: Operand): Operand {
  const producer = walk.producer(ref);
  const type = producer === undefined ? null : outputTypeOf(producer.node, producer.output);
  return type === 'i32' && lowering.dtype(held) === 'i64' ? cast(lowering, held, 'i32', `${ref.node}/short`) : held;
}

function inputOf(lowering: Lowering, input: TfInput): Operand {
  const shape = namedShape(input);
  if (input.dtype !== null && shape !== null) return lowering.input(input.name, input.dtype, shape);
  throw new PareError({
    code: 'tensorflow/input-without-shape',
    place: input.name,
    problem: `The input ${input.dtype === null ? 'is not a tensor' : 'has a number of axes that is not known'}.`,
    hint: 'Export the model with a declared input shape, such as [None, 224, 224, 3].',
  });
}

function noTensor(name: string): PareError {
  return new PareError({
    code: 'tensorflow/output-not-a-tensor',
    place: name,
    problem: 'The output is a list of tensors, a complex number or a branch that is never taken.',
    hint: 'Export the model with tensors as outputs.',
  });
}
