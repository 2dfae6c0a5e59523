/**
 * Freezes variables to constants and ends in the graph that operators are lowered from. A variable that the graph itself
 * changes keeps its reads, which no operator table knows, so that it is named and refused rather than taken as it was.
 */
import type { Notice } from '#base/notice.ts';
import { PareError } from '#base/failure.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { FlatBody, FlatGraph, FlatNode } from './flat.ts';
import { needed } from './flat.ts';
import { dtypeOfCode } from './graph-def/data-type.ts';
import { defaultsOf } from './graph-def/op-facts.ts';
import type { LoadedTensor, RawAttr } from './graph-def/raw.ts';
import type { TfAttr, TfBody, TfGraph, TfInput, TfNode, TfRef } from './graph.ts';
import { constantNode } from './inline-control.ts';

/** Finds what a variable holds. */
export interface Variables {
  /** By the node that names it; throws a `PareError` that says what is missing. */
  read(handle: FlatNode): Promise<LoadedTensor>;
}

const HANDLES = new Set(['VarHandleOp', 'VariableV2', 'Variable']);
/** Operators that ask whether a variable has a value: frozen ones have. */
const ASKS = new Set(['VarIsInitializedOp', 'IsVariableInitialized']);

export async function freezeGraph(
  flat: FlatGraph,
  variables: Variables,
  store: WeightStore,
): Promise<{ readonly graph: TfGraph; readonly notices: readonly Notice[] }> {
  const freezer = new Freezer(flat.written, variables, store);
  const functions = new Map<string, TfBody>();
  const body = await freezer.body(flat);
  for (const name of reachable(flat)) {
    const inner = flat.functions.get(name);
    if (inner !== undefined) functions.set(name, await freezer.body(inner));
  }
  for (const { name, dtype } of body.inputs) {
    if (dtype !== null) continue;
    throw new PareError({
      code: 'tensorflow/input-type',
      place: `input ${name}`,
      problem: 'The model takes something other than a tensor of numbers or text here.',
      hint: 'Choose or export a signature that takes tensors.',
    });
  }
  return { graph: { ...body, functions }, notices: [...freezer.notices(), ...assumedNotice(flat.assumed)] };
}

/** Names of bodies that nodes of the graph or of such bodies still name. */
function reachable(flat: FlatGraph): ReadonlySet<string> {
  const seen = new Set<string>();
  const open: FlatBody[] = [flat];
  for (let body = open.pop(); body !== undefined; body = open.pop()) {
    for (const node of body.nodes) {
      for (const attr of node.attrs.values()) {
        const inner = attr.kind === 'function' && !seen.has(attr.value) ? flat.functions.get(attr.value) : undefined;
        if (inner === undefined || attr.kind !== 'function') continue;
        seen.add(attr.value);
        open.push(inner);
      }
    }
  }
  return seen;
}

class Freezer {
  readonly #written: ReadonlySet<string>;
  readonly #variables: Variables;
  readonly #store: WeightStore;
  readonly #read = new Map<string, LoadedTensor>();
  readonly #changing = new Set<string>();

  constructor(written: ReadonlySet<string>, variables: Variables, store: WeightStore) {
    this.#written = written;
    this.#variables = variables;
    this.#store = store;
  }

  notices(): readonly Notice[] {
    return [...this.#changing].map((name) => ({
      level: 'warning',
      code: 'tensorflow/changing-variable',
      text: `The model changes its variable ${name} while it runs, so reading it cannot be turned into a constant.`,
      at: name,
    }));
  }

  async body(flat: FlatBody): Promise<TfBody> {
    const work = new BodyWork(flat);
    for (const node of flat.nodes) await this.#node(work, node);
    const outputs = flat.outputs.map(({ name, ref }) => ({ name, ref: work.follow(ref) }));
    const inputs: TfInput[] = flat.inputs.map(({ name, node, type, shape }) => ({
      name,
      node,
      dtype: dtypeOfCode(type),
      shape,
    }));
    const nodes: TfNode[] = [];
    for (const node of needed(work.nodes, inputs, outputs)) nodes.push(await this.#finished(node));
    return { name: flat.name, inputs, outputs, nodes };
  }

  async #node(work: BodyWork, node: FlatNode): Promise<void> {
    const inputs = node.inputs.map((ref) => work.follow(ref));
    const [source] = node.inputs;
    const handle = source === undefined ? undefined : work.handles.get(source.node);
    if (HANDLES.has(node.op)) {
      work.handles.set(node.name, node);
      if (this.#changes(node)) work.add(node);
      else if (node.op === 'VarHandleOp') work.addHandle(node);
      else {
        work.free(node.name);
        work.replace(node.name, await this.#constant(work, node));
      }
      return;
    }
    if (handle !== undefined && ASKS.has(node.op)) {
      const { name } = node;
      work.add(constantNode(name, 'bool', [], [1]));
      return;
    }
    if (handle === undefined || handle.op !== 'VarHandleOp' || this.#changes(handle)) {
      work.add({ ...node, inputs });
      return;
    }
    const rest = inputs.slice(1);
    switch (node.op) {
      case 'ReadVariableOp':
        work.replace(node.name, await this.#constant(work, handle));
        return;
      case 'ResourceGather': {
        const batch = node.attrs.get('batch_dims');
        const axis = batch?.kind === 'int' ? batch.value : 0;
        const place = work.make(constantNode(`${node.name}/axis`, 'i32', [], [axis]));
        const attrs = new Map<string, RawAttr>(batch === undefined ? [] : [['batch_dims', batch]]);
        const table = await this.#constant(work, handle);
        work.add({ name: node.name, op: 'GatherV2', inputs: [table, ...rest, { node: place, output: 0 }], attrs });
        return;
      }
      case 'ResourceGatherNd':
        work.add({ ...node, op: 'GatherNd', inputs: [await this.#constant(work, handle), ...rest] });
        return;
      case 'VariableShape':
        work.add({ ...node, op: 'Shape', inputs: [await this.#constant(work, handle)] });
        return;
    }
    work.add({ ...node, inputs });
  }

  #changes(handle: FlatNode): boolean {
    if (!this.#written.has(handle.name)) return false;
    this.#changing.add(nameOfVariable(handle));
    return true;
  }

  /** The constant of a variable; one for all its reads. */
  async #constant(work: BodyWork, handle: FlatNode): Promise<TfRef> {
    const made = work.constants.get(handle.name);
    if (made !== undefined) return made;
    let loaded = this.#read.get(handle.name);
    if (loaded === undefined) this.#read.set(handle.name, (loaded = await this.#variables.read(handle)));
    const value = loaded;
    const dtype = handle.attrs.get('dtype');
    const type = dtype?.kind === 'type' ? dtype.value : 0;
    const attr: RawAttr = {
      kind: 'tensor',
      value: { type, shape: value.tensor.shape, small: () => value.bytes, load: () => Promise.resolve(value) },
    };
    const attrs = new Map<string, RawAttr>([
      ['value', attr],
      ...(dtype === undefined ? [] : [['dtype', dtype] as const]),
    ]);
    const name = work.make({ name: nameOfVariable(handle), op: 'Const', inputs: [], attrs });
    const ref = { node: name, output: 0 };
    work.constants.set(handle.name, ref);
    return ref;
  }

  async #finished(node: FlatNode): Promise<TfNode> {
    const attrs = new Map<string, TfAttr>();
    for (const [name, attr] of [...defaultsOf(node.op), ...node.attrs]) attrs.set(name, await this.#attr(attr));
    return { name: node.name, op: node.op, inputs: node.inputs, attrs };
  }

  async #attr(attr: RawAttr): Promise<TfAttr> {
    switch (attr.kind) {
      case 'type':
        return { kind: 'type', value: dtypeOfCode(attr.value) };
      case 'tensor': {
        const { tensor, bytes, quantization } = await attr.value.load(this.#store);
        return {
          kind: 'tensor',
          value: tensor,
          ...(bytes === undefined ? {} : { bytes }),
          ...(quantization === undefined ? {} : { quantization }),
        };
      }
      case 'function':
        return { kind: 'function', value: attr.value };
      case 'placeholder':
        return { kind: 'string', value: attr.value };
      case 'list': {
        const items: TfAttr[] = [];
        for (const item of attr.value) items.push(await this.#attr(item));
        return { kind: 'list', value: items };
      }
      default:
        return attr;
    }
  }
}

/** One body while its variables are frozen. */
class BodyWork {
  readonly nodes: FlatNode[] = [];
  readonly handles = new Map<string, FlatNode>();
  readonly constants = new Map<string, TfRef>();
  readonly #aliases = new Map<string, TfRef>();
  readonly #names: Set<string>;

  constructor(flat: FlatBody) {
    this.#names = new Set(flat.nodes.map(({ name }) => name));
  }

  /** A node that was in the body all along, or takes the place of one. */
  add(node: FlatNode): void {
    this.nodes.push(node);
  }

  /** A node that the reader makes up, under a free name. */
  make(node: FlatNode): string {
    let name = node.name;
    for (let count = 1; this.#names.has(name); count++) name = `${node.name}_${count}`;
    this.#names.add(name);
    this.nodes.push(name === node.name ? node : { ...node, name });
    return name;
  }

  /** A handle of a variable leaves its name to the constant; what cannot read constants still finds it. */
  addHandle(node: FlatNode): void {
    this.free(node.name);
    this.replace(node.name, { node: this.make({ ...node, name: `${node.name}/resource` }), output: 0 });
  }

  free(name: string): void {
    this.#names.delete(name);
  }

  /** Whoever read this node reads that output instead. */
  replace(name: string, ref: TfRef): void {
    if (ref.node !== name) this.#aliases.set(name, ref);
  }

  follow(ref: TfRef): TfRef {
    return this.#aliases.get(ref.node) ?? ref;
  }
}

function nameOfVariable(handle: FlatNode): string {
  const shared = handle.attrs.get('shared_name');
  return shared?.kind === 'string' && shared.value !== '' ? shared.value : handle.name;
}

function assumedNotice(names: readonly string[]): readonly Notice[] {
  const [first] = names;
  if (first === undefined) return [];
  return [
    {
      level: 'info',
      code: 'tensorflow/training-off',
      text: `The switch between training and use (${first}) was taken as off.`,
      at: first,
    },
  ];
}
