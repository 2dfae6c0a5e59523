/** How large the ids of a model's integer inputs may be: the heights of the tables they look up. */
import type { Graph, Model, Node, ValueId } from '#ir/model.ts';

/** Operators with a table and indices: which inputs those are, and how the axis is spelled. */
const LOOKUPS: Readonly<Record<string, { readonly table: number; readonly indices: number; readonly axis?: string }>> =
  {
    Gather: { table: 0, indices: 1, axis: 'axis' },
    GatherElements: { table: 0, indices: 1, axis: 'axis' },
    GatherBlockQuantized: { table: 0, indices: 1, axis: 'gather_axis' },
  };

/** EmbedLayerNormalization (com.microsoft) looks ids up in word embeddings and segment ids in segment embeddings. */
const EMBED_TABLES: readonly (readonly [indices: number, table: number])[] = [
  [0, 2],
  [1, 4],
];

/** Operators whose output holds the same ids as their first input. */
const SAME_IDS = new Set([
  'Cast',
  'Identity',
  'Reshape',
  'Unsqueeze',
  'Squeeze',
  'Flatten',
  'Transpose',
  'Expand',
  'Slice',
]);

/** Limits by input name; inputs that feed no table of known height are absent. The smallest table decides. */
export function idLimits(model: Model): ReadonlyMap<string, number> {
  const { graph } = model;
  const producers = new Map<ValueId, Node>();
  for (const node of graph.nodes) {
    for (const output of node.outputs) if (output !== null) producers.set(output, node);
  }
  const limits = new Map<string, number>();
  for (const node of graph.nodes) {
    for (const [indices, height] of lookupsOf(graph, node)) {
      const name = inputBehind(graph, producers, indices);
      if (name !== undefined) limits.set(name, Math.min(height, limits.get(name) ?? Infinity));
    }
  }
  return limits;
}

function* lookupsOf(graph: Graph, node: Node): Generator<[ValueId, number]> {
  const pairs: (readonly [indices: number, table: number, axis: number])[] = [];
  const lookup = LOOKUPS[node.op];
  if (lookup !== undefined) {
    const attr = lookup.axis === undefined ? undefined : node.attrs.get(lookup.axis);
    pairs.push([lookup.indices, lookup.table, attr?.type === 'int' ? Number(attr.value) : 0]);
  } else if (node.op === 'EmbedLayerNormalization') {
    for (const [indices, table] of EMBED_TABLES) pairs.push([indices, table, 0]);
  }
  for (const [indices, table, axis] of pairs) {
    const ids = node.inputs[indices];
    const height = sizeAt(graph, node.inputs[table], axis);
    if (ids !== null && ids !== undefined && height !== undefined) yield [ids, height];
  }
}

/** The size of a value along an axis, where it is known and above 0. */
function sizeAt(graph: Graph, id: ValueId | null | undefined, axis: number): number | undefined {
  const value = id === null || id === undefined ? undefined : graph.values.get(id);
  const size = (value?.constant?.shape ?? value?.shape)?.at(axis);
  return typeof size === 'number' && size > 0 ? size : undefined;
}

function inputBehind(graph: Graph, producers: ReadonlyMap<ValueId, Node>, id: ValueId): string | undefined {
  let at: ValueId = id;
  for (;;) {
    if (graph.inputs.includes(at)) return graph.values.get(at)?.name;
    const node = producers.get(at);
    const next = node !== undefined && SAME_IDS.has(node.op) ? node.inputs[0] : undefined;
    if (next === undefined || next === null) return undefined;
    at = next;
  }
}
