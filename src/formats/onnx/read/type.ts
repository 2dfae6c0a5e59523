/** Types of values: what a ValueInfoProto declares, as element type and shape, with the record kept where those lose something. */
import type { ByteSource } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import type { Dim, Shape } from '#ir/model.ts';
import { unknownFields } from '#wire/protobuf/encode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { fieldsOf, integerOf, loadField, messageOf, messagesOf, stringOf } from '#wire/protobuf/message.ts';
import { DIM, SHAPE, TENSOR_TYPE, TYPE, VALUE_INFO, dtypeOf } from '#formats/onnx/record/schema.ts';
import { encodeType } from '#formats/onnx/record/encode-type.ts';

export interface DeclaredType {
  readonly dtype: DType | null;
  readonly shape: Shape | null;
  /** The TypeProto verbatim where element type and shape do not say it all. */
  readonly rawType?: Uint8Array;
}

export interface ValueInfo {
  readonly name: string;
  readonly type: DeclaredType;
  readonly doc?: string;
  readonly extra?: Uint8Array;
}

const KNOWN = new Set<number>(Object.values(VALUE_INFO));

export async function readValueInfo(source: ByteSource, message: Message): Promise<ValueInfo> {
  const name = (await stringOf(source, message, VALUE_INFO.name)) ?? '';
  const typeField = messageOf(message, VALUE_INFO.type);
  const doc = await stringOf(source, message, VALUE_INFO.doc);
  const extra = await unknownFields(message, KNOWN, (field) => loadField(source, field));
  return {
    name,
    type: typeField === undefined ? { dtype: null, shape: null } : await readType(source, typeField),
    ...(doc === undefined ? {} : { doc }),
    ...(extra === undefined ? {} : { extra }),
  };
}

/** A TypeProto. */
export async function readType(source: ByteSource, message: Message): Promise<DeclaredType> {
  const { dtype, shape } = await plainType(source, message);
  const stored = (await source.read(message.offset, message.length)).slice();
  return sameBytes(encodeType(dtype, shape), stored) ? { dtype, shape } : { dtype, shape, rawType: stored };
}

async function plainType(
  source: ByteSource,
  message: Message,
): Promise<{ readonly dtype: DType | null; readonly shape: Shape | null }> {
  const tensor = messageOf(message, TYPE.tensor);
  if (tensor === undefined) return { dtype: null, shape: null };
  const dtype = dtypeOf(integerOf(tensor, TENSOR_TYPE.element)) ?? null;
  const shape = messageOf(tensor, TENSOR_TYPE.shape);
  if (shape === undefined) return { dtype, shape: null };
  const dims: Dim[] = [];
  for (const dim of messagesOf(shape, SHAPE.dim)) dims.push(await readDim(source, dim));
  return { dtype, shape: dims };
}

/** A negative size, which some exporters write for "any", is taken as not known. */
async function readDim(source: ByteSource, dim: Message): Promise<Dim> {
  const value = integerOf(dim, DIM.value);
  if (typeof value === 'number' && value >= 0) return value;
  if (value !== undefined || fieldsOf(dim, DIM.param).length === 0) return null;
  const param = await stringOf(source, dim, DIM.param);
  return param === undefined || param === '' ? null : param;
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, index) => byte === b[index]);
}
