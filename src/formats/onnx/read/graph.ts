/**
 * GraphProto records as graphs: names become ids, initializers become tickets, and subgraphs see the values around them.
 * All values of a graph are defined before its nodes are read, so that nodes may come in any order.
 */
import { PareError } from '#base/failure.ts';
import type { Attr, Graph, Node, NodeId, Shape, Value, ValueId } from '#ir/model.ts';
import { encodeType } from '#formats/onnx/record/encode-type.ts';
import { encodeField, joinBytes, unknownFields } from '#wire/protobuf/encode.ts';
import type { Field, Message } from '#wire/protobuf/message.ts';
import { loadField, messagesOf, stringOf, stringsOf } from '#wire/protobuf/message.ts';
import type { ExtraParts } from '#formats/onnx/record/extra.ts';
import { EXTRA, packExtra } from '#formats/onnx/record/extra.ts';
import { executionOrder } from './order.ts';
import { readAttribute } from './attributes.ts';
import type { TensorReader } from './tensor.ts';
import { readSparse, readTensor } from './tensor.ts';
import type { ValueInfo } from './type.ts';
import { readValueInfo } from './type.ts';
import { GRAPH, NODE } from '#formats/onnx/record/schema.ts';

/** Names visible from inside a graph: its own, then those of the graphs around it. */
interface Scope {
  readonly names: Map<string, ValueId>;
  readonly around: Scope | undefined;
}

/** What is counted across all graphs of one model. */
interface Counters {
  nextValue: number;
  nextNode: number;
  readonly nodeNames: Set<string>;
  /** Numbers given so far to nodes that share a written name. */
  readonly copies: Map<string, number>;
  /** True once the nodes of some graph had to be put into execution order. */
  reordered: boolean;
}

const KNOWN_GRAPH = new Set<number>([
  GRAPH.node,
  GRAPH.name,
  GRAPH.initializer,
  GRAPH.doc,
  GRAPH.input,
  GRAPH.output,
  GRAPH.valueInfo,
  GRAPH.sparseInitializer,
]);
const KNOWN_NODE = new Set<number>(Object.values(NODE));

/** Reads the main graph and all graphs inside it. */
export async function readMainGraph(
  reader: TensorReader,
  message: Message,
): Promise<{ readonly graph: Graph; readonly reordered: boolean }> {
  const counters: Counters = { nextValue: 0, nextNode: 0, nodeNames: new Set(), copies: new Map(), reordered: false };
  const graph = await new GraphReader(reader, message, counters, undefined).read();
  return { graph, reordered: counters.reordered };
}

class GraphReader {
  readonly #reader: TensorReader;
  readonly #message: Message;
  readonly #counters: Counters;
  readonly #scope: Scope;
  readonly #values = new Map<ValueId, Value>();
  readonly #parts = new Map<ValueId, ExtraParts>();
  readonly #leftOver: Uint8Array[] = [];

  constructor(reader: TensorReader, message: Message, counters: Counters, around: Scope | undefined) {
    this.#reader = reader;
    this.#message = message;
    this.#counters = counters;
    this.#scope = { names: new Map(), around };
  }

  async read(): Promise<Graph> {
    const { source } = this.#reader;
    await this.#constants();
    const inputs = await this.#inputs();
    const outputInfos: ValueInfo[] = [];
    for (const info of messagesOf(this.#message, GRAPH.output)) outputInfos.push(await readValueInfo(source, info));
    await this.#produced(outputInfos);
    const nodes: Node[] = [];
    for (const message of messagesOf(this.#message, GRAPH.node)) nodes.push(await this.#node(message));
    const ordered = executionOrder(nodes);
    if (ordered !== nodes) this.#counters.reordered = true;
    const outputs = outputInfos.map((info) => this.#resolve(info.name));
    const doc = await stringOf(source, this.#message, GRAPH.doc);
    const unknown = await unknownFields(this.#message, KNOWN_GRAPH, (field) => loadField(source, field));
    if (unknown !== undefined) this.#leftOver.push(unknown);
    for (const [id, parts] of this.#parts) {
      const value = this.#values.get(id);
      if (value !== undefined) this.#values.set(id, { ...value, ...packExtra(parts) });
    }
    return {
      name: (await stringOf(source, this.#message, GRAPH.name)) ?? '',
      inputs,
      outputs,
      nodes: ordered,
      values: this.#values,
      ...(doc === undefined ? {} : { doc }),
      ...(this.#leftOver.length === 0 ? {} : { extra: joinBytes(this.#leftOver) }),
    };
  }

  async #constants(): Promise<void> {
    for (const message of messagesOf(this.#message, GRAPH.initializer)) {
      const { name, tensor, doc, extra } = await readTensor(this.#reader, message, 'initializer');
      if (name === '') throw this.#broken('unnamed', `initializer at byte ${message.offset}`, 'It has no name.');
      const id = this.#define(name, {
        dtype: tensor.dtype,
        shape: tensor.shape,
        constant: tensor,
        ...(doc === undefined ? {} : { doc }),
      });
      if (extra !== undefined) this.#part(id, EXTRA.tensor, extra);
    }
    for (const message of messagesOf(this.#message, GRAPH.sparseInitializer)) {
      const { name, tensor, record } = await readSparse(this.#reader, message);
      const id = this.#define(name, { dtype: tensor.dtype, shape: tensor.shape, constant: tensor });
      this.#part(id, EXTRA.sparse, new TextEncoder().encode(JSON.stringify({ dense: tensor, record })));
    }
  }

  async #inputs(): Promise<ValueId[]> {
    const ids = new Set<ValueId>();
    for (const message of messagesOf(this.#message, GRAPH.input)) {
      const info = await readValueInfo(this.#reader.source, message);
      const known = this.#scope.names.get(info.name);
      if (known !== undefined && ids.has(known)) throw this.#twice(info.name);
      const id = known ?? this.#define(info.name, { dtype: null, shape: null });
      this.#declare(id, info);
      ids.add(id);
    }
    return [...ids];
  }

  /** Defines what nodes make, with the types that value_info and the outputs declare. */
  async #produced(outputInfos: readonly ValueInfo[]): Promise<void> {
    const { source } = this.#reader;
    const made = new Set<string>();
    for (const node of messagesOf(this.#message, GRAPH.node)) {
      for (const name of await stringsOf(source, node, NODE.output)) {
        if (name === '') continue;
        if (made.has(name) || this.#scope.names.has(name)) throw this.#twice(name);
        made.add(name);
      }
    }
    const outputs = new Map(outputInfos.map((info) => [info.name, info]));
    for (const field of this.#message.fields) {
      if (field.number !== GRAPH.valueInfo || field.message === undefined) continue;
      const info = await readValueInfo(source, field.message);
      const known = this.#scope.names.get(info.name);
      const value = known === undefined ? undefined : this.#values.get(known);
      if (known !== undefined && value !== undefined) {
        if (value.declared === true) this.#part(known, EXTRA.inValueInfo, await this.#verbatim(field));
        else this.#declare(known, info);
      } else if (made.has(info.name) && info.name !== '') {
        const listed = outputs.get(info.name);
        const id = this.#define(info.name, { dtype: null, shape: null });
        this.#declare(id, listed ?? info);
        if (listed !== undefined) this.#part(id, EXTRA.inValueInfo, await this.#verbatim(field));
      } else {
        // About a name that nothing makes: kept, as it harms nothing.
        this.#leftOver.push(encodeField(field, await loadField(source, field)));
      }
    }
    for (const name of made) {
      if (!this.#scope.names.has(name)) this.#define(name, { dtype: null, shape: null });
    }
    for (const info of outputInfos) {
      const id = this.#scope.names.get(info.name);
      if (id !== undefined && this.#values.get(id)?.declared !== true) this.#declare(id, info);
    }
  }

  async #verbatim(field: Field): Promise<Uint8Array> {
    return (await loadField(this.#reader.source, field)).slice();
  }

  async #node(message: Message): Promise<Node> {
    const { source } = this.#reader;
    const id = this.#counters.nextNode++ as NodeId;
    const op = (await stringOf(source, message, NODE.op)) ?? '';
    if (op === '') throw this.#broken('no-operator', `node at byte ${message.offset}`, 'It names no operator.');
    const written = await stringOf(source, message, NODE.name);
    const name = this.#uniqueNodeName(written ?? '', op, id);
    const domain = (await stringOf(source, message, NODE.domain)) ?? '';
    const inputs = await stringsOf(source, message, NODE.input);
    const outputs = await stringsOf(source, message, NODE.output);
    const attrs = new Map<string, Attr>();
    const attributeReader = {
      ...this.#reader,
      subgraph: (inner: Message) => new GraphReader(this.#reader, inner, this.#counters, this.#scope).read(),
    };
    for (const attribute of messagesOf(message, NODE.attribute)) {
      const [key, attr] = await readAttribute(attributeReader, attribute);
      attrs.set(key, attr);
    }
    const doc = await stringOf(source, message, NODE.doc);
    const extra = await unknownFields(message, KNOWN_NODE, (field) => loadField(source, field));
    return {
      id,
      name,
      ...(name === written ? {} : { sourceName: written ?? '' }),
      op,
      domain: domain === 'ai.onnx' ? '' : domain,
      inputs: inputs.map((input) => (input === '' ? null : this.#resolve(input))),
      outputs: outputs.map((output) => (output === '' ? null : this.#resolve(output))),
      attrs,
      ...(doc === undefined ? {} : { doc }),
      ...(extra === undefined ? {} : { extra }),
    };
  }

  #uniqueNodeName(written: string, op: string, id: NodeId): string {
    const { nodeNames, copies } = this.#counters;
    const wished = written === '' ? `${op}_${id}` : written;
    let name = wished;
    while (nodeNames.has(name)) {
      const copy = (copies.get(wished) ?? 1) + 1;
      copies.set(wished, copy);
      name = `${wished}_${copy}`;
    }
    nodeNames.add(name);
    return name;
  }

  /** The value of that name here or around; a new one that nothing makes where there is none, for `verifyModel` to name. */
  #resolve(name: string): ValueId {
    for (let scope: Scope | undefined = this.#scope; scope !== undefined; scope = scope.around) {
      const id = scope.names.get(name);
      if (id !== undefined) return id;
    }
    return this.#define(name, { dtype: null, shape: null });
  }

  #define(name: string, content: Omit<Value, 'id' | 'name'>): ValueId {
    if (this.#scope.names.has(name)) throw this.#twice(name);
    const id = this.#counters.nextValue++ as ValueId;
    if (name !== '') this.#scope.names.set(name, id);
    this.#values.set(id, { id, name, ...content });
    return id;
  }

  /** A constant keeps its own element type; of its shape the file's declaration stays as a record. */
  #declare(id: ValueId, info: ValueInfo): void {
    const value = this.#values.get(id);
    if (value === undefined) return;
    const constant = value.constant;
    const { dtype, shape } = info.type;
    // What the file says of a constant may be less than the constant itself says: kept as it is.
    const says = constant === undefined || (dtype === constant.dtype && sameShape(shape, constant.shape));
    const rawType = info.type.rawType ?? (says ? undefined : encodeType(dtype, shape));
    this.#values.set(id, {
      ...value,
      dtype: constant?.dtype ?? dtype,
      shape: constant?.shape ?? shape,
      declared: true,
      ...(rawType === undefined ? {} : { rawType }),
      ...(info.doc === undefined ? {} : { doc: info.doc }),
    });
    if (value.doc !== undefined && info.doc !== undefined) {
      this.#part(id, EXTRA.tensorDoc, new TextEncoder().encode(value.doc));
    } else if (value.doc !== undefined) {
      // The text belongs to the TensorProto alone.
      const { doc, ...rest } = this.#values.get(id) ?? value;
      this.#values.set(id, rest);
      this.#part(id, EXTRA.tensorDoc, new TextEncoder().encode(doc ?? value.doc));
    }
    if (info.extra !== undefined) this.#part(id, EXTRA.record, info.extra);
  }

  #part(id: ValueId, number: number, bytes: Uint8Array): void {
    const parts = this.#parts.get(id) ?? new Map<number, Uint8Array>();
    parts.set(number, bytes);
    this.#parts.set(id, parts);
  }

  #twice(name: string): PareError {
    return this.#broken('duplicate-name', `value ${name}`, 'It is defined twice.');
  }

  #broken(code: string, place: string, problem: string): PareError {
    return new PareError({
      code: `onnx/${code}`,
      file: this.#reader.source.name,
      place,
      problem,
      hint: 'The exporter wrote an invalid graph: export it again, or check it with onnx.checker.',
    });
  }
}

function sameShape(a: Shape | null, b: Shape): boolean {
  return a !== null && a.length === b.length && a.every((size, axis) => size === b[axis]);
}
