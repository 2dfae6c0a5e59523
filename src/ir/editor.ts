/**
 * The only way to change a model. An editor is opened on an immutable model, passes edit through it, and `finish` gives
 * the next immutable model; values and nodes that were not touched are shared with the one before.
 */
import type { Attrs, Graph, Model, Node, Shape, Tensor, Value, ValueId } from './model.ts';
import type { DType } from '#base/dtype.ts';
import type { Quantization } from './model.ts';

export interface NewValue {
  readonly name: string;
  readonly dtype: DType | null;
  readonly shape: Shape | null;
}

export interface NewNode {
  /** Wished name; made unique by the editor. */
  readonly name: string;
  readonly op: string;
  readonly domain?: string;
  readonly inputs: readonly (ValueId | null)[];
  /** Existing values (not produced by another node) or descriptions of new ones. */
  readonly outputs: readonly (ValueId | NewValue | null)[];
  readonly attrs?: Attrs;
}

/** Where to put a node: in the graph of, and directly before or after, another node; or at a graph's start. */
export type Place = { readonly before: Node } | { readonly after: Node } | { readonly startOf: GraphPath };

/** A graph inside the model: empty for the main one, else node and attribute names that lead to a subgraph. */
export type GraphPath = readonly { readonly node: string; readonly attr: string; readonly index?: number }[];

export interface Editor {
  /** The main graph as it stands now. Cheap to call; a snapshot, not live. */
  readonly graph: Graph;
  readonly model: Model;
  /** Every node of the main graph and of all subgraphs, outer before inner, in execution order. */
  nodes(): readonly Node[];
  /** The graph that holds the node, as a path. */
  pathOf(node: Node): GraphPath;
  value(id: ValueId): Value;
  /** The constant behind a value: an initializer or the output of a Constant node. */
  constantOf(id: ValueId | null | undefined): Tensor | undefined;
  producer(id: ValueId): Node | undefined;
  /** Nodes that read the value, in any graph; a graph that lists it as output is not a node: see `isOutput`. */
  users(id: ValueId): readonly Node[];
  /** Whether the main graph or a subgraph lists the value among its outputs. */
  isOutput(id: ValueId): boolean;
  /** Whether the value is an input of the main graph or of a subgraph (an overridable initializer counts as constant, not input). */
  isInput(id: ValueId): boolean;
  addConstant(name: string, tensor: Tensor, quantization?: Quantization, at?: GraphPath): ValueId;
  /** Replaces what a constant holds. The value keeps its id, name and real dtype unless `dtype` is given. */
  setConstant(id: ValueId, tensor: Tensor, quantization?: Quantization, dtype?: DType): void;
  /** Rounds a computed value to a grid wherever it is read, or (undefined) no longer. Constants: see `setConstant`. */
  setQuantization(id: ValueId, quantization: Quantization | undefined): void;
  setValue(id: ValueId, change: Partial<Pick<Value, 'dtype' | 'shape' | 'name'>>): void;
  addNode(node: NewNode, place: Place): Node;
  /** Removes a node; values it produced that nobody uses go with it. */
  removeNode(node: Node): void;
  setInputs(node: Node, inputs: readonly (ValueId | null)[]): Node;
  setAttrs(node: Node, attrs: Attrs): Node;
  setOp(node: Node, op: string, domain?: string): Node;
  /** Every reader of `of` (nodes in any graph, and graph outputs when `outputs`) reads `by` instead. */
  replaceUses(of: ValueId, by: ValueId, outputs?: boolean): void;
  /** Removes a constant that nothing reads. */
  removeValue(id: ValueId): void;
  /** Takes a constant off its graph's inputs, so that callers can no longer override it. Before IR 4 every one had to be there. */
  closeInput(id: ValueId): void;
  setOpset(domain: string, version: number): void;
  setIrVersion(version: number): void;
  setMetadata(key: string, value: string): void;
  finish(): Model;
}
