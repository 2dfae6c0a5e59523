/** What makes a model well formed: every name read is defined before, once, outputs exist, and grids fit. Run after reading and after every pass. */
import type { Notice } from '#base/notice.ts';
import type { Graph, Model, Node, Value, ValueId } from './model.ts';
import { problemOfGrid } from './grid-problem.ts';
import { allValues, subgraphsOf } from './walk.ts';

/** Everything that is wrong, as blockers that name the node; empty for a well-formed model. */
export function verifyModel(model: Model): readonly Notice[] {
  const notices: Notice[] = [];
  new Verifier(allValues(model.graph), notices).graph(model.graph, new Set());
  const names = new Set<string>();
  collectNodeNames(model.graph, names, notices);
  return notices;
}

function collectNodeNames(graph: Graph, names: Set<string>, notices: Notice[]): void {
  for (const node of graph.nodes) {
    if (names.has(node.name)) notices.push(blocker('ir/duplicate-node', `Two nodes are named "${node.name}".`, node));
    names.add(node.name);
    for (const { graph: inner } of subgraphsOf(node)) collectNodeNames(inner, names, notices);
  }
}

function blocker(code: string, text: string, at: Node | Value | Graph): Notice {
  return { level: 'blocker', code, text, at: at.name };
}

class Verifier {
  readonly #values: ReadonlyMap<ValueId, Value>;
  readonly #notices: Notice[];

  constructor(values: ReadonlyMap<ValueId, Value>, notices: Notice[]) {
    this.#values = values;
    this.#notices = notices;
  }

  graph(graph: Graph, around: ReadonlySet<ValueId>): void {
    const known = new Set(around);
    this.#sources(graph, known);
    const makers = this.#makers(graph);
    for (const node of graph.nodes) {
      for (const input of node.inputs) {
        if (input !== null && !known.has(input)) this.#missing(graph, node, input, makers);
      }
      for (const { graph: inner } of subgraphsOf(node)) this.graph(inner, known);
      for (const output of node.outputs) if (output !== null) this.#define(node, output, known);
    }
    for (const output of graph.outputs) {
      if (known.has(output)) continue;
      this.#notices.push(
        blocker(
          'ir/no-output',
          `Graph "${graph.name}" lists the output ${this.#name(output)}, which nothing makes.`,
          graph,
        ),
      );
    }
  }

  #sources(graph: Graph, known: Set<ValueId>): void {
    const names = new Set<string>();
    for (const value of graph.values.values()) {
      if (value.name !== '' && names.has(value.name)) {
        this.#notices.push(blocker('ir/duplicate-name', `The name "${value.name}" is defined twice.`, value));
      }
      names.add(value.name);
      if (value.constant !== undefined) known.add(value.id);
      const problem = problemOfGrid(value);
      if (problem !== undefined) this.#notices.push(blocker('ir/quantization', problem, value));
    }
    for (const input of graph.inputs) known.add(input);
  }

  #makers(graph: Graph): ReadonlyMap<ValueId, Node> {
    const makers = new Map<ValueId, Node>();
    for (const node of graph.nodes) for (const output of node.outputs) if (output !== null) makers.set(output, node);
    return makers;
  }

  #define(node: Node, output: ValueId, known: Set<ValueId>): void {
    if (known.has(output)) {
      this.#notices.push(
        blocker('ir/defined-twice', `Node "${node.name}" makes ${this.#name(output)}, which is already defined.`, node),
      );
    }
    known.add(output);
  }

  #missing(graph: Graph, node: Node, input: ValueId, makers: ReadonlyMap<ValueId, Node>): void {
    const maker = makers.get(input);
    const reads = `Node "${node.name}" (${node.op}) reads ${this.#name(input)}`;
    if (maker === undefined) {
      this.#notices.push(blocker('ir/dangling', `${reads}, which nothing in the model makes.`, node));
    } else if (reaches(graph, node, maker)) {
      this.#notices.push(
        blocker(
          'ir/cycle',
          `${reads}, which "${maker.name}" makes from this node's own output: the graph has a cycle.`,
          node,
        ),
      );
    } else {
      this.#notices.push(
        blocker('ir/order', `${reads} before "${maker.name}" makes it: the nodes are not in execution order.`, node),
      );
    }
  }

  #name(id: ValueId): string {
    const value = this.#values.get(id);
    return value === undefined ? `an unknown value (${String(id)})` : `"${value.name}"`;
  }
}

/** Whether what `from` makes flows into `to`. */
function reaches(graph: Graph, from: Node, to: Node): boolean {
  const readers = new Map<ValueId, Node[]>();
  for (const node of graph.nodes) {
    for (const input of node.inputs) {
      if (input === null) continue;
      const list = readers.get(input);
      if (list === undefined) readers.set(input, [node]);
      else list.push(node);
    }
  }
  const seen = new Set<Node>([from]);
  const todo = [from];
  for (let node = todo.pop(); node !== undefined; node = todo.pop()) {
    if (node === to) return true;
    for (const output of node.outputs) {
      for (const reader of output === null ? [] : (readers.get(output) ?? [])) {
        if (!seen.has(reader)) {
          seen.add(reader);
          todo.push(reader);
        }
      }
    }
  }
  return false;
}
