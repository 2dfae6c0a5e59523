/**
 * Runs a graph node by node. An operator is computed by its row in the operator table where that has an evaluation, else by
 * the interpreter's own; values are forgotten after their last reader.
 */
import { PareError } from '#base/failure.ts';
import { shapeText } from '#base/nd-array.ts';
import { isOpaque, refusalsOf } from '#ir/opaque.ts';
import type { Graph, Model, Node, Value, ValueId } from '#ir/model.ts';
import { allValues, subgraphsOf } from '#ir/walk.ts';
import { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { elementsOf } from '#ops/dims.ts';
import { UNKNOWN, type Facts, type TensorType } from '#ops/facts.ts';
import { typesOf } from '#ops/follow.ts';
import { operatorName, operatorOf, opsetOf } from '#ops/table.ts';
import type { LoadedConstants } from './constants.ts';
import { rounded } from './grid.ts';
import { EVALUATIONS } from './operators/index.ts';

/** Results beyond this are refused before they are made: 2 GB of real numbers, and as much again to compute them. */
const MAX_ELEMENTS = 2 ** 28;

export class GraphRun {
  readonly #model: Model;
  readonly #values: ReadonlyMap<ValueId, Value>;
  readonly #constants: LoadedConstants;
  /** Ids are unique across all graphs, so one table serves them all; a body writes its values anew in every turn. */
  readonly #known = new Map<ValueId, Dense>();

  constructor(model: Model, constants: LoadedConstants) {
    this.#model = model;
    this.#values = allValues(model.graph);
    this.#constants = constants;
  }

  /** Outputs of the main graph, in its order. `feeds` wins over constants that are inputs too. */
  run(feeds: ReadonlyMap<ValueId, Dense>): readonly Dense[] {
    for (const [id, dense] of feeds) this.#define(id, dense);
    const { graph } = this.#model;
    const last = lastReaders(graph);
    for (const [at, node] of graph.nodes.entries()) {
      this.#node(node);
      for (const id of last.get(at) ?? []) this.#known.delete(id);
    }
    return graph.outputs.map((id) => this.#read(id, 'the end of the graph'));
  }

  #inner(graph: Graph, inputs: readonly (Dense | undefined)[]): readonly Dense[] {
    for (const [at, id] of graph.inputs.entries()) {
      const dense = inputs[at];
      if (dense !== undefined) this.#define(id, dense);
    }
    for (const node of graph.nodes) this.#node(node);
    return graph.outputs.map((id) => this.#read(id, `the end of ${graph.name}`));
  }

  /** Whoever reads a value with a grid sees it rounded, so it is rounded once, here. */
  #define(id: ValueId, dense: Dense): void {
    const quantization = this.#values.get(id)?.quantization;
    const grid = quantization?.levels === undefined ? undefined : this.#constants.grids.get(id);
    this.#known.set(
      id,
      grid === undefined || quantization?.levels === undefined ? dense : rounded(dense, grid, quantization.levels),
    );
  }

  #read(id: ValueId, reader: string): Dense {
    const dense = this.#known.get(id) ?? this.#constants.values.get(id);
    if (dense !== undefined) return dense;
    const value = this.#values.get(id);
    const text = value?.constant?.dtype;
    throw new PareError({
      code: 'interpreter/no-value',
      place: `value ${value?.name ?? String(id)}`,
      problem:
        text === undefined
          ? `it is read by ${reader}, but nothing makes it.`
          : `values of type ${text} are not computed here.`,
    });
  }

  #node(node: Node): void {
    const name = operatorName(node.domain, node.op);
    const inputs = node.inputs.map((id): Facts | undefined => {
      if (id === null) return undefined;
      const dense = this.#read(id, `${node.op} ${node.name}`);
      return { dtype: dense.dtype, shape: dense.shape, constant: true, dense };
    });
    const call = new Call(node, opsetOf(this.#model.opsets, node.domain), inputs, this.#constants.attributesOf(node));
    const types = expectedTypes(node, call);
    const outputs = this.#evaluate(node, name, call);
    for (const [at, id] of node.outputs.entries()) {
      if (id === null) continue;
      const dense = outputs[at];
      if (dense === undefined) throw notCovered(node, `its output ${String(at)} is not computed here.`);
      checkType(node, dense, types[at] ?? UNKNOWN);
      this.#define(id, dense);
    }
  }

  #evaluate(node: Node, name: string, call: Call): readonly (Dense | undefined)[] {
    const wanted = node.outputs.flatMap((id, at) => (id === null ? [] : [at]));
    const complete = (outputs: readonly (Dense | undefined)[] | undefined): boolean =>
      outputs !== undefined && wanted.every((at) => outputs[at] !== undefined);
    try {
      const ofRow = operatorOf(node.domain, node.op)?.evaluate?.(call);
      if (ofRow !== undefined && complete(ofRow)) return ofRow;
      const own = EVALUATIONS.get(name)?.(call, (graph, inputs) => this.#inner(graph, inputs));
      if (own !== undefined) return own;
    } catch (error) {
      // Evaluations take a node to be valid; one that is not must end in a sentence.
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      throw notCovered(node, `it breaks a rule of its operator (${error.message}).`);
    }
    if (isOpaque(node)) {
      const [refusal] = refusalsOf({ graph: { ...this.#model.graph, nodes: [node] } });
      throw new PareError({
        code: 'interpreter/opaque',
        place: `${node.op} ${node.name}`,
        problem: refusal?.reason ?? 'it has no counterpart in ONNX.',
        ...(refusal?.hint === undefined ? {} : { hint: refusal.hint }),
      });
    }
    throw notCovered(
      node,
      EVALUATIONS.has(name)
        ? `this case of ${name} is not computed here.`
        : `the operator ${name} is not computed here.`,
    );
  }
}

/** What the operator's rules say of the outputs. */
function expectedTypes(node: Node, call: Call): readonly (TensorType | null)[] {
  const row = operatorOf(node.domain, node.op);
  if (row === undefined) return [];
  let types: readonly (TensorType | null)[];
  try {
    types = typesOf(row, call);
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw notCovered(node, `it breaks a rule of its operator (${error.message}).`);
  }
  for (const type of types) {
    const count = elementsOf(type?.shape) ?? 0;
    if (count > MAX_ELEMENTS)
      throw notCovered(node, `its result of ${String(count)} elements is too large to be computed here.`);
  }
  return types;
}

/** A result of another type or shape than the rules say comes of inputs that do not go together. */
function checkType(node: Node, dense: Dense, { dtype, shape }: TensorType): void {
  const fits =
    shape === null ||
    (shape.length === dense.shape.length &&
      shape.every((size, axis) => typeof size !== 'number' || size === dense.shape[axis]));
  if ((dtype === null || dtype === dense.dtype) && fits) return;
  const [said, made] = [`${dtype ?? '?'} ${shapeText(shape ?? [])}`, `${dense.dtype} ${shapeText(dense.shape)}`];
  throw notCovered(node, `its inputs do not go together: the result should be ${said} and is ${made}.`);
}

function notCovered(node: Node, problem: string): PareError {
  return new PareError({ code: 'interpreter/not-covered', place: `${node.op} ${node.name}`, problem });
}

/** For each node by position, the values that nobody reads after it. */
function lastReaders(graph: Graph): ReadonlyMap<number, readonly ValueId[]> {
  const last = new Map<ValueId, number>();
  for (const [at, node] of graph.nodes.entries()) {
    for (const id of node.outputs) if (id !== null) last.set(id, at);
    for (const id of readBy(node)) last.set(id, at);
  }
  for (const id of graph.outputs) last.delete(id);
  const ends = new Map<number, ValueId[]>();
  for (const [id, at] of last) {
    const list = ends.get(at);
    if (list === undefined) ends.set(at, [id]);
    else list.push(id);
  }
  return ends;
}

/** Inputs of a node and everything its subgraphs read. */
function* readBy(node: Node): Generator<ValueId> {
  for (const id of node.inputs) if (id !== null) yield id;
  for (const { graph } of subgraphsOf(node)) {
    for (const inner of graph.nodes) yield* readBy(inner);
    yield* graph.outputs;
  }
}
