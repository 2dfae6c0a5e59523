/**
 * Finds the quantized layers of a finished model and, for each, its counterpart in the float model: the value that its
 * output stands for and the values that it reads. Counterparts are found by name.
 */
import type { Model, Node, Quantization, Value, ValueId } from '#ir/model.ts';
import { nodesOf, subgraphsOf } from '#ir/walk.ts';

/** The grids that a reader sees a value through, the first rounding first. */
export type Grids = readonly Quantization[];

export type LayerInput =
  | { readonly kind: 'absent' }
  /** A value of the float model, and the grids it is rounded to on the way to this layer. */
  | { readonly kind: 'value'; readonly id: ValueId; readonly grids: Grids }
  /** A constant of the finished model. */
  | { readonly kind: 'constant'; readonly value: Value };

export interface PlannedLayer {
  /** In the finished model. */
  readonly node: Node;
  /** In the float model; null when it has no node of that name and operator. */
  readonly original: Node | null;
  readonly inputs: readonly LayerInput[];
  /** Which output is measured. */
  readonly at: number;
  /** The output in the finished model, and its grids. */
  readonly output: Value;
  readonly outputGrids: Grids;
  /** What the output stands for in the float model. */
  readonly reference: Value;
  /** Activation functions of the float model that the layer's output has in it. */
  readonly folded: readonly Node[];
  readonly hasQuantizedConstants: boolean;
}

export interface LayerPlan {
  readonly layers: readonly PlannedLayer[];
  /** Quantized layers that cannot be measured, with the reason. */
  readonly left: readonly { readonly layer: string; readonly reason: string }[];
}

/** Operators that move values and compute none: their error is that of the layer before them. */
const MOVES = new Set([
  'DepthToSpace',
  'Expand',
  'Flatten',
  'GatherElements',
  'GatherND',
  'Identity',
  'MaxPool',
  'Reshape',
  'Slice',
  'SpaceToDepth',
  'Split',
  'Squeeze',
  'Tile',
  'Transpose',
  'Unsqueeze',
]);

/** Nodes of a file that was quantized before it was opened. */
const SPELLED = new Set(['QuantizeLinear', 'DequantizeLinear', 'DynamicQuantizeLinear']);

const FOLDABLE = new Set(['Relu', 'Clip']);

const TOO_OLD = 'the operator set of the float model has no Round, and the model cannot be raised to one that has';

const PRODUCTS = new Set(['Conv', 'Gemm', 'MatMul']);

/** `canRound`: whether the float model's opset can spell rounding to a grid. */
export function planLayers(before: Model, after: Model, canRound: boolean): LayerPlan {
  const finder = new Finder(before, after);
  const layers: PlannedLayer[] = [];
  const left: { layer: string; reason: string }[] = [];
  for (const { node, scope } of nodesOf(after.graph)) {
    if (scope.length > 0) {
      if (finder.isQuantized(node)) left.push({ layer: node.name, reason: 'it lies in a branch or loop' });
      continue;
    }
    if (!finder.isQuantized(node)) continue;
    const planned = finder.plan(node);
    if (typeof planned === 'string') left.push({ layer: node.name, reason: planned });
    else if (!canRound && hasGrids(planned)) left.push({ layer: node.name, reason: TOO_OLD });
    else layers.push(planned);
  }
  return { layers, left };
}

/** Whether anything that the layer reads or makes is rounded. */
export function hasGrids(layer: PlannedLayer): boolean {
  return layer.outputGrids.length > 0 || layer.inputs.some((input) => input.kind === 'value' && input.grids.length > 0);
}

class Finder {
  readonly #before: Model;
  readonly #beforeValues: ReadonlyMap<string, Value>;
  readonly #beforeNodes: ReadonlyMap<string, Node>;
  readonly #beforeProducers: ReadonlyMap<ValueId, Node>;
  readonly #beforeReaders: ReadonlyMap<ValueId, readonly Node[]>;
  readonly #afterNodes: ReadonlySet<string>;
  readonly #afterProducers: ReadonlyMap<ValueId, Node>;
  readonly #afterValues: ReadonlyMap<ValueId, Value>;

  constructor(before: Model, after: Model) {
    this.#before = before;
    this.#beforeValues = new Map([...before.graph.values.values()].map((value) => [value.name, value]));
    this.#beforeNodes = new Map(before.graph.nodes.map((node) => [node.name, node]));
    this.#beforeProducers = producersOf(before);
    this.#beforeReaders = readersOf(before);
    this.#afterNodes = new Set(after.graph.nodes.map((node) => node.name));
    this.#afterProducers = producersOf(after);
    this.#afterValues = after.graph.values;
  }

  isQuantized(node: Node): boolean {
    if (SPELLED.has(node.op)) return false;
    const inputs = node.inputs.map((id) => (id === null ? undefined : this.#afterValues.get(id)));
    if (inputs.some((value) => value?.constant !== undefined && value.quantization !== undefined)) return true;
    if (MOVES.has(node.op)) return false;
    const rounded = (value: Value | undefined): boolean => value?.quantization?.levels !== undefined;
    if (node.outputs.some((id) => id !== null && rounded(this.#afterValues.get(id)))) return true;
    return PRODUCTS.has(node.op) && inputs.slice(0, 2).every(rounded);
  }

  /** The layer with its counterparts, or why it has none. */
  plan(node: Node): PlannedLayer | string {
    if (subgraphsOf(node).length > 0) return 'it holds a branch or loop';
    const same = this.#beforeNodes.get(node.name);
    const original = same?.op === node.op && same.domain === node.domain ? same : null;
    const inputs: LayerInput[] = [];
    for (const id of node.inputs) {
      const input = this.#input(id);
      if (input === null) return `the float model has no value ${this.#nameOf(id)} that it reads`;
      inputs.push(input);
    }
    for (const [at, id] of node.outputs.entries()) {
      const output = id === null ? undefined : this.#afterValues.get(id);
      if (output === undefined) continue;
      const found = this.#reference(output, original?.outputs[at] ?? null);
      if (found === null) continue;
      if (found.reference.dtype !== 'f32' || output.dtype !== 'f32') {
        return `its output is ${found.reference.dtype ?? 'of unknown type'} before and ${output.dtype ?? 'unknown'} after, and only float32 is compared`;
      }
      return {
        node,
        original,
        inputs,
        at,
        output,
        outputGrids: gridsOf(output),
        ...found,
        hasQuantizedConstants: inputs.some(
          (input) => input.kind === 'constant' && input.value.quantization !== undefined,
        ),
      };
    }
    return 'the float model has no value that its output stands for';
  }

  #nameOf(id: ValueId | null): string {
    return id === null ? '' : (this.#afterValues.get(id)?.name ?? '');
  }

  #input(id: ValueId | null): LayerInput | null {
    if (id === null) return { kind: 'absent' };
    const value = this.#afterValues.get(id);
    if (value === undefined) return null;
    if (value.constant !== undefined) return { kind: 'constant', value };
    const grids = [...gridsOf(value)];
    let at = value;
    // A copy that is rounded again has no counterpart; what it copies has.
    while (!this.#beforeValues.has(at.name)) {
      const producer = this.#afterProducers.get(at.id);
      const source = producer?.op === 'Identity' ? producer.inputs[0] : undefined;
      const next = source == null ? undefined : this.#afterValues.get(source);
      if (next === undefined || next.constant !== undefined) return null;
      grids.unshift(...gridsOf(next));
      at = next;
    }
    const counterpart = this.#beforeValues.get(at.name);
    if (counterpart === undefined) return null;
    return { kind: 'value', id: this.#withFolded(counterpart, []).id, grids };
  }

  /** `made`: what the float node makes in that place. */
  #reference(output: Value, made: ValueId | null): Pick<PlannedLayer, 'reference' | 'folded'> | null {
    const named =
      this.#beforeValues.get(output.name) ?? (made === null ? undefined : this.#before.graph.values.get(made));
    if (named === undefined || named.constant !== undefined) return null;
    const folded = made === null ? [] : this.#between(made, named.id);
    const reference = this.#withFolded(named, folded);
    return { reference, folded };
  }

  /** The activation functions from one value of the float model to the other; none where there is no such way. */
  #between(from: ValueId, to: ValueId): Node[] {
    const way: Node[] = [];
    for (let at = to; at !== from;) {
      const producer = this.#beforeProducers.get(at);
      const source = producer?.inputs[0];
      if (producer === undefined || source == null || !FOLDABLE.has(producer.op)) return [];
      way.unshift(producer);
      at = source;
    }
    return way;
  }

  /** The value after the activation functions that only the float model still has; they are added to `folded`. */
  #withFolded(value: Value, folded: Node[]): Value {
    let at = value;
    for (;;) {
      const readers = this.#beforeReaders.get(at.id) ?? [];
      const [reader] = readers;
      const isOutput = this.#before.graph.outputs.includes(at.id);
      if (reader === undefined || readers.length > 1 || isOutput || !FOLDABLE.has(reader.op)) return at;
      // Still there, or its output is made by the layer before it: then the names agree already.
      if (this.#afterNodes.has(reader.name)) return at;
      const made = reader.outputs[0] == null ? undefined : this.#before.graph.values.get(reader.outputs[0]);
      if (made === undefined) return at;
      folded.push(reader);
      at = made;
    }
  }
}

function gridsOf(value: Value): Grids {
  return value.quantization?.levels === undefined ? [] : [value.quantization];
}

function producersOf(model: Model): ReadonlyMap<ValueId, Node> {
  const producers = new Map<ValueId, Node>();
  for (const node of model.graph.nodes) for (const id of node.outputs) if (id !== null) producers.set(id, node);
  return producers;
}

/** Readers in any graph. */
function readersOf(model: Model): ReadonlyMap<ValueId, readonly Node[]> {
  const readers = new Map<ValueId, Node[]>();
  for (const { node } of nodesOf(model.graph)) {
    for (const id of new Set(node.inputs)) {
      if (id === null) continue;
      const known = readers.get(id) ?? [];
      known.push(node);
      readers.set(id, known);
    }
  }
  return readers;
}
