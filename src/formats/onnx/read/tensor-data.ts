/**
 * Decodes the typed data fields of a TensorProto into packed bytes: numbers as varints, unpacked lists, lists in several
 * pieces. The usual forms (raw_data, packed float_data) are byte ranges already and do not come here.
 */
import type { DType } from '#base/dtype.ts';
import { bitsOf, bytesFor, countOf, kindOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { packStrings } from '#ir/weight-store.ts';
import { decodeBytes } from '#wire/protobuf/decode.ts';
import { joinBytes } from '#wire/protobuf/encode.ts';
import type { Message } from '#wire/protobuf/message.ts';
import { fieldsOf, messageOf } from '#wire/protobuf/message.ts';
import { unpackVarints } from '#wire/protobuf/varint.ts';
import { SPARSE, SPARSE_SCHEMA, TENSOR, TENSOR_SCHEMA } from '#formats/onnx/record/schema.ts';

/** The field that holds data of an element type when raw_data does not. */
export function typedFieldOf(dtype: DType): number {
  if (dtype === 'string') return TENSOR.stringData;
  if (dtype === 'f32' || dtype === 'c64') return TENSOR.floatData;
  if (dtype === 'f64' || dtype === 'c128') return TENSOR.doubleData;
  if (dtype === 'i64') return TENSOR.int64Data;
  if (dtype === 'u64' || dtype === 'u32') return TENSOR.uint64Data;
  return TENSOR.int32Data;
}

/** Packed bytes of a whole TensorProto record. */
export function decodeTensor(stored: Uint8Array, dtype: DType, shape: readonly number[]): Uint8Array {
  return packTensor(decodeBytes(stored, TENSOR_SCHEMA, 'tensor'), dtype, shape);
}

/** Packed bytes of a TensorProto whose fields are in memory. */
export function packTensor(message: Message, dtype: DType, shape: readonly number[]): Uint8Array {
  const count = countOf(shape);
  const raw = message.fields.findLast((field) => field.number === TENSOR.rawData);
  if (raw?.bytes !== undefined && (raw.length > 0 || count === 0)) {
    checkStored(raw.length, bytesFor(dtype, count), dtype, shape);
    return raw.bytes;
  }
  const fields = fieldsOf(message, typedFieldOf(dtype));
  if (dtype === 'string') {
    if (fields.length !== count) throw wrongCount(fields.length, count, dtype, shape);
    return packStrings(fields.map((field) => field.bytes ?? new Uint8Array(0)));
  }
  if (kindOf(dtype) === 'complex' || dtype === 'f32' || dtype === 'f64') {
    const bytes = joinBytes(fields.map((field) => field.bytes ?? new Uint8Array(0)));
    checkStored(bytes.byteLength, bytesFor(dtype, count), dtype, shape);
    return bytes;
  }
  const values: (number | bigint)[] = [];
  for (const field of fields) {
    if (field.value !== undefined) values.push(field.value);
    else if (field.bytes !== undefined) for (const value of unpackVarints(field.bytes)) values.push(value);
  }
  const bits = bitsOf(dtype);
  // Sub-byte elements come packed: one number is one byte.
  const width = bits < 8 ? 1 : bits / 8;
  const expected = bits < 8 ? bytesFor(dtype, count) : count;
  if (values.length !== expected) throw wrongCount(values.length, expected, dtype, shape);
  return packIntegers(values, width);
}

/** Little-endian integers of 1, 2, 4 or 8 bytes. */
function packIntegers(values: readonly (number | bigint)[], width: number): Uint8Array {
  const bytes = new Uint8Array(values.length * width);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => {
    if (width === 8) view.setBigUint64(index * 8, BigInt.asUintN(64, BigInt(value)), true);
    else {
      const low = typeof value === 'number' ? value : Number(BigInt.asIntN(32, value));
      if (width === 4) view.setUint32(index * 4, low % 2 ** 32, true);
      else if (width === 2) view.setUint16(index * 2, low % 2 ** 32, true);
      else view.setUint8(index, low % 2 ** 32);
    }
  });
  return bytes;
}

/** Dense packed bytes of a whole SparseTensorProto record. Indices are linear or one coordinate row per element. */
export function densifySparse(stored: Uint8Array, dtype: DType, shape: readonly number[]): Uint8Array {
  const message = decodeBytes(stored, SPARSE_SCHEMA, 'sparse tensor');
  const values = messageOf(message, SPARSE.values);
  const indices = messageOf(message, SPARSE.indices);
  if (values === undefined || indices === undefined) throw new Error('checked when the model was opened');
  const valueDims = dimsIn(values);
  const indexDims = dimsIn(indices);
  const packed = packTensor(values, dtype, valueDims);
  const places = packTensor(indices, 'i64', indexDims);
  const view = new DataView(places.buffer, places.byteOffset, places.byteLength);
  const width = bitsOf(dtype) / 8;
  const dense = new Uint8Array(bytesFor(dtype, countOf(shape)));
  const coordinates = indexDims.length === 2 ? shape.length : 1;
  for (let index = 0; index < countOf(valueDims); index++) {
    let linear = 0;
    for (let axis = 0; axis < coordinates; axis++) {
      const at = Number(view.getBigInt64((index * coordinates + axis) * 8, true));
      linear = coordinates === 1 ? at : linear * (shape[axis] ?? 1) + at;
    }
    if (linear < 0 || (linear + 1) * width > dense.byteLength) {
      throw new PareError({
        code: 'onnx/sparse',
        problem: `A sparse tensor has the index ${linear}, outside its shape.`,
      });
    }
    dense.set(packed.subarray(index * width, (index + 1) * width), linear * width);
  }
  return dense;
}

/** Dims of a small TensorProto; sizes were checked when the model was opened. */
function dimsIn(message: Message): number[] {
  const dims: number[] = [];
  for (const field of fieldsOf(message, TENSOR.dims)) {
    if (field.value !== undefined) dims.push(Number(field.value));
    else if (field.bytes !== undefined) dims.push(...unpackVarints(field.bytes).map(Number));
  }
  return dims;
}

function checkStored(stored: number, expected: number, dtype: DType, shape: readonly number[]): void {
  if (stored === expected) return;
  throw new PareError({
    code: 'onnx/tensor-size',
    problem: `A ${dtype} tensor of shape [${shape.join(', ')}] takes ${expected} bytes, but ${stored} are stored.`,
    hint: 'The file is damaged: export it again.',
  });
}

function wrongCount(stored: number, expected: number, dtype: DType, shape: readonly number[]): PareError {
  return new PareError({
    code: 'onnx/tensor-size',
    problem: `A ${dtype} tensor of shape [${shape.join(', ')}] takes ${expected} numbers, but ${stored} are stored.`,
    hint: 'The file is damaged: export it again.',
  });
}
