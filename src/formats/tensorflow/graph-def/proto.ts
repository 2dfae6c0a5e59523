/** GraphDef records as raw graphs. Long payloads stay in the file; names must be short enough to have been read in passing. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { decodeBytes, decodeMessage } from '#wire/protobuf/decode.ts';
import type { Field, Message } from '#wire/protobuf/message.ts';
import { fieldOf, fieldsOf, floatOf, integerOf, messageOf, messagesOf } from '#wire/protobuf/message.ts';
import { signed64, unpackVarints } from '#wire/protobuf/varint.ts';
import type { RawArgument, RawAttr, RawFunction, RawGraph, RawNode } from './raw.ts';
import {
  ARGUMENT,
  ARGUMENT_ATTRS,
  ATTR,
  ENTRY,
  FUNCTION,
  GRAPH,
  LIBRARY,
  LIST,
  NAME_ATTRS,
  NODE,
  NODE_SCHEMA,
  OP_DEF,
} from './schema.ts';
import { protoTensor, shapeOfProto } from './tensor.ts';

const UTF8 = new TextDecoder('utf-8', { ignoreBOM: true });
/** Attributes of functions and arguments that tell what they are. */
const TOLD = new Set(['api_implements', 'api_preferred_device', '_output_shapes']);

/** A graph with those of its functions that its nodes lead to. */
export async function protoGraph(source: ByteSource, message: Message): Promise<RawGraph> {
  const known = new Map<string, Message>();
  for (const library of messagesOf(message, GRAPH.library)) {
    for (const record of messagesOf(library, LIBRARY.function)) {
      const signature = messageOf(record, FUNCTION.signature);
      if (signature !== undefined) known.set(nameOf(source, signature, OP_DEF.name), record);
    }
  }
  const nodes = messagesOf(message, GRAPH.node).map((node) => protoNode(source, node));
  const functions = new Map<string, RawFunction>();
  const open = nodes.flatMap(namedBy);
  let kinds: Map<string, string[]> | undefined;
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const record = functions.has(name) ? undefined : known.get(name);
    if (record === undefined) continue;
    const made = await protoFunction(source, record);
    functions.set(name, made);
    // Keras keeps a form of a layer for each kind of device, of which one is chosen.
    const kind = textAttr(made.attrs.get('api_implements'));
    if (kind !== '') {
      kinds ??= byKind(source, known);
      open.push(...(kinds.get(kind) ?? []));
      kinds.delete(kind);
    }
    for (const node of made.nodes) open.push(...namedBy(node));
  }
  return { file: source.name, nodes, functions };
}

/** Names of functions that a node may call. */
function namedBy(node: RawNode): readonly string[] {
  const names = [node.op];
  for (const attr of node.attrs.values()) {
    for (const item of attr.kind === 'list' ? attr.value : [attr]) if (item.kind === 'function') names.push(item.value);
  }
  return names;
}

/** Functions by what they say that they do. */
function byKind(source: ByteSource, known: ReadonlyMap<string, Message>): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  for (const [name, record] of known) {
    const attrs = protoAttrs(source, messagesOf(record, FUNCTION.attr), name, (key) => key === 'api_implements');
    const kind = textAttr(attrs.get('api_implements'));
    const names = kinds.get(kind);
    if (names !== undefined) names.push(name);
    else if (kind !== '') kinds.set(kind, [name]);
  }
  return kinds;
}

function textAttr(attr: RawAttr | undefined): string {
  return attr?.kind === 'string' ? attr.value : '';
}

/** A short text; longer ones than are read in passing are no names. */
export function nameOf(source: ByteSource, message: Message, number: number): string {
  const field = fieldOf(message, number);
  return field === undefined ? '' : textOf(source, field);
}

export function namesOf(source: ByteSource, message: Message, number: number): readonly string[] {
  return fieldsOf(message, number).map((field) => textOf(source, field));
}

function textOf(source: ByteSource, field: Field): string {
  if (field.bytes !== undefined) return UTF8.decode(field.bytes);
  throw new PareError({
    code: 'tensorflow/name',
    file: source.name,
    place: `byte ${field.offset}`,
    problem:
      field.wire === 2 ? `A name here is ${field.length} bytes long.` : 'A number stands here where a name belongs.',
    hint: 'The file is damaged or of another kind.',
  });
}

function protoNode(source: ByteSource, message: Message): RawNode {
  const name = nameOf(source, message, NODE.name);
  const op = nameOf(source, message, NODE.op);
  const attrs = messagesOf(message, NODE.attr);
  return {
    name,
    op,
    inputs: namesOf(source, message, NODE.input),
    // Old graphs note the shape of an input in a remark only.
    attrs: op.startsWith('Placeholder') ? protoAttrs(source, attrs, name, () => true) : protoAttrs(source, attrs, name),
  };
}

/** Attributes that start with an underscore are remarks of the program that wrote the file. */
function protoAttrs(
  source: ByteSource,
  entries: readonly Message[],
  place: string,
  wanted: (name: string) => boolean = (name) => !name.startsWith('_'),
): ReadonlyMap<string, RawAttr> {
  const attrs = new Map<string, RawAttr>();
  for (const entry of entries) {
    const name = nameOf(source, entry, ENTRY.key);
    const value = messageOf(entry, ENTRY.value);
    const attr = value === undefined || !wanted(name) ? undefined : protoAttr(source, value, place);
    if (attr !== undefined) attrs.set(name, attr);
  }
  return attrs;
}

function protoAttr(source: ByteSource, message: Message, place: string): RawAttr | undefined {
  const field = message.fields.at(-1);
  if (field === undefined) return undefined;
  const inner = field.message;
  switch (field.number) {
    case ATTR.string:
      return field.bytes && { kind: 'string', value: UTF8.decode(field.bytes) };
    case ATTR.int:
      return { kind: 'int', value: integer(field.value) };
    case ATTR.float:
      return { kind: 'float', value: floatOf(message, ATTR.float) ?? 0 };
    case ATTR.bool:
      return { kind: 'bool', value: integer(field.value) !== 0 };
    case ATTR.type:
      return { kind: 'type', value: integer(field.value) };
    case ATTR.placeholder:
      return field.bytes && { kind: 'placeholder', value: UTF8.decode(field.bytes) };
    case ATTR.shape:
      return inner && { kind: 'shape', value: shapeOfProto(inner) };
    case ATTR.tensor:
      return inner && { kind: 'tensor', value: protoTensor(source, inner, place) };
    case ATTR.function:
      return inner && protoFunctionName(source, inner, place);
    case ATTR.list:
      return inner && { kind: 'list', value: inner.fields.flatMap((item) => listItems(source, item, place)) };
    default:
      return undefined;
  }
}

function protoFunctionName(source: ByteSource, message: Message, place: string): RawAttr {
  const attrs = protoAttrs(source, messagesOf(message, NAME_ATTRS.attr), place);
  return { kind: 'function', value: nameOf(source, message, NAME_ATTRS.name), attrs };
}

function listItems(source: ByteSource, field: Field, place: string): readonly RawAttr[] {
  const inner = field.message;
  const integers = (): readonly number[] =>
    field.value !== undefined ? [integer(field.value)] : unpackVarints(field.bytes ?? new Uint8Array(0)).map(integer);
  switch (field.number) {
    case LIST.string:
      return field.bytes === undefined ? [] : [{ kind: 'string', value: UTF8.decode(field.bytes) }];
    case LIST.int:
      return integers().map((value) => ({ kind: 'int', value }));
    case LIST.bool:
      return integers().map((value) => ({ kind: 'bool', value: value !== 0 }));
    case LIST.type:
      return integers().map((value) => ({ kind: 'type', value }));
    case LIST.float: {
      const bytes = field.bytes ?? new Uint8Array(0);
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      return Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, index) => ({
        kind: 'float',
        value: view.getFloat32(4 * index, true),
      }));
    }
    case LIST.shape:
      return inner === undefined ? [] : [{ kind: 'shape', value: shapeOfProto(inner) }];
    case LIST.tensor:
      return inner === undefined ? [] : [{ kind: 'tensor', value: protoTensor(source, inner, place) }];
    case LIST.function:
      return inner === undefined ? [] : [protoFunctionName(source, inner, place)];
    default:
      return [];
  }
}

async function protoFunction(source: ByteSource, message: Message): Promise<RawFunction> {
  const signature = messageOf(message, FUNCTION.signature);
  const name = signature === undefined ? '' : nameOf(source, signature, OP_DEF.name);
  const shapes = argumentShapes(source, message, name);
  const args = (number: number): RawArgument[] =>
    (signature === undefined ? [] : messagesOf(signature, number)).map((argument, index) => {
      const typeAttr = nameOf(source, argument, ARGUMENT.typeAttr);
      const shape = number === OP_DEF.inputs ? shapes.get(index) : undefined;
      return {
        name: nameOf(source, argument, ARGUMENT.name),
        type: Number(integerOf(argument, ARGUMENT.type) ?? 0),
        ...(typeAttr === '' ? {} : { typeAttr }),
        ...(shape === undefined ? {} : { shape }),
      };
    });
  const results = new Map<string, string>();
  for (const entry of messagesOf(message, FUNCTION.results)) {
    results.set(nameOf(source, entry, ENTRY.key), nameOf(source, entry, ENTRY.value));
  }
  const nodes: RawNode[] = [];
  for (const field of fieldsOf(message, FUNCTION.node)) nodes.push(await laterNode(source, field));
  return {
    name,
    inputs: args(OP_DEF.inputs),
    outputs: args(OP_DEF.outputs),
    nodes,
    results,
    attrs: protoAttrs(source, messagesOf(message, FUNCTION.attr), name, (key) => TOLD.has(key)),
  };
}

/** A node whose record was passed over. Short ones are in memory, and so are then the constants in them. */
async function laterNode(source: ByteSource, { bytes, offset, length }: Field): Promise<RawNode> {
  if (bytes === undefined) return protoNode(source, await decodeMessage(source, NODE_SCHEMA, offset, length));
  return protoNode(memorySource(source.name, bytes), decodeBytes(bytes, NODE_SCHEMA, source.name));
}

/** Shapes of arguments by their place, where the file notes them. */
function argumentShapes(
  source: ByteSource,
  message: Message,
  place: string,
): ReadonlyMap<number, readonly (number | null)[] | null> {
  const shapes = new Map<number, readonly (number | null)[] | null>();
  for (const entry of messagesOf(message, FUNCTION.argumentAttrs)) {
    const value = messageOf(entry, ENTRY.value);
    const entries = value === undefined ? [] : messagesOf(value, ARGUMENT_ATTRS.attr);
    const listed = protoAttrs(source, entries, place, (key) => TOLD.has(key)).get('_output_shapes');
    const shape = listed?.kind === 'list' ? listed.value[0] : undefined;
    if (shape?.kind === 'shape') shapes.set(Number(integerOf(entry, ENTRY.key) ?? 0), shape.value);
  }
  return shapes;
}

function integer(value: number | bigint | undefined): number {
  return Number(signed64(value ?? 0));
}
