/** A body of a While as it is analysed: what each of its outputs follows from, without lowering anything. */
import type { TfBody, TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import { nodesByName, orderOf } from '#formats/tensorflow/lower/order.ts';

/** An input of the body, or an output of a node that does more than pass on. */
export type Source =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'node'; readonly node: TfNode; readonly output: number };

const PASSING = new Set(['Identity', 'StopGradient', 'ReadVariableOp', 'EnsureShape']);

export class BodyView {
  readonly body: TfBody;
  readonly #byName: ReadonlyMap<string, TfNode>;
  readonly #inputs: ReadonlyMap<string, number>;

  constructor(body: TfBody) {
    this.body = body;
    this.#byName = nodesByName(body);
    this.#inputs = new Map(body.inputs.map((input, at) => [input.node, at]));
  }

  /** What a reference stands for once nodes that only pass on are skipped. */
  source(ref: TfRef | undefined): Source | undefined {
    let at = ref;
    for (let hops = 0; at !== undefined && hops <= this.#byName.size; hops++) {
      const index = this.#inputs.get(at.node);
      if (index !== undefined) return { kind: 'input', index };
      const node = this.#byName.get(at.node);
      if (node === undefined) return undefined;
      if (!PASSING.has(node.op)) return { kind: 'node', node, output: at.output };
      [at] = node.inputs;
    }
    return undefined;
  }

  output(index: number): Source | undefined {
    return this.source(this.body.outputs[index]?.ref);
  }

  /** The node behind a reference, where it is of one of these operators. */
  node(ref: TfRef | undefined, ...ops: readonly string[]): TfNode | undefined {
    const source = this.source(ref);
    return source?.kind === 'node' && ops.includes(source.node.op) ? source.node : undefined;
  }

  input(ref: TfRef | undefined): number | undefined {
    const source = this.source(ref);
    return source?.kind === 'input' ? source.index : undefined;
  }

  /** Inputs that an output needs. */
  needs(refs: readonly TfRef[]): ReadonlySet<number> {
    const needed = new Set<number>();
    for (const node of orderOf(this.body, refs)) {
      const index = this.#inputs.get(node.name);
      if (index !== undefined) needed.add(index);
    }
    return needed;
  }

  /** How many nodes and outputs read an input of the body, identities not counted. */
  readersOf(index: number): readonly TfNode[] {
    return this.body.nodes.filter(
      (node) => !PASSING.has(node.op) && node.inputs.some((ref) => this.input(ref) === index),
    );
  }

  /** Nodes whose values are the same in every round, given which inputs are. */
  invariantNodes(isInvariant: (input: number) => boolean): ReadonlySet<string> {
    const refs = this.body.outputs.map(({ ref }) => ref);
    const invariant = new Set<string>();
    for (const node of orderOf(this.body, refs)) {
      const index = this.#inputs.get(node.name);
      const still = index === undefined ? node.inputs.every((ref) => invariant.has(ref.node)) : isInvariant(index);
      if (still) invariant.add(node.name);
    }
    return invariant;
  }
}

/** Whether two references name the same value. */
export function sameSource(a: Source | undefined, b: Source | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  if (a.kind === 'input') return b.kind === 'input' && a.index === b.index;
  return b.kind === 'node' && a.node.name === b.node.name && a.output === b.output;
}
