/** Execution order: files should list nodes so that each comes after what it reads, but not all do. */
import type { Graph, Node, ValueId } from '#ir/model.ts';
import { nodesOf, subgraphsOf } from '#ir/walk.ts';

/**
 * The nodes in an order that runs, keeping the file's order where it allows a choice. Nodes on a cycle stay in file
 * order, where `verifyModel` names them.
 */
export function executionOrder(nodes: readonly Node[]): readonly Node[] {
  const producer = new Map<ValueId, Node>();
  for (const node of nodes) for (const output of node.outputs) if (output !== null) producer.set(output, node);
  const reads = new Map<Node, readonly ValueId[]>(nodes.map((node) => [node, readsOf(node)]));
  if (isOrdered(nodes, producer, reads)) return nodes;

  const ordered: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  for (const root of nodes) {
    // Depth first with an own stack: graphs may be thousands of nodes deep.
    const stack: { readonly node: Node; next: number }[] = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1);
      if (top === undefined) break;
      if (top.next === 0 && state.has(top.node)) {
        stack.pop();
        continue;
      }
      state.set(top.node, state.get(top.node) ?? 'open');
      const inputs = reads.get(top.node) ?? [];
      const input = inputs[top.next];
      if (input === undefined) {
        state.set(top.node, 'done');
        ordered.push(top.node);
        stack.pop();
        continue;
      }
      top.next += 1;
      const before = producer.get(input);
      if (before === undefined || state.get(before) === 'done') continue;
      if (state.get(before) === 'open') return nodes;
      stack.push({ node: before, next: 0 });
    }
  }
  return ordered;
}

function isOrdered(
  nodes: readonly Node[],
  producer: ReadonlyMap<ValueId, Node>,
  reads: ReadonlyMap<Node, readonly ValueId[]>,
): boolean {
  const done = new Set<Node>();
  for (const node of nodes) {
    for (const input of reads.get(node) ?? []) {
      const before = producer.get(input);
      if (before !== undefined && !done.has(before)) return false;
    }
    done.add(node);
  }
  return true;
}

/** What a node reads, what its subgraphs read from outside included. */
function readsOf(node: Node): readonly ValueId[] {
  const ids = node.inputs.filter((id) => id !== null);
  for (const { graph } of subgraphsOf(node)) ids.push(...readsInside(graph));
  return ids;
}

function readsInside(graph: Graph): ValueId[] {
  const ids: ValueId[] = [...graph.outputs];
  for (const { node } of nodesOf(graph)) for (const id of node.inputs) if (id !== null) ids.push(id);
  return ids;
}
