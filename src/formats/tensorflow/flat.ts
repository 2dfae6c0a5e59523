/** A graph after its calls were inlined and before its variables were frozen. */
import type { RawAttr } from './graph-def/raw.ts';
import type { TfOutput, TfRef } from './graph.ts';

export interface FlatNode {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly TfRef[];
  readonly attrs: ReadonlyMap<string, RawAttr>;
}

export interface FlatInput {
  readonly name: string;
  readonly node: string;
  /** Number of the type. */
  readonly type: number;
  readonly shape: readonly (number | null)[] | null;
}

export interface FlatBody {
  readonly name: string;
  readonly inputs: readonly FlatInput[];
  readonly outputs: readonly TfOutput[];
  /** In execution order, without what no output needs. */
  readonly nodes: readonly FlatNode[];
}

export interface FlatGraph extends FlatBody {
  readonly functions: ReadonlyMap<string, FlatBody>;
  /** Handles of variables that the graph writes while it runs. */
  readonly written: ReadonlySet<string>;
  /** Placeholders of training that were taken as off. */
  readonly assumed: readonly string[];
}

/** Where a graph is entered and left; references as the file spells them. */
export interface Ends {
  readonly inputs: readonly {
    readonly name: string;
    readonly ref: string;
    readonly type: number;
    readonly shape: readonly (number | null)[] | null;
  }[];
  readonly outputs: readonly { readonly name: string; readonly ref: string }[];
}

/** Collects the nodes of a body under unique names. */
export class BodyBuilder {
  readonly #nodes: FlatNode[] = [];
  readonly #byName = new Map<string, FlatNode>();

  /** Gives the name that the node got. */
  add(node: FlatNode): string {
    let name = node.name;
    for (let count = 1; this.#byName.has(name); count++) name = `${node.name}_${count}`;
    const named = name === node.name ? node : { ...node, name };
    this.#nodes.push(named);
    this.#byName.set(name, named);
    return name;
  }

  get(name: string): FlatNode | undefined {
    return this.#byName.get(name);
  }

  finish(name: string, inputs: readonly FlatInput[], outputs: readonly TfOutput[]): FlatBody {
    return { name, inputs, outputs, nodes: needed(this.#nodes, inputs, outputs) };
  }
}

/** The nodes that outputs need, and those of the inputs; their order is kept. */
export function needed<Node extends { readonly name: string; readonly inputs: readonly TfRef[] }>(
  nodes: readonly Node[],
  inputs: readonly { readonly node: string }[],
  outputs: readonly TfOutput[],
): readonly Node[] {
  const wanted = new Set([...inputs.map(({ node }) => node), ...outputs.map(({ ref }) => ref.node)]);
  const kept: Node[] = [];
  for (let at = nodes.length - 1; at >= 0; at--) {
    const node = nodes[at];
    if (node === undefined || !wanted.has(node.name)) continue;
    for (const input of node.inputs) wanted.add(input.node);
    kept.push(node);
  }
  return kept.reverse();
}
