/** Writes inferred types into a graph, sharing every value, node and subgraph that did not change. */
import type { Attr, Graph, Node, Shape, Value, ValueId } from '#ir/model.ts';
import type { TensorType } from './facts.ts';

export function rebuild(graph: Graph, types: ReadonlyMap<ValueId, TensorType>): Graph {
  let values: Map<ValueId, Value> | undefined;
  for (const [id, value] of graph.values) {
    const type = types.get(id);
    if (type === undefined || (type.dtype === value.dtype && sameShape(type.shape, value.shape))) continue;
    values ??= new Map(graph.values);
    values.set(id, { ...value, dtype: type.dtype, shape: type.shape });
  }
  let nodes: Node[] | undefined;
  for (const [at, node] of graph.nodes.entries()) {
    const next = rebuildNode(node, types);
    if (next === node) continue;
    nodes ??= [...graph.nodes];
    nodes[at] = next;
  }
  if (values === undefined && nodes === undefined) return graph;
  return { ...graph, values: values ?? graph.values, nodes: nodes ?? graph.nodes };
}

function rebuildNode(node: Node, types: ReadonlyMap<ValueId, TensorType>): Node {
  let attrs: Map<string, Attr> | undefined;
  for (const [name, attr] of node.attrs) {
    const next = rebuildAttr(attr, types);
    if (next === attr) continue;
    attrs ??= new Map(node.attrs);
    attrs.set(name, next);
  }
  return attrs === undefined ? node : { ...node, attrs };
}

function rebuildAttr(attr: Attr, types: ReadonlyMap<ValueId, TensorType>): Attr {
  if (attr.type === 'graph') {
    const graph = rebuild(attr.value, types);
    return graph === attr.value ? attr : { type: 'graph', value: graph };
  }
  if (attr.type === 'graphs') {
    const graphs = attr.value.map((graph) => rebuild(graph, types));
    return graphs.every((graph, at) => graph === attr.value[at]) ? attr : { type: 'graphs', value: graphs };
  }
  return attr;
}

function sameShape(a: Shape | null, b: Shape | null): boolean {
  if (a === null || b === null) return a === b;
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
