/** Constants of graphs: TensorProto records, their limits, and how each becomes a ticket. Nothing large is read. */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import { bytesFor, countOf, isFloat } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decodeBytes } from '#wire/protobuf/decode.ts';
import type { Field, Message } from '#wire/protobuf/message.ts';
import { fieldsOf, integerOf, messageOf, messagesOf } from '#wire/protobuf/message.ts';
import { signed64, unpackVarints } from '#wire/protobuf/varint.ts';
import { dtypeOfCode, nameOfCode } from './data-type.ts';
import { packElements, packTexts } from './elements.ts';
import type { LoadedTensor, RawTensor } from './raw.ts';
import { DIM, SHAPE, TENSOR, TENSOR_SCHEMA } from './schema.ts';

/** Elements up to which a constant's bytes are kept beside its ticket. */
const SMALL_FLOATS = 4096;
const SMALL_INTEGERS = 16 * 1024;
/** A constant that the file spells by fewer elements than it has; zeros and the like. */
const MAX_FILLED_BYTES = 256 * 1024 * 1024;
const MAX_RANK = 64;
const MAX_BYTES = 2 ** 40;

/** Whether bytes of such a tensor are kept at hand. */
export function isSmall(dtype: DType, count: number): boolean {
  return count <= (isFloat(dtype) ? SMALL_FLOATS : SMALL_INTEGERS);
}

/** Sizes of a constant, which must all be known and small enough to be multiplied. */
export function checkShape(
  dims: readonly (number | null)[] | null,
  at: { readonly file: string; readonly place: string },
): readonly number[] {
  const shape = (dims ?? []).map((dim) => dim ?? -1);
  const whole = dims !== null && shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
  if (whole && shape.length <= MAX_RANK && countOf(shape) <= MAX_BYTES) return shape;
  throw new PareError({
    code: 'tensorflow/shape',
    ...at,
    problem: `A constant has the impossible shape [${dims === null ? 'unknown' : shape.slice(0, 8).join(', ')}].`,
    hint: 'The file is damaged: export it again.',
  });
}

/** A TensorProto as a constant. */
export function protoTensor(source: ByteSource, message: Message, place: string): RawTensor {
  const at = { file: source.name, place };
  const type = Number(integerOf(message, TENSOR.dtype) ?? 0);
  const shape = checkShape(shapeOfProto(messageOf(message, TENSOR.shape)), at);
  let loaded: Promise<LoadedTensor> | undefined;
  const content = fieldsOf(message, TENSOR.content).at(-1);
  const atHand = (): Uint8Array | undefined => {
    const dtype = dtypeOfCode(type);
    if (dtype === null || !isSmall(dtype, countOf(shape)) || !isHeld(message)) return undefined;
    return decodeTensor(message, dtype, shape, at);
  };
  const load = async (store: WeightStore): Promise<LoadedTensor> => {
    const dtype = dtypeOfCode(type);
    if (dtype === null) {
      throw new PareError({
        code: 'tensorflow/data-type',
        ...at,
        problem: `A constant has elements of ${nameOfCode(type)}, which cannot be read.`,
        hint: 'Export the model without it.',
      });
    }
    const count = countOf(shape);
    const direct = dtype === 'string' ? undefined : directRange(message, content, dtype, count);
    if (isSmall(dtype, count) || direct === undefined) checkFill(message, dtype, count, at);
    if (isSmall(dtype, count)) {
      const raw = isHeld(message) ? message : await readAgain(source, message);
      const bytes = decodeTensor(raw, dtype, shape, at).slice();
      return { tensor: store.put(dtype, shape, bytes), bytes };
    }
    if (direct !== undefined) {
      if (direct.length !== bytesFor(dtype, count)) throw wrongSize(at, dtype, shape, direct.length);
      return { tensor: store.link(dtype, shape, { source, offset: direct.offset, length: direct.length }) };
    }
    if (dtype === 'string') {
      const bytes = decodeTensor(await readAgain(source, message), dtype, shape, at);
      return { tensor: store.put(dtype, shape, bytes) };
    }
    const { offset, length } = message;
    const decode = (stored: Uint8Array): Uint8Array =>
      decodeTensor(decodeBytes(stored, TENSOR_SCHEMA, at.file), dtype, shape, at);
    return { tensor: store.link(dtype, shape, { source, offset, length, decode }) };
  };
  return { type, shape, small: atHand, load: (store) => (loaded ??= load(store)) };
}

/** null: unknown rank. */
export function shapeOfProto(message: Message | undefined): readonly (number | null)[] | null {
  if (message === undefined) return [];
  if (integerOf(message, SHAPE.unknownRank) === 1) return null;
  return messagesOf(message, SHAPE.dim).map((dim) => {
    const size = Number(integerOf(dim, DIM.size) ?? 0);
    return size < 0 ? null : size;
  });
}

function isHeld(message: Message): boolean {
  return message.fields.every((field) => field.wire === 0 || field.bytes !== undefined || field.message !== undefined);
}

async function readAgain(source: ByteSource, message: Message): Promise<Message> {
  return decodeBytes(await source.read(message.offset, message.length), TENSOR_SCHEMA, source.name);
}

/** The one field whose payload is the packed data as it is, if there is just one. */
function directRange(message: Message, content: Field | undefined, dtype: DType, count: number): Field | undefined {
  if (content !== undefined && content.length > 0) return content;
  const number = TYPED[dtype];
  if (number === undefined || (dtype !== 'f32' && dtype !== 'f64')) return undefined;
  const [only, ...more] = fieldsOf(message, number);
  return more.length === 0 && only?.wire === 2 && only.length === bytesFor(dtype, count) ? only : undefined;
}

/** A few listed elements may stand for many, but not for more than memory is there for. */
function checkFill(message: Message, dtype: DType, count: number, at: { file: string; place: string }): void {
  const least = dtype === 'string' ? 4 * count : bytesFor(dtype, count);
  if (least <= MAX_FILLED_BYTES || least <= 8 * message.length) return;
  throw new PareError({
    code: 'tensorflow/fill',
    ...at,
    problem: `A constant of ${count} elements is spelled by ${message.length} bytes.`,
    hint: 'The file is damaged, or the constant should be made by Fill when the model runs.',
  });
}

/** Field of the typed list. */
const TYPED: Partial<Record<DType, number>> = {
  f32: TENSOR.float,
  f64: TENSOR.double,
  i32: TENSOR.int,
  i16: TENSOR.int,
  i8: TENSOR.int,
  u8: TENSOR.int,
  u16: TENSOR.int,
  string: TENSOR.string,
  c64: TENSOR.complex,
  c128: TENSOR.doubleComplex,
  i64: TENSOR.int64,
  bool: TENSOR.bool,
  f16: TENSOR.half,
  bf16: TENSOR.half,
  u32: TENSOR.uint32,
  u64: TENSOR.uint64,
};

/** Packed elements of a record whose payloads are in memory. */
export function decodeTensor(
  message: Message,
  dtype: DType,
  shape: readonly number[],
  at: { readonly file: string; readonly place: string },
): Uint8Array {
  const count = countOf(shape);
  const content = fieldsOf(message, TENSOR.content).at(-1)?.bytes;
  if (content !== undefined && content.byteLength > 0) {
    if (dtype === 'string' || content.byteLength !== bytesFor(dtype, count)) {
      throw wrongSize(at, dtype, shape, content.byteLength);
    }
    return content;
  }
  const number = TYPED[dtype];
  const fields = number === undefined ? [] : fieldsOf(message, number);
  if (dtype === 'string') {
    return packTexts(
      count,
      fields.flatMap((field) => field.bytes ?? []),
    );
  }
  const wide = dtype === 'f64' || dtype === 'c128';
  const float = wide || dtype === 'f32' || dtype === 'c64';
  const values: (number | bigint)[] = [];
  for (const field of fields) {
    if (values.length > 2 * count) break;
    if (float) pushFloats(values, field, wide);
    else if (field.value !== undefined) values.push(signed64(field.value));
    else if (field.wire === 2) for (const value of unpackVarints(field.bytes ?? NOTHING)) values.push(signed64(value));
  }
  return packElements(dtype, count, values, true);
}

const NOTHING = new Uint8Array(0);

function pushFloats(values: (number | bigint)[], field: Field, wide: boolean): void {
  const bytes = field.bytes ?? NOTHING;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = wide ? 8 : 4;
  for (let at = 0; at + width <= bytes.byteLength; at += width) {
    values.push(wide ? view.getFloat64(at, true) : view.getFloat32(at, true));
  }
}

function wrongSize(
  at: { file: string; place: string },
  dtype: DType,
  shape: readonly number[],
  stored: number,
): PareError {
  return new PareError({
    code: 'tensorflow/tensor-size',
    ...at,
    problem: `A constant of ${dtype} of shape [${shape.join(', ')}] takes ${bytesFor(dtype, countOf(shape))} bytes, but ${stored} are stored.`,
    hint: 'The file is damaged: export it again.',
  });
}
