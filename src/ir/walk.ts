/** Walking a model: every graph and node, subgraphs included, outer before inner, in execution order. */
import type { Graph, Node, Value, ValueId } from './model.ts';

/** The subgraphs of a node with the attribute (and place in it) that holds each. */
export function subgraphsOf(
  node: Node,
): readonly { readonly attr: string; readonly index?: number; readonly graph: Graph }[] {
  const found: { attr: string; index?: number; graph: Graph }[] = [];
  for (const [attr, value] of node.attrs) {
    if (value.type === 'graph') found.push({ attr, graph: value.value });
    else if (value.type === 'graphs') value.value.forEach((graph, index) => found.push({ attr, index, graph }));
  }
  return found;
}

/** The graph itself and every graph inside it. */
export function* graphsOf(graph: Graph): Generator<Graph> {
  yield graph;
  for (const node of graph.nodes) for (const { graph: inner } of subgraphsOf(node)) yield* graphsOf(inner);
}

/** Every node with the names of the nodes it lies inside, outermost first. */
export function* nodesOf(
  graph: Graph,
  scope: readonly string[] = [],
): Generator<{ readonly node: Node; readonly scope: readonly string[]; readonly graph: Graph }> {
  for (const node of graph.nodes) {
    yield { node, scope, graph };
    for (const { graph: inner } of subgraphsOf(node)) yield* nodesOf(inner, [...scope, node.name]);
  }
}

/** Every value of the model by id. Ids are unique across all graphs. */
export function allValues(graph: Graph): Map<ValueId, Value> {
  const values = new Map<ValueId, Value>();
  for (const inner of graphsOf(graph)) for (const [id, value] of inner.values) values.set(id, value);
  return values;
}
