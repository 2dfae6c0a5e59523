/** Cast nodes between float and half, one per value and type however many layers read it. */
import type { DType } from '#base/dtype.ts';
import type { Editor, GraphPath } from '#ir/editor.ts';
import type { Attr, Graph, Node, ValueId } from '#ir/model.ts';
import { subgraphsOf } from '#ir/walk.ts';

/** ONNX TensorProto.DataType. */
const CODES = { f32: 1, f16: 10, bf16: 16 } as const;
export type CastType = keyof typeof CODES;

export function castAttrs(to: CastType): ReadonlyMap<string, Attr> {
  return new Map([['to', { type: 'int', value: CODES[to] }]]);
}

/**
 * Readers of a constant read a stored one through a Cast to float32 instead, under the constant's name.
 *
 * Given:  y = Conv(x, w), w: f32 constant          Result: w = Cast<to=f32>(stored); y = Conv(x, w)
 */
export function putBehindCast(
  edit: Editor,
  value: ValueId,
  stored: ValueId,
  { name: castName, home }: { readonly name: string; readonly home: GraphPath },
): void {
  const { name, shape } = edit.value(value);
  const cast = edit.addNode(
    {
      name: castName,
      op: 'Cast',
      inputs: [stored],
      outputs: [{ name: `${name}_f32`, dtype: 'f32', shape }],
      attrs: castAttrs('f32'),
    },
    { startOf: home },
  );
  const producer = edit.producer(value);
  edit.replaceUses(value, outputOf(cast));
  if (producer === undefined) edit.removeValue(value);
  else edit.removeNode(producer);
  edit.setValue(outputOf(cast), { name });
}

export class Casts {
  readonly #edit: Editor;
  readonly #made = new Map<string, ValueId>();
  readonly #homes: ReadonlyMap<ValueId, GraphPath>;

  constructor(edit: Editor) {
    this.#edit = edit;
    this.#homes = homesOf(edit.graph, []);
  }

  /** The value in another type: an earlier cast of it, the value that it was cast from, or a new Cast right behind it. */
  to(id: ValueId, type: CastType): ValueId {
    const key = keyOf(id, type);
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    const { name, shape } = this.#edit.value(id);
    const node = this.#add(id, { name: `${name}_${type}`, shape }, type, [id]);
    const made = outputOf(node);
    this.remember(id, type, made);
    return made;
  }

  /** Says that `made` is `id` in another type, so that nobody casts again. */
  remember(id: ValueId, type: CastType, made: ValueId): void {
    this.#made.set(keyOf(id, type), made);
  }

  /**
   * Takes a value's place with a cast of it: every reader and every graph output reads the cast, which gets the name.
   * Readers that want the value itself are given it by `to`.
   */
  replace(id: ValueId, from: CastType, type: CastType): ValueId {
    const { name, shape } = this.#edit.value(id);
    const node = this.#add(id, { name: `${name}_cast`, shape }, type, []);
    const made = outputOf(node);
    this.#edit.replaceUses(id, made, true);
    this.#edit.setInputs(node, [id]);
    this.#edit.setValue(id, { name: `${name}_${from}` });
    this.#edit.setValue(made, { name });
    this.remember(made, from, id);
    this.remember(id, type, made);
    return made;
  }

  #add(
    id: ValueId,
    output: { readonly name: string; readonly shape: ReturnType<Editor['value']>['shape'] },
    type: CastType,
    inputs: readonly ValueId[],
  ): Node {
    const producer = this.#edit.producer(id);
    const dtype: DType = type;
    return this.#edit.addNode(
      { name: `${output.name}_cast`, op: 'Cast', inputs, outputs: [{ ...output, dtype }], attrs: castAttrs(type) },
      producer === undefined ? { startOf: this.#homes.get(id) ?? [] } : { after: producer },
    );
  }
}

function keyOf(id: ValueId, type: CastType): string {
  return `${String(id)} ${type}`;
}

export function outputOf(node: Node): ValueId {
  const output = node.outputs[0];
  if (output === undefined || output === null) throw new Error(`${node.op} "${node.name}" has no output`);
  return output;
}

/** The graph that defines each value. */
export function homesOf(graph: Graph, path: GraphPath): Map<ValueId, GraphPath> {
  const homes = new Map<ValueId, GraphPath>();
  for (const id of graph.values.keys()) homes.set(id, path);
  for (const node of graph.nodes) {
    for (const { attr, index, graph: inner } of subgraphsOf(node)) {
      const step = { node: node.name, attr, ...(index === undefined ? {} : { index }) };
      for (const [id, home] of homesOf(inner, [...path, step])) homes.set(id, home);
    }
  }
  return homes;
}
