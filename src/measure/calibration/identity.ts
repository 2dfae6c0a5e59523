/**
 * What a value is made of, as a short text: the operators, attributes, constants and inputs it depends on. Two models, or
 * a model before and after an edit elsewhere, give the same text for what is computed alike, so that statistics measured
 * once serve again. Names of values and layers do not count.
 */
import { isRange } from '#base/bytes.ts';
import type { Attr, Graph, Model, Node, Tensor, Value, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

/** Identities of all values of the main graph. Bytes that passes made are read; ranges of files count by their place. */
export function valueIdentities(model: Model, store: WeightStore): ReadonlyMap<ValueId, string> {
  const identities = new Map<ValueId, string>();
  const opsets = [...model.opsets].map(([domain, version]) => `${domain}:${version}`).toSorted();
  const base = digest([...opsets, ...model.functions.map(contentOf)].join('|'));
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
      known.set(id, digest(`input|${inputs.has(id) ? value.name : position}|${value.dtype ?? ''}`));
  }
  for (const value of graph.values.values()) {
    if (value.constant !== undefined) known.set(value.id, constantIdentity(value, value.constant, store));
  }
  for (const node of graph.nodes) {
    const made = digest(`${base}|${nodeIdentity(node, store, base, known, inputs)}`);
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
  return digest(graph.outputs.map((id) => known.get(id) ?? '?').join('|'));
}

function constantIdentity(value: Value, tensor: Tensor, store: WeightStore): string {
  return digest(`constant|${tensorIdentity(tensor, store)}${gridIdentity(value, store)}`);
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
  const made = `${bytes.byteLength}#${digestBytes(bytes)}`;
  contents.set(bytes, made);
  return made;
}

function digest(text: string): string {
  return digestBytes(new TextEncoder().encode(text));
}

/** 64 bits from two lanes of multiply-and-rotate over 32-bit words (the rounds of MurmurHash3); not for hostile input. */
function digestBytes(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let a = 0x9e3779b9 ^ bytes.byteLength;
  let b = 0x85ebca6b;
  const whole = bytes.byteLength & ~3;
  for (let at = 0; at < bytes.byteLength; at += 4) {
    let word = 0;
    if (at < whole) word = view.getInt32(at, true);
    else for (let i = at; i < bytes.byteLength; i += 1) word = (word << 8) | (bytes[i] ?? 0);
    const k = Math.imul(word, 0xcc9e2d51);
    a ^= Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    const l = Math.imul(word ^ a, 0x239b961b);
    b ^= Math.imul((l << 16) | (l >>> 16), 0xab0e9789);
    b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x561ccd1b) | 0;
  }
  return `${finished(a)}${finished(b ^ a)}`;
}

function finished(h: number): string {
  let mixed = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0).toString(16).padStart(8, '0');
}
