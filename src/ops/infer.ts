/**
 * Types and shapes of every value, found by walking the graph in execution order. Small integers are followed through
 * shape arithmetic (Shape, Gather, Concat, Reshape), names of sizes included; weights are never read.
 */
import type { Graph, Model, Node, Shape, Tensor, Value, ValueId } from '#ir/model.ts';
import { allValues, subgraphsOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Notice } from '#base/notice.ts';
import { countOf, kindOf } from '#base/dtype.ts';
import { shapeText } from '#base/nd-array.ts';
import { Call } from './call.ts';
import { decode, denseOf, type Dense } from './dense.ts';
import { isKnown, MAX_FOLLOWED, mergeDim } from './dims.ts';
import { UNKNOWN, type Facts, type TensorType } from './facts.ts';
import { follow, typesOf, type Followed } from './follow.ts';
import type { Operator } from './operator.ts';
import { operatorOf, opsetOf } from './table.ts';
import { rebuild } from './rebuild.ts';

/** Real-valued results that could only matter to Resize and Range are followed up to this many elements. */
const MAX_FOLLOWED_REALS = 32;
const LIMITS = { integers: MAX_FOLLOWED, reals: MAX_FOLLOWED_REALS };

export interface InferredModel {
  readonly model: Model;
  /** Where what the file declares and what the operators give cannot both hold. */
  readonly notices: readonly Notice[];
  /** Integer values that are the same in every run: constants of shape arithmetic, small ones only. */
  readonly integers: ReadonlyMap<ValueId, Dense>;
}

/** The model with every type and shape that can be known; declared ones are kept. */
export async function inferShapes(model: Model, store: WeightStore): Promise<Model> {
  return (await checkShapes(model, store)).model;
}

/** As `inferShapes`, with a notice for each declared type that contradicts the inferred one. */
export async function checkShapes(model: Model, store: WeightStore): Promise<InferredModel> {
  const inference = new Inference(model, store);
  await inference.graph(model.graph);
  return {
    model: { ...model, graph: rebuild(model.graph, inference.types) },
    notices: inference.notices,
    integers: inference.integers(),
  };
}

class Inference {
  /** What is to be written into the model. */
  readonly types = new Map<ValueId, TensorType>();
  readonly notices: Notice[] = [];
  readonly #model: Model;
  readonly #store: WeightStore;
  readonly #values: Map<ValueId, Value>;
  readonly #outputs = new Set<ValueId>();
  /** What holds for rules further down; finer than `types` where a declaration is looser. */
  readonly #facts = new Map<ValueId, Facts>();
  readonly #held = new Map<ValueId, Tensor>();
  readonly #read = new Map<string, Dense | undefined>();

  constructor(model: Model, store: WeightStore) {
    this.#model = model;
    this.#store = store;
    this.#values = allValues(model.graph);
    for (const id of model.graph.outputs) this.#outputs.add(id);
    for (const value of this.#values.values()) {
      if (value.constant === undefined) continue;
      if (value.quantization === undefined) this.#held.set(value.id, value.constant);
      const dtype = value.dtype ?? value.constant.dtype;
      this.#facts.set(value.id, { dtype, shape: value.constant.shape, constant: true });
    }
  }

  /** Walks one graph; returns the types of its outputs. */
  async graph(graph: Graph): Promise<readonly TensorType[]> {
    for (const node of graph.nodes) {
      // Only waits when something must be read, so that thousands of nodes cost no turns of the event loop.
      const waiting = this.#node(node);
      if (waiting !== undefined) await waiting;
    }
    return graph.outputs.map((id) => this.#factsOf(id) ?? UNKNOWN);
  }

  /** Values of nodes, not of constants, whose elements are all known. */
  integers(): ReadonlyMap<ValueId, Dense> {
    const known = new Map<ValueId, Dense>();
    for (const [id, { dtype, shape, dense, elements }] of this.#facts) {
      if (dtype === null || shape === null || !isKnown(shape) || this.#held.has(id)) continue;
      if (!['signed', 'unsigned', 'bool'].includes(kindOf(dtype))) continue;
      const numbers = elements?.filter((one) => typeof one === 'number');
      const value =
        dense ??
        (numbers !== undefined && numbers.length === elements?.length ? denseOf(dtype, shape, numbers) : undefined);
      if (value !== undefined && value.dtype === dtype) known.set(id, value);
    }
    return known;
  }

  #factsOf(id: ValueId | null | undefined): Facts | undefined {
    if (id === null || id === undefined) return undefined;
    const known = this.#facts.get(id);
    if (known !== undefined) return known;
    const value = this.#values.get(id);
    return value === undefined ? undefined : { dtype: value.dtype, shape: value.shape, constant: false };
  }

  #node(node: Node): Promise<void> | undefined {
    const row = operatorOf(node.domain, node.op);
    const branches = subgraphsOf(node);
    const wanted = row === undefined ? [] : this.#wanted(node, row);
    if (branches.length === 0 && wanted.length === 0) {
      this.#apply(node, row, new Map());
      return undefined;
    }
    return (async () => {
      await Promise.all(wanted.map((tensor) => this.#load(tensor)));
      this.#apply(node, row, await this.#branches(node, branches));
    })();
  }

  /** Constants whose values this node needs and that were not read yet. */
  #wanted(node: Node, row: Operator): Tensor[] {
    const wanted = new Map<string, Tensor>();
    const want = (id: ValueId | null | undefined, limit: number): void => {
      const tensor = id === null || id === undefined ? undefined : this.#held.get(id);
      if (tensor === undefined || this.#read.has(tensor.key) || countOf(tensor.shape) > limit) return;
      wanted.set(tensor.key, tensor);
    };
    for (const input of row.shapeInputs ?? []) want(node.inputs[input], MAX_FOLLOWED);
    if ((row.follow ?? row.evaluate) !== undefined && node.op !== 'Constant') {
      const ready = node.inputs.every((id) => {
        if (id === null) return true;
        const facts = this.#factsOf(id);
        if (facts?.dense !== undefined || facts?.elements !== undefined) return true;
        const tensor = this.#held.get(id);
        return tensor !== undefined && countOf(tensor.shape) <= limitFor(tensor);
      });
      if (ready) for (const id of node.inputs) want(id, MAX_FOLLOWED);
      const value = node.attrs.get('value');
      if (ready && value?.type === 'tensor' && !this.#read.has(value.value.key))
        wanted.set(value.value.key, value.value);
    }
    return [...wanted.values()];
  }

  async #load(tensor: Tensor): Promise<void> {
    if (kindOf(tensor.dtype) === 'string') return;
    this.#read.set(tensor.key, decode(tensor.dtype, tensor.shape, await this.#store.read(tensor)));
  }

  async #branches(
    node: Node,
    branches: ReturnType<typeof subgraphsOf>,
  ): Promise<ReadonlyMap<string, readonly TensorType[]>> {
    const types = new Map<string, readonly TensorType[]>();
    for (const { attr, graph } of branches) {
      const given = this.#bodyInputs(node, graph);
      this.#enter(graph, given);
      let made = await this.graph(graph);
      // Carried values must keep their shape for the first guess to hold in every iteration.
      if (given.some((type, at) => changes(type, made, at, node))) {
        this.#enter(
          graph,
          given.map((type) => ({ dtype: type.dtype, shape: null })),
        );
        made = await this.graph(graph);
      }
      types.set(attr, made);
    }
    return types;
  }

  /** Types that Loop and Scan hand to their body; none for If. */
  #bodyInputs(node: Node, body: Graph): readonly TensorType[] {
    const outer = (at: number): TensorType => this.#factsOf(node.inputs[at]) ?? UNKNOWN;
    if (node.op === 'Loop') {
      const scalar = (dtype: 'i64' | 'bool'): TensorType => ({ dtype, shape: [] });
      return body.inputs.map((_, at) => (at === 0 ? scalar('i64') : at === 1 ? scalar('bool') : outer(at)));
    }
    if (node.op === 'Scan' && opsetOf(this.#model.opsets, '') >= 9) {
      const call = new Call(node, 9, []);
      const carried = node.inputs.length - call.int('num_scan_inputs', 0);
      const axes = call.ints('scan_input_axes');
      return body.inputs.map((_, at) => {
        const type = outer(at);
        if (at < carried || type.shape === null) return type;
        const axis = axes?.[at - carried] ?? 0;
        const gone = axis < 0 ? axis + type.shape.length : axis;
        return { dtype: type.dtype, shape: type.shape.filter((_size, one) => one !== gone) };
      });
    }
    return [];
  }

  #enter(body: Graph, given: readonly TensorType[]): void {
    for (const [at, id] of body.inputs.entries()) {
      const type = given[at];
      if (type !== undefined) this.#settle(id, type, false);
    }
  }

  #callOf(node: Node, branches: ReadonlyMap<string, readonly TensorType[]>): Call {
    const inputs = node.inputs.map((id) => {
      const facts = this.#factsOf(id);
      const tensor = id === null ? undefined : this.#held.get(id);
      const dense = tensor === undefined ? undefined : this.#read.get(tensor.key);
      return facts === undefined || dense === undefined ? facts : { ...facts, dense };
    });
    const value = node.attrs.get('value');
    const read = value?.type === 'tensor' ? this.#read.get(value.value.key) : undefined;
    const tensors = read === undefined ? undefined : new Map([['value', read]]);
    return new Call(node, opsetOf(this.#model.opsets, node.domain), inputs, tensors, branches);
  }

  #apply(node: Node, row: Operator | undefined, branches: ReadonlyMap<string, readonly TensorType[]>): void {
    if (row === undefined) return;
    const call = this.#callOf(node, branches);
    let types: readonly (TensorType | null)[] = [];
    let values: readonly Followed[] = [];
    try {
      types = typesOf(row, call);
      values = follow(row, call, types, LIMITS);
    } catch (error) {
      // Rules take a node to be valid; one that is not (a step of 0, a negative size) must not end the whole walk.
      if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
      this.#broken(node);
    }
    const held = node.op === 'Constant' ? node.attrs.get('value') : undefined;
    for (const [at, id] of node.outputs.entries()) {
      if (id === null) continue;
      const dense = values[at]?.dense;
      const type = dense ?? types[at] ?? UNKNOWN;
      this.#settle(id, type, node.op === 'Constant', { dense, elements: values[at]?.elements });
      if (held?.type === 'tensor') this.#held.set(id, held.value);
    }
  }

  /** Joins what a rule gave with what the file declares. */
  #settle(id: ValueId, type: TensorType, constant: boolean, values: Followed = {}): void {
    const value = this.#values.get(id);
    const declared = value?.declared === true ? value : undefined;
    const dtype = declared?.dtype ?? type.dtype ?? value?.dtype ?? null;
    if (value !== undefined && declared?.dtype != null && type.dtype !== null && declared.dtype !== type.dtype) {
      this.#contradiction(value, `is declared ${declared.dtype} but its operator gives ${type.dtype}`);
    }
    const shape = this.#mergedShape(value, declared?.shape ?? null, type.shape);
    const facts = { dtype, shape: shape ?? value?.shape ?? null, constant, ...values };
    this.#facts.set(id, facts);
    const fixed = declared?.shape ?? null;
    const keepsNames = this.#outputs.has(id) && fixed !== null && fixed.length === facts.shape?.length;
    const written = keepsNames ? fixed.map((size, axis) => size ?? facts.shape?.[axis] ?? null) : facts.shape;
    this.types.set(id, { dtype, shape: written });
  }

  #mergedShape(value: Value | undefined, declared: Shape | null, inferred: Shape | null): Shape | null {
    if (declared === null || inferred === null) return inferred ?? declared;
    const clash = `is declared ${shapeText(declared)} but its operator gives ${shapeText(inferred)}`;
    if (declared.length !== inferred.length) {
      if (value !== undefined) this.#contradiction(value, clash);
      return inferred;
    }
    const merged = declared.map((size, axis) => mergeDim(size, inferred[axis] ?? null));
    if (merged.some((size) => size === undefined)) {
      if (value !== undefined) this.#contradiction(value, clash);
      return inferred;
    }
    return merged.map((size) => size ?? null);
  }

  #broken(node: Node): void {
    this.notices.push({
      level: 'warning',
      code: 'ops/broken-node',
      text: `The ${node.op} ${node.name} breaks a rule of its operator, so the shape of its result is not known.`,
      at: node.name,
    });
  }

  #contradiction(value: Value, what: string): void {
    this.notices.push({
      level: 'warning',
      code: 'ops/shape-contradiction',
      text: `The value ${value.name} ${what}; the declaration is kept in the file.`,
      at: value.name,
    });
  }
}

function limitFor(tensor: Tensor): number {
  const kind = kindOf(tensor.dtype);
  return kind === 'float' ? MAX_FOLLOWED_REALS : MAX_FOLLOWED;
}

/** Whether a Loop or Scan body turns a carried value into one of another shape. */
function changes(given: TensorType, made: readonly TensorType[], at: number, node: Node): boolean {
  const carried = node.op === 'Loop' ? at >= 2 : node.op === 'Scan' ? at < made.length : false;
  const after = made[node.op === 'Loop' ? at - 1 : at];
  if (!carried || after === undefined || given.shape === null) return false;
  if (after.shape === null || after.shape.length !== given.shape.length) return true;
  return after.shape.some((size, axis) => size !== given.shape?.[axis] || size === null);
}
