/**
 * An ONNX file as plain data that two files share exactly when they mean the same: a walk over the protobuf that knows no
 * graphs. Tensor data is compared as packed bytes wherever it lies; absent and empty singular fields are the same.
 */
import { createHash } from 'node:crypto';
import type { ByteSource } from '#base/bytes.ts';
import { bytesFor, countOf } from '#base/dtype.ts';
import { packTensor } from '#formats/onnx/read/tensor-data.ts';
import { ENTRY, MODEL_SCHEMA, TENSOR, dtypeOf } from '#formats/onnx/record/schema.ts';
import { decodeMessage } from '#wire/protobuf/decode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { floatsOf, integerOf, integersOf, messagesOf, stringOf } from '#wire/protobuf/message.ts';

export type Canonical = { readonly [field: string]: readonly unknown[] };

/** Fields that repeat, so that an empty element counts: `schema name.number`. */
const REPEATED = new Set([
  'NodeProto.1',
  'NodeProto.2',
  'AttributeProto.9',
  'TensorProto.6',
  'TensorShapeProto.Dimension.1',
]);
const DATA = new Set<number>([
  TENSOR.floatData,
  TENSOR.int32Data,
  TENSOR.stringData,
  TENSOR.int64Data,
  TENSOR.rawData,
  TENSOR.doubleData,
  TENSOR.uint64Data,
  TENSOR.externalData,
  TENSOR.dataLocation,
]);
const LISTS_OF_INTEGERS = new Set(['AttributeProto.8', 'TensorProto.1']);
const LISTS_OF_FLOATS = new Set(['AttributeProto.7']);
const DOMAINS = new Set(['NodeProto.7', 'OperatorSetIdProto.1']);

export async function canonicalModel(
  source: ByteSource,
  data: ReadonlyMap<string, ByteSource> = new Map(),
): Promise<Canonical> {
  return canonical(source, data, await decodeMessage(source, MODEL_SCHEMA));
}

async function canonical(
  source: ByteSource,
  data: ReadonlyMap<string, ByteSource>,
  message: Message,
): Promise<Canonical> {
  const { name } = message.schema;
  const found = new Map<number, unknown[]>();
  const put = (number: number, value: unknown): void => {
    found.set(number, [...(found.get(number) ?? []), value]);
  };
  for (const field of message.fields) {
    const key = `${name}.${field.number}`;
    if (name === 'TensorProto' && DATA.has(field.number)) continue;
    if (LISTS_OF_INTEGERS.has(key) || LISTS_OF_FLOATS.has(key)) {
      if (found.has(field.number)) continue;
      const list = LISTS_OF_FLOATS.has(key)
        ? await floatsOf(source, message, field.number)
        : await integersOf(source, message, field.number);
      if (list.length > 0) put(field.number, list);
    } else if (field.message !== undefined) {
      put(field.number, await canonical(source, data, field.message));
    } else if (field.value !== undefined) {
      if (field.value !== 0 || REPEATED.has(key)) put(field.number, field.value);
    } else {
      const bytes = await source.read(field.offset, field.length);
      const text = Buffer.from(bytes).toString('latin1');
      if (DOMAINS.has(key) && text === 'ai.onnx') continue;
      if (text !== '' || REPEATED.has(key)) put(field.number, bytes.byteLength > 256 ? digest(bytes) : text);
    }
  }
  const numbers = [...found.keys()].toSorted((a, b) => a - b);
  const plain: Record<string, readonly unknown[]> = {};
  for (const number of numbers) plain[`${name}.${number}`] = found.get(number) ?? [];
  // Types of values in between are looked up by name: their order says nothing.
  const infos = plain['GraphProto.13'];
  if (infos !== undefined) plain['GraphProto.13'] = infos.map((info) => JSON.stringify(info)).toSorted();
  if (name === 'TensorProto') plain['data'] = [digest(await packed(source, data, message))];
  return plain;
}

async function packed(
  source: ByteSource,
  data: ReadonlyMap<string, ByteSource>,
  message: Message,
): Promise<Uint8Array> {
  const dtype = dtypeOf(integerOf(message, TENSOR.dataType));
  if (dtype === undefined) throw new Error('a tensor without a type');
  const shape = (await integersOf(source, message, TENSOR.dims)).map(Number);
  if (integerOf(message, TENSOR.dataLocation) === 1) {
    const entries = new Map<string, string>();
    for (const entry of messagesOf(message, TENSOR.externalData)) {
      entries.set((await stringOf(source, entry, ENTRY.key)) ?? '', (await stringOf(source, entry, ENTRY.value)) ?? '');
    }
    const file = data.get(entries.get('location') ?? '');
    if (file === undefined) throw new Error('external data is not there');
    return file.read(Number(entries.get('offset') ?? 0), bytesFor(dtype, countOf(shape)));
  }
  const fields = [];
  for (const field of message.fields) {
    fields.push(field.wire === 0 ? field : { ...field, bytes: await source.read(field.offset, field.length) });
  }
  return packTensor({ ...message, fields }, dtype, shape);
}

function digest(bytes: Uint8Array): string {
  return `${bytes.byteLength} bytes ${createHash('sha256').update(bytes).digest('hex')}`;
}
