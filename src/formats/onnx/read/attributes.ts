/** AttributeProto records: typed values where the model has a place for them, else the record verbatim. */
import type { Attr, Graph } from '#ir/model.ts';
import { unknownFields } from '#wire/protobuf/encode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import {
  fieldOf,
  fieldsOf,
  floatOf,
  floatsOf,
  integerOf,
  integersOf,
  loadField,
  messageOf,
  messagesOf,
  stringOf,
} from '#wire/protobuf/message.ts';
import type { ExtraParts } from '#formats/onnx/record/extra.ts';
import { EXTRA, packExtra } from '#formats/onnx/record/extra.ts';
import type { TensorReader } from './tensor.ts';
import { readTensor } from './tensor.ts';
import { ATTRIBUTE, ATTRIBUTE_TYPE } from '#formats/onnx/record/schema.ts';

export interface AttributeReader extends TensorReader {
  subgraph(message: Message): Promise<Graph>;
}

/** The field that each attribute type is held in. */
const FIELD_OF_TYPE = new Map<number, number>([
  [ATTRIBUTE_TYPE.float, ATTRIBUTE.float],
  [ATTRIBUTE_TYPE.int, ATTRIBUTE.int],
  [ATTRIBUTE_TYPE.string, ATTRIBUTE.string],
  [ATTRIBUTE_TYPE.tensor, ATTRIBUTE.tensor],
  [ATTRIBUTE_TYPE.graph, ATTRIBUTE.graph],
  [ATTRIBUTE_TYPE.floats, ATTRIBUTE.floats],
  [ATTRIBUTE_TYPE.ints, ATTRIBUTE.ints],
  [ATTRIBUTE_TYPE.strings, ATTRIBUTE.strings],
  [ATTRIBUTE_TYPE.graphs, ATTRIBUTE.graphs],
]);

export async function readAttribute(reader: AttributeReader, message: Message): Promise<[string, Attr]> {
  const { source } = reader;
  const name = (await stringOf(source, message, ATTRIBUTE.name)) ?? '';
  const type = typeOf(message);
  const held = type === undefined ? undefined : FIELD_OF_TYPE.get(type);
  if (type === undefined || held === undefined || fieldOf(message, ATTRIBUTE.reference) !== undefined) {
    return [name, { type: 'raw', value: (await source.read(message.offset, message.length)).slice() }];
  }
  const known = new Set<number>([ATTRIBUTE.name, ATTRIBUTE.type, held]);
  const parts: ExtraParts = new Map();
  const unknown = await unknownFields(message, known, (field) => loadField(source, field));
  if (unknown !== undefined) parts.set(EXTRA.record, unknown);
  const attr = await readContent(reader, message, type, parts);
  return [name, { ...attr, ...packExtra(parts) }];
}

/** Files from before IR 2 carry no type: it follows from the field that is there. */
function typeOf(message: Message): number | undefined {
  const type = integerOf(message, ATTRIBUTE.type);
  if (type !== undefined && type !== 0) return Number(type);
  for (const [candidate, field] of FIELD_OF_TYPE) if (fieldOf(message, field) !== undefined) return candidate;
  return undefined;
}

async function readContent(reader: AttributeReader, message: Message, type: number, parts: ExtraParts): Promise<Attr> {
  const { source } = reader;
  switch (type) {
    case ATTRIBUTE_TYPE.float:
      return { type: 'float', value: floatOf(message, ATTRIBUTE.float) ?? 0 };
    case ATTRIBUTE_TYPE.int:
      return { type: 'int', value: integerOf(message, ATTRIBUTE.int) ?? 0 };
    case ATTRIBUTE_TYPE.floats:
      return { type: 'floats', value: await floatsOf(source, message, ATTRIBUTE.floats) };
    case ATTRIBUTE_TYPE.ints:
      return { type: 'ints', value: await integersOf(source, message, ATTRIBUTE.ints) };
    case ATTRIBUTE_TYPE.string: {
      const field = fieldOf(message, ATTRIBUTE.string);
      return {
        type: 'string',
        value: field === undefined ? new Uint8Array(0) : (await loadField(source, field)).slice(),
      };
    }
    case ATTRIBUTE_TYPE.strings: {
      const value: Uint8Array[] = [];
      for (const field of fieldsOf(message, ATTRIBUTE.strings)) value.push((await loadField(source, field)).slice());
      return { type: 'strings', value };
    }
    case ATTRIBUTE_TYPE.tensor: {
      const inner = messageOf(message, ATTRIBUTE.tensor);
      if (inner === undefined) break;
      const read = await readTensor(reader, inner, 'constant');
      if (read.extra !== undefined) parts.set(EXTRA.tensor, read.extra);
      if (read.doc !== undefined) parts.set(EXTRA.tensorDoc, new TextEncoder().encode(read.doc));
      return { type: 'tensor', value: read.tensor, ...(read.name === '' ? {} : { name: read.name }) };
    }
    case ATTRIBUTE_TYPE.graph: {
      const inner = messageOf(message, ATTRIBUTE.graph);
      if (inner === undefined) break;
      return { type: 'graph', value: await reader.subgraph(inner) };
    }
    case ATTRIBUTE_TYPE.graphs: {
      const value: Graph[] = [];
      for (const inner of messagesOf(message, ATTRIBUTE.graphs)) value.push(await reader.subgraph(inner));
      return { type: 'graphs', value };
    }
  }
  parts.clear();
  return { type: 'raw', value: (await source.read(message.offset, message.length)).slice() };
}
