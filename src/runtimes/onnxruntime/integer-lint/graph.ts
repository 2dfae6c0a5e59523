/**
 * A graph that can be rewritten in place, as light as the lint needs it: onnxruntime's optimizer moves, doubles and removes
 * QuantizeLinear and DequantizeLinear before it decides what runs in integers, and so does the lint. Nothing here is a model.
 */
import type { DType } from '#base/dtype.ts';
import type { Attrs, Graph, Node } from '#ir/model.ts';

/** A value: the model's own id, or a negative number for one that a rewrite made. */
export type Wire = number;

/** What a QuantizeLinear or DequantizeLinear does. */
export interface Grid {
  /** Of the stored integers. */
  readonly type: DType;
  /** Of the real numbers. */
  readonly real: DType;
  /** null: not one constant number. */
  readonly scale: number | null;
  /** 0 where the input is left out; null: not one constant number. */
  readonly zero: number | null;
  /** Whether the zero point is given: some of onnxruntime's rules want it written out. */
  readonly zeroGiven: boolean;
}

export interface LintNode {
  readonly op: string;
  readonly domain: string;
  /** null: made by a rewrite. */
  readonly source: Node | null;
  readonly attrs: Attrs;
  readonly inputs: readonly (Wire | null)[];
  readonly outputs: readonly (Wire | null)[];
  /** Of QuantizeLinear and DequantizeLinear. */
  grid?: Grid;
}

interface Mutable extends LintNode {
  inputs: (Wire | null)[];
  outputs: (Wire | null)[];
}

/** One way out of a value: a node's input. */
export interface Reader {
  readonly node: LintNode;
  readonly input: number;
}

export interface WireFacts {
  readonly name: string;
  readonly dtype: DType | null;
  readonly shape: readonly (number | string | null)[] | null;
  /** Holds the same in every run and cannot be overridden. */
  readonly constant: boolean;
}

export class LintGraph {
  readonly #nodes = new Set<Mutable>();
  readonly #producers = new Map<Wire, Mutable>();
  readonly #readers = new Map<Wire, Reader[]>();
  readonly #outputs: Set<Wire>;
  /** Values that a subgraph reads from here: they count as read by something that is no Q. */
  readonly #readInside: ReadonlySet<Wire>;
  readonly #facts: Map<Wire, WireFacts>;
  #next = -1;

  constructor(
    graph: Graph,
    facts: ReadonlyMap<Wire, WireFacts>,
    grids: ReadonlyMap<Node, Grid>,
    readInside: ReadonlySet<Wire>,
  ) {
    this.#facts = new Map(facts);
    this.#outputs = new Set(graph.outputs);
    this.#readInside = readInside;
    for (const node of graph.nodes) {
      const grid = grids.get(node);
      const { op, domain, attrs, inputs, outputs } = node;
      this.add({ op, domain, attrs, inputs, outputs, source: node, ...(grid === undefined ? {} : { grid }) });
    }
  }

  /** In the order in which they were added: the file's own, then what rewrites made. */
  nodes(): readonly LintNode[] {
    return [...this.#nodes];
  }

  has(node: LintNode): boolean {
    return this.#nodes.has(node as Mutable);
  }

  facts(wire: Wire | null | undefined): WireFacts | undefined {
    return wire === null || wire === undefined ? undefined : this.#facts.get(wire);
  }

  name(wire: Wire | null | undefined): string {
    return this.facts(wire)?.name ?? '';
  }

  isConstant(wire: Wire | null | undefined): boolean {
    return this.facts(wire)?.constant === true;
  }

  isOutput(wire: Wire): boolean {
    return this.#outputs.has(wire);
  }

  producer(wire: Wire | null | undefined): LintNode | undefined {
    return wire === null || wire === undefined ? undefined : this.#producers.get(wire);
  }

  readers(wire: Wire): readonly Reader[] {
    return this.#readers.get(wire) ?? [];
  }

  isReadInside(wire: Wire): boolean {
    return this.#readInside.has(wire);
  }

  /** Everything that reads any output of the node. */
  children(node: LintNode): readonly Reader[] {
    return node.outputs.flatMap((wire) => (wire === null ? [] : this.readers(wire)));
  }

  /** Whether exactly one node input reads what the node makes, and the graph does not give it out. */
  hasOneReader(node: LintNode): boolean {
    return this.children(node).length === 1 && !this.givesOut(node);
  }

  /** Whether an output of the node leaves the graph: as its output, or into a subgraph. */
  givesOut(node: LintNode): boolean {
    return node.outputs.some((wire) => wire !== null && (this.isOutput(wire) || this.isReadInside(wire)));
  }

  makeWire(like: Wire | null, dtype: DType | null): Wire {
    const wire = this.#next--;
    const facts = this.facts(like);
    this.#facts.set(wire, {
      name: facts?.name ?? '',
      dtype,
      shape: facts?.shape ?? null,
      constant: facts?.constant ?? false,
    });
    return wire;
  }

  add(node: LintNode): LintNode {
    const own: Mutable = { ...node, inputs: [...node.inputs], outputs: [...node.outputs] };
    this.#nodes.add(own);
    for (const wire of own.outputs) if (wire !== null) this.#producers.set(wire, own);
    own.inputs.forEach((wire, input) => this.#read(own, input, wire));
    return own;
  }

  setInput(node: LintNode, input: number, wire: Wire): void {
    const own = node as Mutable;
    this.#unread(own, input);
    own.inputs[input] = wire;
    this.#read(own, input, wire);
  }

  /** The node makes `wire` instead; whoever read the old one goes on reading it. */
  setOutput(node: LintNode, output: number, wire: Wire): void {
    const own = node as Mutable;
    const old = own.outputs[output];
    if (old !== null && old !== undefined && this.#producers.get(old) === own) this.#producers.delete(old);
    own.outputs[output] = wire;
    this.#producers.set(wire, own);
  }

  /** Removes the node; readers of its first output read its first input instead, and a graph output keeps its value. */
  bypass(node: LintNode): void {
    const [from] = node.inputs;
    const [to] = node.outputs;
    const readers = to === null || to === undefined ? [] : [...this.readers(to)];
    this.remove(node);
    if (from === null || from === undefined) return;
    for (const reader of readers) this.setInput(reader.node, reader.input, from);
  }

  remove(node: LintNode): void {
    const own = node as Mutable;
    own.inputs.forEach((_, input) => this.#unread(own, input));
    for (const wire of own.outputs) {
      if (wire !== null && this.#producers.get(wire) === own) this.#producers.delete(wire);
    }
    this.#nodes.delete(own);
  }

  #read(node: Mutable, input: number, wire: Wire | null): void {
    if (wire === null) return;
    const readers = this.#readers.get(wire);
    if (readers === undefined) this.#readers.set(wire, [{ node, input }]);
    else readers.push({ node, input });
  }

  #unread(node: Mutable, input: number): void {
    const wire = node.inputs[input];
    if (wire === null || wire === undefined) return;
    const readers = this.#readers.get(wire) ?? [];
    const at = readers.findIndex((reader) => reader.node === node && reader.input === input);
    if (at >= 0) readers.splice(at, 1);
  }
}

export function isQuantize(node: LintNode | undefined): node is LintNode & { readonly op: 'QuantizeLinear' } {
  return node?.op === 'QuantizeLinear';
}

export function isDequantize(node: LintNode | undefined): node is LintNode & { readonly op: 'DequantizeLinear' } {
  return node?.op === 'DequantizeLinear';
}

export function numberAttr(node: LintNode, name: string, otherwise: number): number {
  const attr = node.attrs.get(name);
  return attr?.type === 'int' || attr?.type === 'float' ? Number(attr.value) : otherwise;
}
