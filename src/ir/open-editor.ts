/** The editor of a model: draft graphs with an index of producers and users, kept right on every edit. */
import type { Editor, GraphPath, NewNode, NewValue, Place } from './editor.ts';
import { Draft, type DraftGraph, type Slot } from './draft.ts';
import type { Attrs, Graph, Model, Node, NodeId, Quantization, Tensor, Value, ValueId } from './model.ts';
import type { DType } from '#base/dtype.ts';

/** Opens a model for editing; the model itself is never changed. */
export function openEditor(model: Model): Editor {
  return new ModelEditor(model);
}

class ModelEditor implements Editor {
  readonly #draft: Draft;
  #model: Model;

  constructor(model: Model) {
    this.#model = model;
    this.#draft = new Draft(model.graph);
  }

  get graph(): Graph {
    return this.#draft.snapshot();
  }

  get model(): Model {
    const graph = this.#draft.snapshot();
    if (graph !== this.#model.graph) this.#model = { ...this.#model, graph };
    return this.#model;
  }

  nodes(): readonly Node[] {
    return this.#draft.nodesInOrder();
  }

  pathOf(node: Node): GraphPath {
    return this.#draft.pathOf(this.#draft.slot(node.id).home);
  }

  value(id: ValueId): Value {
    return this.#draft.value(id);
  }

  constantOf(id: ValueId | null | undefined): Tensor | undefined {
    if (id === null || id === undefined) return undefined;
    const value = this.#draft.value(id);
    if (value.constant !== undefined) return value.constant;
    const producer = this.producer(id);
    if (producer?.op !== 'Constant' || producer.domain !== '') return undefined;
    const attr = producer.attrs.get('value');
    return attr?.type === 'tensor' ? attr.value : undefined;
  }

  producer(id: ValueId): Node | undefined {
    const maker = this.#draft.producers.get(id);
    return maker === undefined ? undefined : this.#draft.slot(maker).node;
  }

  users(id: ValueId): readonly Node[] {
    const readers = this.#draft.users.get(id);
    return readers === undefined ? [] : [...readers.keys()].map((reader) => this.#draft.slot(reader).node);
  }

  isOutput(id: ValueId): boolean {
    return this.#draft.outputUses(id) > 0;
  }

  isInput(id: ValueId): boolean {
    const home = this.#draft.homeOf(id);
    return home.inputs.includes(id) && this.#draft.value(id).constant === undefined;
  }

  addConstant(name: string, tensor: Tensor, quantization?: Quantization, at: GraphPath = []): ValueId {
    const home = this.#draft.graphAt(at);
    return this.#draft.addValue(home, {
      name,
      dtype: quantization === undefined ? tensor.dtype : quantization.scale.dtype,
      shape: tensor.shape,
      constant: tensor,
      ...(quantization === undefined ? {} : { quantization }),
    });
  }

  setConstant(id: ValueId, tensor: Tensor, quantization?: Quantization, dtype?: DType): void {
    const { quantization: _old, ...rest } = this.#draft.value(id);
    this.#draft.putValue({
      ...rest,
      constant: tensor,
      shape: tensor.shape,
      ...(quantization === undefined ? {} : { quantization }),
      ...(dtype === undefined ? {} : { dtype }),
    });
  }

  setQuantization(id: ValueId, quantization: Quantization | undefined): void {
    const { quantization: _old, ...rest } = this.#draft.value(id);
    if (rest.constant !== undefined) throw new Error(`${rest.name} is a constant: setConstant takes its grid`);
    this.#draft.putValue(quantization === undefined ? rest : { ...rest, quantization });
  }

  setValue(id: ValueId, change: Partial<Pick<Value, 'dtype' | 'shape' | 'name'>>): void {
    const value = this.#draft.value(id);
    if (change.name !== undefined && change.name !== value.name) this.#draft.rename(value.name, change.name);
    this.#draft.putValue({ ...value, ...change });
  }

  addNode(node: NewNode, place: Place): Node {
    const home = 'startOf' in place ? this.#draft.graphAt(place.startOf) : this.#anchor(place).home;
    const outputs = node.outputs.map((output) => this.#output(output, home));
    const added: Node = {
      id: this.#draft.nextNodeId(),
      name: this.#draft.uniqueNodeName(node.name),
      op: node.op,
      domain: node.domain ?? '',
      inputs: node.inputs,
      outputs,
      attrs: node.attrs ?? new Map(),
    };
    const before = 'startOf' in place ? home.first : 'before' in place ? this.#anchor(place) : this.#anchor(place).next;
    this.#draft.insert(home, added, before);
    return added;
  }

  #anchor(place: { readonly before: Node } | { readonly after: Node }): Slot {
    return this.#draft.slot(('before' in place ? place.before : place.after).id);
  }

  #output(output: ValueId | NewValue | null, home: DraftGraph): ValueId | null {
    return output === null || typeof output === 'number' ? output : this.#draft.addValue(home, { ...output });
  }

  removeNode(node: Node): void {
    this.#draft.remove(node.id);
  }

  setInputs(node: Node, inputs: readonly (ValueId | null)[]): Node {
    return this.#draft.replaceNode(node.id, (old) => ({ ...old, inputs }));
  }

  setAttrs(node: Node, attrs: Attrs): Node {
    return this.#draft.replaceNode(node.id, (old) => ({ ...old, attrs }));
  }

  setOp(node: Node, op: string, domain = ''): Node {
    return this.#draft.replaceNode(node.id, (old) => ({ ...old, op, domain }));
  }

  replaceUses(of: ValueId, by: ValueId, outputs = false): void {
    // A copy: swapping edits the very index that is walked.
    const readers = Array.from(this.#draft.users.get(of)?.keys() ?? []);
    for (const reader of readers) this.#swapInput(reader, of, by);
    if (outputs) this.#draft.swapOutputs(of, by);
    this.#draft.dropIfDangling(of);
  }

  #swapInput(reader: NodeId, of: ValueId, by: ValueId): void {
    this.#draft.replaceNode(reader, (old) => ({
      ...old,
      inputs: old.inputs.map((input) => (input === of ? by : input)),
    }));
  }

  removeValue(id: ValueId): void {
    if ((this.#draft.users.get(id)?.size ?? 0) > 0) {
      throw new Error(`value ${this.#draft.value(id).name} is still read and cannot be removed`);
    }
    this.#draft.dropValue(id);
  }

  closeInput(id: ValueId): void {
    if (this.#draft.value(id).constant === undefined) {
      throw new Error(`value ${this.#draft.value(id).name} is a real input and cannot be closed`);
    }
    this.#draft.closeInput(id);
  }

  setOpset(domain: string, version: number): void {
    this.#model = { ...this.#model, opsets: new Map(this.#model.opsets).set(domain, version) };
  }

  setIrVersion(version: number): void {
    this.#model = { ...this.#model, irVersion: version };
  }

  setMetadata(key: string, value: string): void {
    this.#model = { ...this.#model, metadata: new Map(this.#model.metadata).set(key, value) };
  }

  finish(): Model {
    return this.model;
  }
}
