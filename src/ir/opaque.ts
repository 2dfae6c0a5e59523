/**
 * Operators of foreign formats that have no counterpart in ONNX. They stay in the graph by name, under a domain that says where
 * they come from, so that the rest can be inspected and compressed; a writer refuses them with what they carry.
 */
import type { Graph, Model, Node } from './model.ts';
import { nodesOf } from './walk.ts';

/** Domains of operators that no ONNX runtime knows. */
const FOREIGN = new Set(['tflite', 'tensorflow', 'keras']);

/** Why a node cannot be written as ONNX. */
export interface Refusal {
  readonly operator: string;
  readonly node: string;
  readonly reason: string;
  readonly hint: string;
}

export function isOpaque(node: Pick<Node, 'domain'>): boolean {
  return FOREIGN.has(node.domain);
}

/** Every opaque operator of the model, with the reason that its reader gave. */
export function refusalsOf(model: Pick<Model, 'graph'>): readonly Refusal[] {
  return opaqueNodes(model.graph).map((node) => ({
    operator: node.op,
    node: node.name,
    reason: textOf(node, 'reason'),
    hint: textOf(node, 'hint'),
  }));
}

function opaqueNodes(graph: Graph): readonly Node[] {
  return [...nodesOf(graph)].map(({ node }) => node).filter(isOpaque);
}

function textOf(node: Node, name: string): string {
  const attr = node.attrs.get(name);
  return attr?.type === 'string' ? new TextDecoder().decode(attr.value) : '';
}
