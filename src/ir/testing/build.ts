/** Builds small models for tests in a few lines, straight as `ir` data with weights in a store: no file format involved. */
import { DTYPES, countOf } from '#base/dtype.ts';
import type { DType } from '#base/dtype.ts';
import { packElements as packNumbers } from '#ir/literal.ts';
import type { Attr, Graph, Model, Node, NodeId, Shape, Tensor, Value, ValueId } from '#ir/model.ts';
import { createWeightStore, packStrings } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';

export type BuildData = readonly (number | bigint | string | boolean)[] | ArrayBufferView;

export interface BuildTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Element values to be packed as `dtype`; a typed array is taken byte for byte. */
  readonly data: BuildData;
}

export interface BuildType {
  readonly dtype: DType | null;
  readonly shape: Shape | null;
}

/**
 * Short spellings: an integer is `int`, another number `float`, a list likewise, text a `string`. `{ float: 1 }` and
 * `{ floats: [1, 2] }` force floats; `{ tensor }` and `{ graph }` hold nested things; a full `Attr` is taken as it is.
 */
export type BuildAttr =
  | number
  | bigint
  | string
  | readonly number[]
  | readonly string[]
  | Attr
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: BuildTensor }
  | { readonly graph: BuildGraph };

export interface BuildNode {
  readonly op: string;
  readonly domain?: string;
  readonly name?: string;
  /** Names; an empty string is an optional input left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs?: Readonly<Record<string, BuildAttr>>;
}

export interface BuildGraph {
  readonly name?: string;
  readonly inputs?: Readonly<Record<string, BuildType>>;
  readonly outputs: Readonly<Record<string, BuildType>> | readonly string[];
  readonly initializers?: Readonly<Record<string, BuildTensor>>;
  /** Declared types of values in between. */
  readonly types?: Readonly<Record<string, BuildType>>;
  readonly nodes: readonly BuildNode[];
}

export interface BuildModel extends BuildGraph {
  /** Version of the default domain (17 if absent), or of each domain by name. */
  readonly opset?: number | Readonly<Record<string, number>>;
  readonly irVersion?: number;
  /** Initializers that are listed as graph inputs too, as old exporters do. */
  readonly initializersAsInputs?: readonly string[];
  readonly metadata?: Readonly<Record<string, string>>;
  readonly file?: string;
}

/** A model and the store that holds its weights. Unknown names in `inputs` throw, so that a typo fails the test early. */
export function buildModel(
  spec: BuildModel,
  store: WeightStore = createWeightStore(),
): { readonly model: Model; readonly store: WeightStore } {
  const builder = new Builder(store);
  const graph = builder.graph(spec, new Map(), spec.initializersAsInputs ?? []);
  const opset = spec.opset ?? 17;
  const model: Model = {
    name: spec.name ?? 'test',
    graph,
    opsets: new Map(Object.entries(typeof opset === 'number' ? { '': opset } : opset)),
    irVersion: spec.irVersion ?? 8,
    producer: { name: 'test', version: '' },
    metadata: new Map(Object.entries(spec.metadata ?? {})),
    functions: [],
    source: { format: 'made', file: spec.file ?? 'test.onnx', sizeBytes: 0 },
  };
  return { model, store };
}

/** Puts element values into a store. */
export function buildTensor(store: WeightStore, { dtype, shape, data }: BuildTensor): Tensor {
  return store.put(dtype, shape, packElements(dtype, shape, data));
}

/** Packed little-endian bytes of element values; sub-byte ones low bits first. Float8, float4 and complex: give bytes. */
export function packElements(dtype: DType, shape: readonly number[], data: BuildData): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice();
  const count = countOf(shape);
  if (data.length !== count) throw new Error(`${data.length} values given for shape [${shape.join(', ')}]`);
  if (dtype === 'string') return packStrings(data.map(String));
  return packNumbers(
    dtype,
    data.map((element) => (typeof element === 'bigint' ? element : Number(element))),
  );
}

class Builder {
  readonly #store: WeightStore;
  #nextValue = 0;
  #nextNode = 0;
  readonly #nodeNames = new Set<string>();

  constructor(store: WeightStore) {
    this.#store = store;
  }

  graph(spec: BuildGraph, around: ReadonlyMap<string, ValueId>, alsoInputs: readonly string[]): Graph {
    const values = new Map<ValueId, Value>();
    const own = new Map<string, ValueId>();
    const outputTypes = Array.isArray(spec.outputs) ? {} : (spec.outputs as Readonly<Record<string, BuildType>>);
    const outputNames = Array.isArray(spec.outputs) ? (spec.outputs as readonly string[]) : Object.keys(outputTypes);

    const define = (name: string, type: BuildType | undefined, constant?: Tensor): ValueId => {
      if (own.has(name)) throw new Error(`"${name}" is defined twice`);
      const id = this.#nextValue++ as ValueId;
      own.set(name, id);
      values.set(id, {
        id,
        name,
        dtype: type?.dtype ?? null,
        shape: type?.shape ?? null,
        ...(constant === undefined ? {} : { constant }),
        ...(type === undefined || constant !== undefined ? {} : { declared: true }),
      });
      return id;
    };

    for (const [name, tensor] of Object.entries(spec.initializers ?? {})) {
      define(name, tensor, buildTensor(this.#store, tensor));
    }
    const inputs = Object.entries(spec.inputs ?? {}).map(([name, type]) => define(name, type));
    for (const name of alsoInputs) inputs.push(find(name, own, around));
    for (const node of spec.nodes) {
      for (const name of node.outputs) {
        if (name !== '') define(name, outputTypes[name] ?? spec.types?.[name]);
      }
    }
    const nodes = spec.nodes.map((node) => this.#node(node, own, around));
    return {
      name: spec.name ?? 'graph',
      inputs,
      outputs: outputNames.map((name) => find(name, own, around)),
      nodes,
      values,
    };
  }

  #node(spec: BuildNode, own: ReadonlyMap<string, ValueId>, around: ReadonlyMap<string, ValueId>): Node {
    const id = this.#nextNode++ as NodeId;
    const ids = (names: readonly string[]): (ValueId | null)[] =>
      names.map((name) => (name === '' ? null : find(name, own, around)));
    const name = spec.name ?? `${spec.op}_${id}`;
    if (this.#nodeNames.has(name)) throw new Error(`two nodes are named "${name}"`);
    this.#nodeNames.add(name);
    const scope = new Map([...around, ...own]);
    return {
      id,
      name,
      op: spec.op,
      domain: spec.domain ?? '',
      inputs: ids(spec.inputs),
      outputs: ids(spec.outputs),
      attrs: new Map(Object.entries(spec.attrs ?? {}).map(([key, attr]) => [key, this.#attr(attr, scope)])),
    };
  }

  #attr(attr: BuildAttr, scope: ReadonlyMap<string, ValueId>): Attr {
    if (typeof attr === 'bigint') return { type: 'int', value: attr };
    if (typeof attr === 'number') return { type: Number.isInteger(attr) ? 'int' : 'float', value: attr };
    if (typeof attr === 'string') return { type: 'string', value: new TextEncoder().encode(attr) };
    if (isList(attr)) return listAttr(attr);
    if ('type' in attr) return attr;
    if ('float' in attr) return { type: 'float', value: attr.float };
    if ('floats' in attr) return { type: 'floats', value: attr.floats };
    if ('tensor' in attr) return { type: 'tensor', value: buildTensor(this.#store, attr.tensor) };
    return { type: 'graph', value: this.graph(attr.graph, scope, []) };
  }
}

function isList(attr: BuildAttr): attr is readonly number[] | readonly string[] {
  return Array.isArray(attr);
}

function listAttr(list: readonly number[] | readonly string[]): Attr {
  const texts = list.filter((item) => typeof item === 'string');
  if (texts.length > 0) return { type: 'strings', value: texts.map((text) => new TextEncoder().encode(text)) };
  const numbers = list.map(Number);
  return { type: numbers.every(Number.isInteger) ? 'ints' : 'floats', value: numbers };
}

function find(name: string, own: ReadonlyMap<string, ValueId>, around: ReadonlyMap<string, ValueId>): ValueId {
  const id = own.get(name) ?? around.get(name);
  if (id === undefined) throw new Error(`nothing defines "${name}"`);
  return id;
}

/** Every element type that `packElements` packs from numbers; for tables in tests. */
export const NUMBER_DTYPES: readonly DType[] = DTYPES.filter(
  (dtype) => !dtype.startsWith('f8') && !['f4e2m1', 'string', 'c64', 'c128'].includes(dtype),
);
