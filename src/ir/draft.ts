/**
 * The mutable inside of an editor: graphs as linked lists of nodes, with producers, users and names indexed over the whole
 * model, so that each edit costs what it touches and not the size of the model.
 */
import type { GraphPath } from './editor.ts';
import type { Attr, Attrs, Graph, Node, NodeId, Value, ValueId } from './model.ts';

/** A node in its graph's list. */
export interface Slot {
  node: Node;
  readonly home: DraftGraph;
  previous: Slot | undefined;
  next: Slot | undefined;
  children: Child[];
}

interface Child {
  readonly attr: string;
  readonly index: number | undefined;
  /** The immutable graph the child was opened from: tells whether an attribute still means the same subgraph. */
  readonly opened: Graph;
  readonly graph: DraftGraph;
}

export interface DraftGraph {
  readonly owner: Slot | undefined;
  readonly place: { readonly attr: string; readonly index: number | undefined } | undefined;
  original: Graph;
  inputs: ValueId[];
  outputs: ValueId[];
  readonly values: Map<ValueId, Value>;
  first: Slot | undefined;
  last: Slot | undefined;
  dirty: boolean;
}

export class Draft {
  readonly root: DraftGraph;
  readonly producers = new Map<ValueId, NodeId>();
  /** Reader to the number of inputs through which it reads. */
  readonly users = new Map<ValueId, Map<NodeId, number>>();
  readonly #slots = new Map<NodeId, Slot>();
  readonly #homes = new Map<ValueId, DraftGraph>();
  readonly #outputUses = new Map<ValueId, number>();
  readonly #nodeNames = new Set<string>();
  readonly #valueNames = new Set<string>();
  readonly #suffixes = new Map<string, number>();
  #nextNode = 0;
  #nextValue = 0;

  constructor(graph: Graph) {
    this.root = this.#open(graph, undefined, undefined);
  }

  #open(graph: Graph, owner: Slot | undefined, place: DraftGraph['place']): DraftGraph {
    const draft: DraftGraph = {
      owner,
      place,
      original: graph,
      inputs: [...graph.inputs],
      outputs: [...graph.outputs],
      values: new Map(graph.values),
      first: undefined,
      last: undefined,
      dirty: false,
    };
    for (const value of graph.values.values()) {
      this.#homes.set(value.id, draft);
      this.#valueNames.add(value.name);
      this.#nextValue = Math.max(this.#nextValue, value.id + 1);
    }
    for (const id of graph.outputs) this.#countOutput(id, 1);
    for (const node of graph.nodes) this.#link(draft, node, undefined);
    draft.dirty = false;
    return draft;
  }

  #countOutput(id: ValueId, by: number): void {
    this.#outputUses.set(id, (this.#outputUses.get(id) ?? 0) + by);
  }

  #link(home: DraftGraph, node: Node, before: Slot | undefined): Slot {
    const previous = before === undefined ? home.last : before.previous;
    const slot: Slot = { node, home, previous, next: before, children: [] };
    if (previous === undefined) home.first = slot;
    else previous.next = slot;
    if (before === undefined) home.last = slot;
    else before.previous = slot;
    this.#slots.set(node.id, slot);
    this.#nodeNames.add(node.name);
    this.#nextNode = Math.max(this.#nextNode, node.id + 1);
    this.#index(node, 1);
    slot.children = this.#openChildren(slot, node.attrs, []);
    return slot;
  }

  #openChildren(slot: Slot, attrs: Attrs, old: readonly Child[]): Child[] {
    const children: Child[] = [];
    const open = (attr: string, index: number | undefined, graph: Graph): void => {
      const kept = old.find((child) => child.opened === graph && child.attr === attr && child.index === index);
      children.push(kept ?? { attr, index, opened: graph, graph: this.#open(graph, slot, { attr, index }) });
    };
    for (const [name, attr] of attrs) {
      if (attr.type === 'graph') open(name, undefined, attr.value);
      else if (attr.type === 'graphs') attr.value.forEach((graph, index) => open(name, index, graph));
    }
    for (const child of old) if (!children.includes(child)) this.#forget(child.graph);
    return children;
  }

  /** Takes a subgraph that is no longer part of the model out of the index. */
  #forget(graph: DraftGraph): void {
    for (let slot = graph.first; slot !== undefined; slot = slot.next) {
      this.#index(slot.node, -1);
      this.#slots.delete(slot.node.id);
      this.#nodeNames.delete(slot.node.name);
      for (const child of slot.children) this.#forget(child.graph);
    }
    for (const id of graph.outputs) this.#countOutput(id, -1);
    for (const value of graph.values.values()) {
      this.#homes.delete(value.id);
      this.#valueNames.delete(value.name);
    }
  }

  #index(node: Node, by: 1 | -1): void {
    for (const input of node.inputs) {
      if (input === null) continue;
      let readers = this.users.get(input);
      if (readers === undefined) this.users.set(input, (readers = new Map()));
      const count = (readers.get(node.id) ?? 0) + by;
      if (count > 0) readers.set(node.id, count);
      else readers.delete(node.id);
    }
    for (const output of node.outputs) {
      if (output === null) continue;
      if (by === 1) this.producers.set(output, node.id);
      else if (this.producers.get(output) === node.id) this.producers.delete(output);
    }
  }

  #touch(graph: DraftGraph): void {
    for (let at: DraftGraph | undefined = graph; at !== undefined && !at.dirty; at = at.owner?.home) at.dirty = true;
  }

  slot(id: NodeId): Slot {
    const slot = this.#slots.get(id);
    if (slot === undefined) throw new Error(`node ${String(id)} is not in the model`);
    return slot;
  }

  value(id: ValueId): Value {
    const value = this.#homes.get(id)?.values.get(id);
    if (value === undefined) throw new Error(`value ${String(id)} is not in the model`);
    return value;
  }

  homeOf(id: ValueId): DraftGraph {
    const home = this.#homes.get(id);
    if (home === undefined) throw new Error(`value ${String(id)} is not in the model`);
    return home;
  }

  outputUses(id: ValueId): number {
    return this.#outputUses.get(id) ?? 0;
  }

  nextNodeId(): NodeId {
    return this.#nextNode++ as NodeId;
  }

  uniqueNodeName(wish: string): string {
    return this.#unique(wish, this.#nodeNames);
  }

  addValue(home: DraftGraph, value: Omit<Value, 'id'>): ValueId {
    const id = this.#nextValue++ as ValueId;
    const name = this.#unique(value.name, this.#valueNames);
    this.#valueNames.add(name);
    this.#homes.set(id, home);
    home.values.set(id, { ...value, name, id });
    this.#touch(home);
    return id;
  }

  putValue(value: Value): void {
    const home = this.homeOf(value.id);
    home.values.set(value.id, value);
    this.#touch(home);
  }

  rename(from: string, to: string): void {
    if (this.#valueNames.has(to)) throw new Error(`the name ${to} is already taken by another value`);
    this.#valueNames.delete(from);
    this.#valueNames.add(to);
  }

  dropValue(id: ValueId): void {
    const home = this.homeOf(id);
    if (this.outputUses(id) > 0) throw new Error(`value ${this.value(id).name} is a graph output`);
    this.#valueNames.delete(this.value(id).name);
    home.values.delete(id);
    home.inputs = home.inputs.filter((input) => input !== id);
    this.#homes.delete(id);
    this.users.delete(id);
    this.#touch(home);
  }

  closeInput(id: ValueId): void {
    const home = this.homeOf(id);
    if (!home.inputs.includes(id)) return;
    home.inputs = home.inputs.filter((input) => input !== id);
    this.#touch(home);
  }

  insert(home: DraftGraph, node: Node, before: Slot | undefined): void {
    this.#link(home, node, before);
    this.#touch(home);
  }

  remove(id: NodeId): void {
    const slot = this.slot(id);
    const { home, previous, next } = slot;
    if (previous === undefined) home.first = next;
    else previous.next = next;
    if (next === undefined) home.last = previous;
    else next.previous = previous;
    this.#slots.delete(id);
    this.#nodeNames.delete(slot.node.name);
    this.#index(slot.node, -1);
    for (const child of slot.children) this.#forget(child.graph);
    this.#touch(home);
    for (const output of slot.node.outputs) {
      if (output !== null && this.#homes.has(output) && this.#isLoose(output)) this.dropValue(output);
    }
  }

  /** Drops a value that nothing makes and nothing reads any more. */
  dropIfDangling(id: ValueId): void {
    const made = this.producers.has(id) || this.homeOf(id).inputs.includes(id);
    if (!made && this.value(id).constant === undefined && this.#isLoose(id)) this.dropValue(id);
  }

  #isLoose(id: ValueId): boolean {
    return (this.users.get(id)?.size ?? 0) === 0 && this.outputUses(id) === 0;
  }

  replaceNode(id: NodeId, change: (old: Node) => Node): Node {
    const slot = this.slot(id);
    const old = slot.node;
    const node = change(old);
    this.#index(old, -1);
    slot.node = node;
    this.#index(node, 1);
    if (node.attrs !== old.attrs) slot.children = this.#openChildren(slot, node.attrs, slot.children);
    this.#touch(slot.home);
    return node;
  }

  swapOutputs(of: ValueId, by: ValueId): void {
    for (const graph of this.#graphs(this.root)) {
      if (!graph.outputs.includes(of)) continue;
      const moved = graph.outputs.filter((output) => output === of).length;
      graph.outputs = graph.outputs.map((output) => (output === of ? by : output));
      this.#countOutput(of, -moved);
      this.#countOutput(by, moved);
      this.#touch(graph);
    }
  }

  *#graphs(graph: DraftGraph): Generator<DraftGraph> {
    yield graph;
    for (let slot = graph.first; slot !== undefined; slot = slot.next) {
      for (const child of slot.children) yield* this.#graphs(child.graph);
    }
  }

  nodesInOrder(): readonly Node[] {
    const nodes: Node[] = [];
    const walk = (graph: DraftGraph): void => {
      for (let slot = graph.first; slot !== undefined; slot = slot.next) {
        nodes.push(slot.node);
        for (const child of slot.children) walk(child.graph);
      }
    };
    walk(this.root);
    return nodes;
  }

  pathOf(graph: DraftGraph): GraphPath {
    if (graph.owner === undefined || graph.place === undefined) return [];
    const { attr, index } = graph.place;
    const step = { node: graph.owner.node.name, attr, ...(index === undefined ? {} : { index }) };
    return [...this.pathOf(graph.owner.home), step];
  }

  graphAt(path: GraphPath): DraftGraph {
    let graph = this.root;
    for (const step of path) {
      let found: DraftGraph | undefined;
      for (let slot = graph.first; slot !== undefined && found === undefined; slot = slot.next) {
        if (slot.node.name !== step.node) continue;
        found = slot.children.find((child) => child.attr === step.attr && child.index === step.index)?.graph;
      }
      if (found === undefined) throw new Error(`no subgraph ${step.attr} at node ${step.node}`);
      graph = found;
    }
    return graph;
  }

  /** The immutable graph as it stands; what was not touched is the same object as before. */
  snapshot(): Graph {
    return this.#freeze(this.root);
  }

  #freeze(draft: DraftGraph): Graph {
    if (!draft.dirty) return draft.original;
    const nodes: Node[] = [];
    for (let slot = draft.first; slot !== undefined; slot = slot.next) {
      if (slot.children.some((child) => child.graph.dirty)) this.#freezeChildren(slot);
      nodes.push(slot.node);
    }
    draft.original = {
      ...draft.original,
      inputs: [...draft.inputs],
      outputs: [...draft.outputs],
      nodes,
      values: new Map(draft.values),
    };
    draft.dirty = false;
    return draft.original;
  }

  #freezeChildren(slot: Slot): void {
    const attrs = new Map<string, Attr>(slot.node.attrs);
    const children: Child[] = [];
    for (const child of slot.children) {
      const opened = this.#freeze(child.graph);
      children.push({ ...child, opened });
      const attr = attrs.get(child.attr);
      if (attr?.type === 'graphs' && child.index !== undefined) {
        attrs.set(child.attr, { type: 'graphs', value: attr.value.map((g, i) => (i === child.index ? opened : g)) });
      } else attrs.set(child.attr, { type: 'graph', value: opened });
    }
    slot.node = { ...slot.node, attrs };
    slot.children = children;
  }

  #unique(wish: string, taken: ReadonlySet<string>): string {
    if (wish !== '' && !taken.has(wish)) return wish;
    const stem = wish === '' ? 'unnamed' : wish;
    // Counting on from the last number keeps a thousand wishes for one name linear.
    for (let count = this.#suffixes.get(stem) ?? 1; ; count++) {
      const name = `${stem}_${String(count)}`;
      if (taken.has(name)) continue;
      this.#suffixes.set(stem, count + 1);
      return name;
    }
  }
}
