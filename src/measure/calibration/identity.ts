/**
 * What a value is made of, as a short text: the operators, attributes, constants and inputs it depends on. Two models, or
 * a model before and after an edit elsewhere, give the same text for what is computed alike, so that statistics measured
 * once serve again. Names of values and layers do not count.
 */
import { isRange } from '#base/bytes.ts';
import { createDigest, digestOf } from '#data/files/digest.ts';
import type { Attr, Graph, Model, Node, Tensor, Value, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

/** Identities of all values of the main graph. Bytes that passes made are read; ranges of files count by their place. */
export function valueIdentities(model: Model, store: WeightStore): ReadonlyMap<ValueId, string> {
  const identities = new Map<ValueId, string>();
  const opsets = [...model.opsets].map(([domain, version]) => `${domain}:${version}`).toSorted();
  const base = digestOf([...opsets, ...model.functions.map(contentOf)].join('|'));
  addGraph(model.graph, store, base, identities, new Set(model.graph.inputs));
  return identities;
}

/** Adds the values of a graph; `known` holds those of the graphs around it. */
function addGraph(
  graph: Graph,
  store: WeightStore,
  base: string,
  known: Map<ValueId, string>,
  inputs: ReadonlySet<ValueId>,
): void {
  for (const [position, id] of graph.inputs.entries()) {
    const value = graph.values.get(id);
    // The main graph's inputs are fed by name; those of subgraphs by position.
    if (value !== undefined)
      known.set(id, digestOf(`input|${inputs.has(id) ? value.name : position}|${value.dtype ?? ''}`));
  }
  for (const value of graph.values.values()) {
    if (value.constant !== undefined) known.set(value.id, constantIdentity(value, value.constant, store));
  }
  for (const node of graph.nodes) {
    const made = digestOf(`${base}|${nodeIdentity(node, store, base, known, inputs)}`);
    for (const [position, id] of node.outputs.entries()) {
      if (id === null) continue;
      const grid =
        graph.values.get(id)?.quantization?.levels === undefined ? '' : gridIdentity(graph.values.get(id), store);
      known.set(id, `${made}.${position}${grid}`);
    }
  }
}

function nodeIdentity(
  node: Node,
  store: WeightStore,
  base: string,
  known: Map<ValueId, string>,
  inputs: ReadonlySet<ValueId>,
): string {
  const from = node.inputs.map((id) => (id === null ? '-' : (known.get(id) ?? '?')));
  const attrs = [...node.attrs]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, attr]) => `${name}=${attrIdentity(attr, store, base, known, inputs)}`);
  return [node.domain, node.op, ...from, ...attrs].join('|');
}

function attrIdentity(
  attr: Attr,
  store: WeightStore,
  base: string,
  known: Map<ValueId, string>,
  inputs: ReadonlySet<ValueId>,
): string {
  switch (attr.type) {
    case 'int':
    case 'float':
      return String(attr.value);
    case 'ints':
    case 'floats':
      return attr.value.join(',');
    case 'string':
    case 'raw':
      return contentOf(attr.value);
    case 'strings':
      return attr.value.map(contentOf).join(',');
    case 'tensor':
      return tensorIdentity(attr.value, store);
    case 'graph':
    case 'graphs': {
      const graphs = attr.type === 'graph' ? [attr.value] : attr.value;
      return graphs.map((graph) => subgraphIdentity(graph, store, base, known, inputs)).join(';');
    }
  }
}

function subgraphIdentity(
  graph: Graph,
  store: WeightStore,
  base: string,
  around: Map<ValueId, string>,
  inputs: ReadonlySet<ValueId>,
): string {
  const known = new Map(around);
  addGraph(graph, store, base, known, inputs);
  return digestOf(graph.outputs.map((id) => known.get(id) ?? '?').join('|'));
}

function constantIdentity(value: Value, tensor: Tensor, store: WeightStore): string {
  return digestOf(`constant|${tensorIdentity(tensor, store)}${gridIdentity(value, store)}`);
}

function gridIdentity(value: Value | undefined, store: WeightStore): string {
  const grid = value?.quantization;
  if (grid === undefined) return '';
  const zero = grid.zeroPoint === undefined ? '' : tensorIdentity(grid.zeroPoint, store);
  const form = [grid.axis, grid.block, grid.form, grid.levels].map((part) => part ?? '').join(',');
  return `|${tensorIdentity(grid.scale, store)}|${zero}|${form}`;
}

function tensorIdentity(tensor: Tensor, store: WeightStore): string {
  const chunks = store.chunks(tensor).map((chunk) =>
    // A decoded tensor is the whole of a source of its own, which its ticket tells apart.
    isRange(chunk)
      ? `${tensor.key}@${chunk.source.name}:${chunk.source.sizeBytes}:${chunk.offset}+${chunk.length}`
      : contentOf(chunk),
  );
  return `${tensor.dtype}[${tensor.shape.join(',')}]${chunks.join('+')}`;
}

const contents = new WeakMap<Uint8Array, string>();

function contentOf(bytes: Uint8Array): string {
  const known = contents.get(bytes);
  if (known !== undefined) return known;
  const digest = createDigest();
  digest.add(bytes);
  const made = `${bytes.byteLength}#${digest.text()}`;
  contents.set(bytes, made);
  return made;
}
