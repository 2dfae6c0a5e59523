/** Graphs as GraphProto records: ids become names again, and every record gets back what the model had no place for. */
import { PareError } from '#base/failure.ts';
import type { Attr, Graph, Node, Shape, Tensor, Value, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decodeBytes } from '#wire/protobuf/decode.ts';
import { MessageDraft } from '#wire/protobuf/encode.ts';
import { integerOf, messageOf, messagesOf } from '#wire/protobuf/message.ts';
import type { ExtraParts } from '#formats/onnx/record/extra.ts';
import { EXTRA, unpackExtra } from '#formats/onnx/record/extra.ts';
import {
  ATTRIBUTE,
  ATTRIBUTE_TYPE,
  DIM,
  GRAPH,
  NODE,
  SHAPE,
  TENSOR_TYPE,
  TYPE,
  TYPE_SCHEMA,
  VALUE_INFO,
  VALUE_INFO_SCHEMA,
  dtypeOf,
} from '#formats/onnx/record/schema.ts';
import type { ExternalFile } from './tensor.ts';
import { draftTensor } from './tensor.ts';
import { encodeType } from '#formats/onnx/record/encode-type.ts';

/** Decides which file holds a tensor's data; `undefined` is the model's own. */
export type Placement = (tensor: Tensor) => ExternalFile | undefined;

interface Scope {
  readonly graph: Graph;
  readonly ids: ReadonlyMap<string, ValueId>;
  readonly around: Scope | undefined;
}

export class GraphWriter {
  readonly #store: WeightStore;
  readonly #placement: Placement;

  constructor(store: WeightStore, placement: Placement) {
    this.#store = store;
    this.#placement = placement;
  }

  async draft(graph: Graph, around?: Scope): Promise<MessageDraft> {
    const ids = new Map<string, ValueId>();
    for (const value of graph.values.values()) ids.set(value.name, value.id);
    const scope: Scope = { graph, ids, around };
    const draft = new MessageDraft();
    for (const node of graph.nodes) draft.message(GRAPH.node, await this.#node(node, scope));
    if (graph.name !== '') draft.string(GRAPH.name, graph.name);
    const sparse: MessageDraft[] = [];
    const inputs = new Set(graph.inputs);
    for (const value of graph.values.values()) {
      if (value.constant === undefined) continue;
      const parts = unpackExtra(value.extra);
      const record = sparseRecord(parts, value.constant);
      if (record !== undefined) sparse.push(verbatimRecord(this.#store, record));
      else
        draft.message(GRAPH.initializer, await this.#initializer(value, value.constant, parts, inputs.has(value.id)));
    }
    if (graph.doc !== undefined) draft.string(GRAPH.doc, graph.doc);
    for (const id of graph.inputs) draft.message(GRAPH.input, valueInfo(valueOf(scope, id)));
    for (const id of graph.outputs) draft.message(GRAPH.output, valueInfo(valueOf(scope, id)));
    const listed = new Set([...graph.inputs, ...graph.outputs]);
    for (const value of graph.values.values()) {
      const again = unpackExtra(value.extra).get(EXTRA.inValueInfo);
      if (!listed.has(value.id)) {
        if (value.declared === true) draft.message(GRAPH.valueInfo, valueInfo(value));
      } else if (again !== undefined) {
        draft.message(GRAPH.valueInfo, secondInfo(again, value));
      }
    }
    for (const record of sparse) draft.message(GRAPH.sparseInitializer, record);
    if (graph.extra !== undefined) draft.verbatim(graph.extra);
    return draft;
  }

  async #initializer(value: Value, tensor: Tensor, parts: ExtraParts, input: boolean): Promise<MessageDraft> {
    const declared = value.declared === true || input;
    const own = parts.get(EXTRA.tensorDoc);
    const doc = own === undefined ? (declared ? undefined : value.doc) : new TextDecoder().decode(own);
    return draftTensor(
      this.#store,
      { name: value.name, tensor, doc, extra: parts.get(EXTRA.tensor) },
      this.#placement(tensor),
    );
  }

  async #node(node: Node, scope: Scope): Promise<MessageDraft> {
    const draft = new MessageDraft();
    for (const id of node.inputs) draft.string(NODE.input, id === null ? '' : visibleName(scope, id, node));
    for (const id of node.outputs) draft.string(NODE.output, id === null ? '' : visibleName(scope, id, node));
    const name = node.sourceName ?? node.name;
    if (name !== '') draft.string(NODE.name, name);
    draft.string(NODE.op, node.op);
    for (const [key, attr] of node.attrs) draft.message(NODE.attribute, await this.#attribute(key, attr, scope));
    if (node.doc !== undefined) draft.string(NODE.doc, node.doc);
    if (node.domain !== '') draft.string(NODE.domain, node.domain);
    if (node.extra !== undefined) draft.verbatim(node.extra);
    return draft;
  }

  async #attribute(name: string, attr: Attr, scope: Scope): Promise<MessageDraft> {
    const draft = new MessageDraft();
    if (attr.type === 'raw') return draft.verbatim(attr.value);
    const parts = unpackExtra(attr.extra);
    draft.string(ATTRIBUTE.name, name);
    switch (attr.type) {
      case 'float':
        draft.float(ATTRIBUTE.float, attr.value);
        break;
      case 'int':
        draft.integer(ATTRIBUTE.int, attr.value);
        break;
      case 'string':
        draft.bytes(ATTRIBUTE.string, attr.value);
        break;
      case 'tensor': {
        const doc = parts.get(EXTRA.tensorDoc);
        const tensor = await draftTensor(this.#store, {
          name: attr.name ?? '',
          tensor: attr.value,
          doc: doc === undefined ? undefined : new TextDecoder().decode(doc),
          extra: parts.get(EXTRA.tensor),
        });
        draft.message(ATTRIBUTE.tensor, tensor);
        break;
      }
      case 'graph':
        draft.message(ATTRIBUTE.graph, await this.draft(attr.value, scope));
        break;
      case 'floats':
        for (const value of attr.value) draft.float(ATTRIBUTE.floats, value);
        break;
      case 'ints':
        draft.integers(ATTRIBUTE.ints, attr.value);
        break;
      case 'strings':
        for (const value of attr.value) draft.bytes(ATTRIBUTE.strings, value);
        break;
      case 'graphs':
        for (const inner of attr.value) draft.message(ATTRIBUTE.graphs, await this.draft(inner, scope));
        break;
    }
    draft.integer(ATTRIBUTE.type, ATTRIBUTE_TYPE[attr.type]);
    const record = parts.get(EXTRA.record);
    return record === undefined ? draft : draft.verbatim(record);
  }
}

function valueInfo(value: Value): MessageDraft {
  const draft = new MessageDraft();
  if (value.name !== '') draft.string(VALUE_INFO.name, value.name);
  const type = typeRecord(value);
  if (type !== undefined) draft.bytes(VALUE_INFO.type, type);
  if (value.doc !== undefined) draft.string(VALUE_INFO.doc, value.doc);
  const extra = unpackExtra(value.extra).get(EXTRA.record);
  return extra === undefined ? draft : draft.verbatim(extra);
}

/** The file's second record about an input or output, while its type still holds. */
function secondInfo(record: Uint8Array, value: Value): MessageDraft {
  const type = messageOf(decodeBytes(record, VALUE_INFO_SCHEMA, 'value'), VALUE_INFO.type);
  if (type === undefined) return new MessageDraft().verbatim(record);
  const bytes = record.subarray(type.offset, type.offset + type.length);
  const holds = stillTrue(bytes, value.dtype === null, value.dtype, value.shape);
  return holds ? new MessageDraft().verbatim(record) : valueInfo(value);
}

/** The file's own record as long as it does not contradict what is known now. */
function typeRecord(value: Value): Uint8Array | undefined {
  const { dtype, shape, rawType } = value;
  if (rawType !== undefined && stillTrue(rawType, dtype === null, dtype, shape)) return rawType;
  return dtype === null && shape === null ? undefined : encodeType(dtype, shape);
}

function stillTrue(rawType: Uint8Array, unknown: boolean, dtype: Value['dtype'], shape: Shape | null): boolean {
  const tensor = messageOf(decodeBytes(rawType, TYPE_SCHEMA, 'type'), TYPE.tensor);
  if (unknown || tensor === undefined) return unknown;
  if (dtypeOf(integerOf(tensor, TENSOR_TYPE.element)) !== dtype) return false;
  const recorded = messageOf(tensor, TENSOR_TYPE.shape);
  if (recorded === undefined || shape === null) return true;
  const dims = messagesOf(recorded, SHAPE.dim);
  if (dims.length !== shape.length) return false;
  return dims.every((dim, axis) => {
    const size = integerOf(dim, DIM.value);
    const now = shape[axis];
    return typeof size !== 'number' || size < 0 || size === now;
  });
}

/** The record of a sparse initializer while its weights are unchanged. */
function sparseRecord(parts: ExtraParts, constant: Tensor): Tensor | undefined {
  const json = parts.get(EXTRA.sparse);
  if (json === undefined) return undefined;
  const { dense, record } = JSON.parse(new TextDecoder().decode(json)) as { dense: Tensor; record: Tensor };
  return dense.key === constant.key ? record : undefined;
}

function verbatimRecord(store: WeightStore, record: Tensor): MessageDraft {
  const draft = new MessageDraft();
  for (const chunk of store.chunks(record)) draft.verbatim(chunk);
  return draft;
}

function valueOf(scope: Scope, id: ValueId): Value {
  for (let at: Scope | undefined = scope; at !== undefined; at = at.around) {
    const value = at.graph.values.get(id);
    if (value !== undefined) return value;
  }
  throw new PareError({
    code: 'onnx/unknown-value',
    place: `graph ${scope.graph.name}`,
    problem: `It refers to value ${id}, which no graph around it defines.`,
  });
}

/** The value's name, provided that a reader in this graph would find this very value by it. */
function visibleName(scope: Scope, id: ValueId, node: Node): string {
  const { name } = valueOf(scope, id);
  for (let at: Scope | undefined = scope; at !== undefined; at = at.around) {
    const found = at.ids.get(name);
    if (found === id) return name;
    if (found !== undefined) break;
  }
  throw new PareError({
    code: 'onnx/name-clash',
    place: `node ${node.name}`,
    problem: `Two values are both named "${name}" where it reads one of them.`,
    hint: 'A pass gave a new value a name that was taken: please report this.',
  });
}
