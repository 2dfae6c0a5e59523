/** The graph while it is built: values, nodes and what is known of them, as they lie. Names are wishes until the end. */
import type { DType } from '#base/dtype.ts';
import { kindOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Attr, Graph, Node, NodeId, Quantization, Shape, Tensor, Value, ValueId } from '#ir/model.ts';
import { subgraphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { Call } from '#ops/call.ts';
import { decode, encode, type Dense } from '#ops/dense.ts';
import type { Facts, TensorType } from '#ops/facts.ts';
import { UNKNOWN } from '#ops/facts.ts';
import { follow, typesOf } from '#ops/follow.ts';
import { operatorOf } from '#ops/table.ts';

/** Larger results than this are left to the runtime, which folds them when it loads the model. */
const MOST_FOLDED = { integers: 65_536, reals: 65_536 };
/** Larger models than any exporter makes: a file that asks for more is damaged. */
const MOST_NODES = 1_000_000;

/** Of these every output may be left out; of others onnxruntime wants them all (a Split without its first result ends it). */
const OPTIONAL_OUTPUTS = new Set(['LSTM', 'GRU', 'RNN']);

interface DraftValue {
  readonly id: ValueId;
  wish: string;
  constant?: Tensor;
  quantization?: Quantization;
}

/** Counters that a graph and its subgraphs share. */
export interface Ids {
  value: number;
  node: number;
}

/** Names that are given out already, in the graph and those inside it. */
export interface Taken {
  readonly values: Set<string>;
  readonly nodes: Set<string>;
}

export interface EmitOptions {
  readonly op: string;
  readonly domain: string;
  readonly name: string;
  readonly outputs: readonly (string | null)[];
  readonly attrs: ReadonlyMap<string, Attr>;
  readonly types?: readonly (TensorType | undefined)[];
}

export class Draft {
  readonly inputs: ValueId[] = [];
  readonly outputs: ValueId[] = [];
  readonly #store: WeightStore;
  readonly #opset: number;
  readonly #outer: Draft | undefined;
  readonly #ids: Ids;
  readonly #values = new Map<ValueId, DraftValue>();
  readonly #facts = new Map<ValueId, Facts>();
  #nodes: Node[] = [];

  constructor(store: WeightStore, opset: number, outer?: Draft) {
    this.#store = store;
    this.#opset = opset;
    this.#outer = outer;
    this.#ids = outer === undefined ? { value: 0, node: 0 } : outer.#ids;
  }

  facts(id: ValueId): Facts {
    return this.#facts.get(id) ?? this.#outer?.facts(id) ?? { ...UNKNOWN, constant: false };
  }

  constant(id: ValueId): { readonly tensor: Tensor; readonly quantization?: Quantization } | undefined {
    const value = this.#values.get(id);
    if (value === undefined) return this.#outer?.constant(id);
    const { constant, quantization } = value;
    if (constant === undefined) return undefined;
    return { tensor: constant, ...(quantization === undefined ? {} : { quantization }) };
  }

  quantization(id: ValueId): Quantization | undefined {
    return this.#values.get(id)?.quantization ?? this.#outer?.quantization(id);
  }

  isOwn(id: ValueId): boolean {
    return this.#values.has(id);
  }

  nameOf(id: ValueId): string {
    return this.#values.get(id)?.wish ?? this.#outer?.nameOf(id) ?? '';
  }

  rename(id: ValueId, wish: string): void {
    const value = this.#values.get(id);
    if (value !== undefined) value.wish = wish;
  }

  setQuantization(id: ValueId, quantization: Quantization): void {
    const value = this.#values.get(id);
    if (value !== undefined) value.quantization = quantization;
  }

  addInput(wish: string, dtype: DType | null, shape: Shape | null): ValueId {
    const id = this.#add({ wish }, { dtype, shape, constant: false });
    this.inputs.push(id);
    return id;
  }

  addConstant(wish: string, tensor: Tensor, dense?: Dense, quantization?: Quantization): ValueId {
    const dtype = quantization === undefined ? tensor.dtype : quantization.scale.dtype;
    const known = quantization === undefined ? dense : undefined;
    return this.#add(
      { wish, constant: tensor, ...(quantization === undefined ? {} : { quantization }) },
      { dtype, shape: tensor.shape, constant: true, ...(known === undefined ? {} : { dense: known }) },
    );
  }

  addDense(wish: string, dense: Dense): ValueId {
    return this.addConstant(wish, this.#store.put(dense.dtype, dense.shape, encode(dense)), dense);
  }

  /** Values of packed bytes, where they are of a type that is evaluated. */
  decoded(tensor: Tensor, bytes: Uint8Array | undefined): Dense | undefined {
    if (bytes === undefined || kindOf(tensor.dtype) === 'string') return undefined;
    return decode(tensor.dtype, tensor.shape, bytes);
  }

  #add(value: Omit<DraftValue, 'id'>, facts: Facts): ValueId {
    const id = this.#ids.value++ as ValueId;
    this.#values.set(id, { ...value, id });
    this.#facts.set(id, facts);
    return id;
  }

  /** Adds a node, or constants where its results are few and follow from constants. */
  emit(inputs: readonly (ValueId | null)[], options: EmitOptions): readonly ValueId[] {
    const { op, domain, name, outputs, attrs } = options;
    if (this.#ids.node > MOST_NODES) {
      throw new PareError({
        code: 'lowering/too-large',
        place: name,
        problem: `The model takes more than ${MOST_NODES} nodes.`,
        hint: 'The file is damaged, or calls itself without end.',
      });
    }
    const node: Node = {
      id: this.#ids.node++ as NodeId,
      name,
      op,
      domain,
      inputs,
      outputs: outputs.map((output) => (output === null ? null : (0 as ValueId))),
      attrs,
    };
    const row = operatorOf(domain, op);
    let types: readonly (TensorType | null)[] = [];
    let values: readonly Partial<Facts>[] = [];
    if (row !== undefined && !this.#hasGraphs(node)) {
      const call = new Call(node, domain === '' ? this.#opset : 1, this.#inputFacts(inputs));
      try {
        types = typesOf(row, call);
        values = follow(row, call, types, MOST_FOLDED);
      } catch (error) {
        // Rules take a node to be valid; of one that is not, nothing is known.
        if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      }
    }
    const folded = values.length === outputs.length && values.every(({ dense }) => dense !== undefined);
    if (folded && values.length > 0) {
      return values.map(({ dense }, at) => this.addDense(outputs[at] ?? `${name}_${at}`, dense!));
    }
    const ids = outputs.map((output, at): ValueId | null => {
      if (output === null) return null;
      const type = types[at] ?? UNKNOWN;
      const given = options.types?.[at];
      return this.#add(
        { wish: output },
        {
          dtype: type.dtype ?? given?.dtype ?? null,
          shape: type.shape ?? given?.shape ?? null,
          constant: false,
          ...(values[at]?.elements === undefined ? {} : { elements: values[at].elements }),
        },
      );
    });
    this.#nodes.push({ ...node, outputs: ids });
    return ids.map((id) => id ?? (-1 as ValueId));
  }

  #hasGraphs(node: Node): boolean {
    return [...node.attrs.values()].some((attr) => attr.type === 'graph' || attr.type === 'graphs');
  }

  #inputFacts(inputs: readonly (ValueId | null)[]): readonly (Facts | undefined)[] {
    return inputs.map((id) => (id === null ? undefined : this.facts(id)));
  }

  /** Only what the outputs need, under names that no two share. `taken` grows by the names that are given out. */
  graph(name: string, taken: Taken, prefix = ''): Graph {
    const live = new Set<ValueId>(this.outputs);
    const kept: Node[] = [];
    for (const node of this.#nodes.toReversed()) {
      if (!node.outputs.some((id) => id !== null && live.has(id))) continue;
      kept.push(node);
      for (const id of readsOf(node)) live.add(id);
    }
    kept.reverse();
    const values = new Map<ValueId, Value>();
    // Inputs and outputs are what callers know: they get their names first.
    for (const id of [...this.inputs, ...this.outputs]) this.#settle(id, values, taken.values, prefix);
    // Results that nobody reads are left out where the operator allows it, and stay where it wants them all.
    for (const node of kept) {
      if (OPTIONAL_OUTPUTS.has(node.op)) continue;
      for (const id of node.outputs) if (id !== null) live.add(id);
    }
    for (const value of this.#values.values()) {
      if (live.has(value.id)) this.#settle(value.id, values, taken.values, prefix);
    }
    const nodes = kept.map((node) => ({
      ...node,
      name: unique(prefix + (node.name === '' ? node.op : node.name), taken.nodes),
      outputs: node.outputs.map((id) => (id !== null && live.has(id) ? id : null)),
    }));
    return {
      name,
      inputs: [...this.inputs],
      outputs: [...this.outputs],
      nodes: nodes.map((node) => ({ ...node, outputs: withoutTail(node.outputs) })),
      values,
    };
  }

  #settle(id: ValueId, values: Map<ValueId, Value>, taken: Set<string>, prefix: string): void {
    const value = this.#values.get(id);
    if (value === undefined || values.has(id)) return;
    const { dtype, shape } = this.facts(id);
    const { constant, quantization } = value;
    values.set(id, {
      id,
      name: unique(prefix + value.wish, taken),
      dtype,
      shape,
      ...(constant === undefined ? {} : { constant }),
      ...(quantization === undefined ? {} : { quantization }),
      ...(this.inputs.includes(id) ? { declared: true } : {}),
    });
  }
}

/** Values that a node needs, those that its subgraphs take from around them included. */
function readsOf(node: Node): readonly ValueId[] {
  const reads: ValueId[] = node.inputs.filter((id) => id !== null);
  for (const { graph } of subgraphsOf(node)) {
    for (const inner of graph.nodes) {
      for (const id of readsOf(inner)) if (!graph.values.has(id)) reads.push(id);
    }
    for (const id of graph.outputs) if (!graph.values.has(id)) reads.push(id);
  }
  return reads;
}

function withoutTail(outputs: readonly (ValueId | null)[]): readonly (ValueId | null)[] {
  let end = outputs.length;
  while (end > 1 && outputs[end - 1] === null) end--;
  return outputs.slice(0, end);
}

function unique(wish: string, taken: Set<string>): string {
  let name = wish;
  for (let at = 1; taken.has(name) || name === ''; at++) name = `${wish}_${at}`;
  taken.add(name);
  return name;
}
