/**
 * TensorProto records as tickets into the file. Data that lies there packed is linked as a range, whatever its size; the
 * rest is decoded when it is first read, or at once when it is small. Sizes are checked against the shape here.
 */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { bitsOf, bytesFor, countOf, kindOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { unknownFields } from '#wire/protobuf/encode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { fieldsOf, integerOf, integersOf, loadField, messageOf, messagesOf, stringOf } from '#wire/protobuf/message.ts';
import type { ExternalFiles } from './external-files.ts';
import { ENTRY, SPARSE, TENSOR, dtypeOf } from '#formats/onnx/record/schema.ts';
import { decodeTensor, densifySparse, typedFieldOf } from './tensor-data.ts';

/** Records up to this size are decoded when the model is opened, so that damage shows at once. */
const DECODED_AT_ONCE = 64 * 1024;

/** Largest dense tensor that a sparse one is turned into: a few bytes can claim any size. */
const MAX_DENSE_BYTES = 2 ** 30;

export interface TensorReader {
  readonly source: ByteSource;
  readonly store: WeightStore;
  readonly external: ExternalFiles;
}

export interface ReadTensor {
  readonly name: string;
  readonly tensor: Tensor;
  readonly doc?: string;
  /** Unknown fields, verbatim. */
  readonly extra?: Uint8Array;
}

const KNOWN = new Set<number>(Object.values(TENSOR).filter((number) => number !== TENSOR.segment));

export async function readTensor(reader: TensorReader, message: Message, role = 'tensor'): Promise<ReadTensor> {
  const { source } = reader;
  const name = (await stringOf(source, message, TENSOR.name)) ?? '';
  const place = name === '' ? `${role} at byte ${message.offset}` : `${role} ${name}`;
  const doc = await stringOf(source, message, TENSOR.doc);
  const extra = await unknownFields(message, KNOWN, (field) => loadField(source, field));
  const dtype = readDType(source, message, place);
  const shape = checkShape(source, await integersOf(source, message, TENSOR.dims), dtype, place);
  return {
    name,
    tensor: await linkData(reader, message, dtype, shape, place, name),
    ...(doc === undefined ? {} : { doc }),
    ...(extra === undefined ? {} : { extra }),
  };
}

async function linkData(
  reader: TensorReader,
  message: Message,
  dtype: DType,
  shape: readonly number[],
  place: string,
  name: string,
): Promise<Tensor> {
  const { source, store } = reader;
  const count = countOf(shape);
  const sizeBytes = bytesFor(dtype, count);
  if (integerOf(message, TENSOR.dataLocation) === 1)
    return linkExternal(reader, message, dtype, shape, name, sizeBytes);

  const direct = directRange(message, dtype);
  if (direct !== undefined && (direct.length > 0 || count === 0)) {
    if (direct.length !== sizeBytes) throw wrongSize(source, place, dtype, shape, sizeBytes, direct.length);
    return store.link(dtype, shape, { source, offset: direct.offset, length: direct.length });
  }
  const typed = fieldsOf(message, typedFieldOf(dtype));
  const stored = typed.reduce((total, field) => total + field.length, 0);
  if (typed.length === 0 && count > 0) throw wrongSize(source, place, dtype, shape, sizeBytes, 0);
  // A varint is at least one byte and holds one element, or a byte of packed ones.
  const leastBytes = dtype === 'string' ? 0 : bitsOf(dtype) < 8 ? sizeBytes : count;
  if (stored < leastBytes) throw wrongSize(source, place, dtype, shape, sizeBytes, stored);
  const whole = { source, offset: message.offset, length: message.length };
  if (message.length > DECODED_AT_ONCE && dtype !== 'string') {
    return store.link(dtype, shape, {
      ...whole,
      decode: (bytes) => named(source, place, () => decodeTensor(bytes, dtype, shape)),
    });
  }
  const bytes = await source.read(whole.offset, whole.length);
  return store.put(dtype, shape, named(source, place, () => decodeTensor(bytes, dtype, shape)).slice());
}

/** The one field whose payload is the packed data as it is, if there is just one. */
function directRange(message: Message, dtype: DType): { readonly offset: number; readonly length: number } | undefined {
  if (dtype === 'string') return undefined;
  const raw = fieldsOf(message, TENSOR.rawData).at(-1);
  if (raw !== undefined && raw.length > 0) return raw.wire === 2 ? raw : undefined;
  const packed = kindOf(dtype) === 'complex' || dtype === 'f32' || dtype === 'f64';
  const typed = packed ? fieldsOf(message, typedFieldOf(dtype)) : [];
  if (typed.length === 1 && typed[0]?.wire === 2) return typed[0];
  return typed.length === 0 ? raw : undefined;
}

async function linkExternal(
  reader: TensorReader,
  message: Message,
  dtype: DType,
  shape: readonly number[],
  name: string,
  sizeBytes: number,
): Promise<Tensor> {
  const { source, store, external } = reader;
  const refuse = (problem: string, hint: string): PareError =>
    new PareError({ code: 'onnx/external-range', file: source.name, place: `tensor ${name}`, problem, hint });
  const entries = new Map<string, string>();
  for (const entry of messagesOf(message, TENSOR.externalData)) {
    entries.set((await stringOf(source, entry, ENTRY.key)) ?? '', (await stringOf(source, entry, ENTRY.value)) ?? '');
  }
  if (dtype === 'string') throw refuse('Text cannot lie in external data.', 'Export the model again.');
  const file = await external.open(entries.get('location') ?? '', name);
  const offset = wholeNumber(entries.get('offset') ?? '0');
  const length = wholeNumber(entries.get('length') ?? String(sizeBytes));
  if (offset === undefined || length === undefined) {
    throw refuse('The offset or length of its external data is not a number.', 'The file is damaged: export it again.');
  }
  if (length !== sizeBytes) throw wrongSize(source, `tensor ${name}`, dtype, shape, sizeBytes, length);
  if (offset + length > file.sizeBytes) {
    throw refuse(
      `Its weights should lie at bytes ${offset} to ${offset + length} of "${file.name}", which has only ${file.sizeBytes}.`,
      `"${file.name}" is cut short or belongs to another model: get both files again.`,
    );
  }
  return store.link(dtype, shape, { source: file, offset, length });
}

/**
 * A sparse initializer as the dense tensor that it stands for, linked to the record in the file, and the record itself
 * as a second ticket so that it can be written back as it was.
 */
export async function readSparse(
  reader: TensorReader,
  message: Message,
): Promise<{ readonly name: string; readonly tensor: Tensor; readonly record: Tensor }> {
  const { source, store } = reader;
  const values = messageOf(message, SPARSE.values);
  const indices = messageOf(message, SPARSE.indices);
  const name = values === undefined ? '' : ((await stringOf(source, values, TENSOR.name)) ?? '');
  const place = `sparse tensor ${name === '' ? `at byte ${message.offset}` : name}`;
  const refuse = (problem: string): PareError =>
    new PareError({ code: 'onnx/sparse', file: source.name, place, problem, hint: 'Store it as a dense tensor.' });
  if (values === undefined || indices === undefined || name === '')
    throw refuse('Its values, indices or name are missing.');
  const dtype = readDType(source, values, place);
  if (bitsOf(dtype) < 8) throw refuse(`Sparse tensors of ${dtype} are not read.`);
  for (const part of [values, indices]) {
    if (integerOf(part, TENSOR.dataLocation) === 1) throw refuse('Sparse tensors in external data are not read.');
    // Checks sizes and shapes of both parts.
    await readTensor(reader, part, 'sparse tensor');
  }
  if (readDType(source, indices, place) !== 'i64') throw refuse('Its indices are not int64.');
  const shape = checkShape(source, await integersOf(source, message, SPARSE.dims), dtype, place);
  if (bytesFor(dtype, countOf(shape)) > MAX_DENSE_BYTES) throw refuse(`As a dense tensor it is too large.`);
  const whole = { source, offset: message.offset, length: message.length };
  return {
    name,
    tensor: store.link(dtype, shape, {
      ...whole,
      decode: (bytes) => named(source, place, () => densifySparse(bytes, dtype, shape)),
    }),
    record: store.link('u8', [message.length], whole),
  };
}

function readDType(source: ByteSource, message: Message, place: string): DType {
  const number = integerOf(message, TENSOR.dataType) ?? 0;
  const dtype = dtypeOf(number);
  if (dtype !== undefined) return dtype;
  throw new PareError({
    code: 'onnx/data-type',
    file: source.name,
    place,
    problem: `It has data type ${String(number)}, which is none that is known.`,
    hint: 'The file is damaged or was made for a newer ONNX.',
  });
}

function checkShape(
  source: ByteSource,
  dims: readonly (number | bigint)[],
  dtype: DType,
  place: string,
): readonly number[] {
  let count = 1;
  const shape: number[] = [];
  for (const dim of dims) {
    if (typeof dim === 'number' && dim >= 0) {
      shape.push(dim);
      count *= dim;
    } else count = Number.NaN;
  }
  if (shape.length === dims.length && Number.isSafeInteger(count) && Number.isSafeInteger(count * bitsOf(dtype)))
    return shape;
  throw new PareError({
    code: 'onnx/shape',
    file: source.name,
    place,
    problem: `Its shape [${dims.map(String).join(', ')}] is impossible.`,
    hint: 'The file is damaged: export it again.',
  });
}

function wrongSize(
  source: ByteSource,
  place: string,
  dtype: DType,
  shape: readonly number[],
  expected: number,
  stored: number,
): PareError {
  return new PareError({
    code: 'onnx/tensor-size',
    file: source.name,
    place,
    problem: `A ${dtype} tensor of shape [${shape.join(', ')}] takes ${expected} bytes, but ${stored} are stored.`,
    hint: 'The file is damaged: export it again.',
  });
}

/** Runs a decoder and names file and tensor in what it throws. */
function named<Result>(source: ByteSource, place: string, run: () => Result): Result {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
    throw new PareError({ ...error.parts, file: source.name, place }, { cause: error });
  }
}

function wholeNumber(text: string): number | undefined {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(number) ? number : undefined;
}
