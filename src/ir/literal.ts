/** Values of a small tensor as text and back: `[1, 2.5, nan]`, row-major, without nesting. */
import { bytesFor, type DType } from '#base/dtype.ts';
import { decodeFloat16, decodeBfloat16, encodeBfloat16, encodeFloat16 } from '#base/float16.ts';

/** The elements of packed little-endian bytes as a bracketed list. Rare float types print their raw bits. */
export function literalOf(dtype: DType, count: number, bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const parts: string[] = [];
  for (let index = 0; index < count; index++) parts.push(elementText(view, dtype, index));
  return `[${parts.join(', ')}]`;
}

function elementText(view: DataView, dtype: DType, index: number): string {
  const value = readElement(view, dtype, index);
  if (typeof value === 'bigint') return String(value);
  return Object.is(value, -0) ? '-0' : String(value).replace('Infinity', 'inf').replace('NaN', 'nan');
}

/** One element as a number (bigint for 64-bit integers). */
export function readElement(view: DataView, dtype: DType, index: number): number | bigint {
  switch (dtype) {
    case 'f64':
      return view.getFloat64(index * 8, true);
    case 'f32':
      return view.getFloat32(index * 4, true);
    case 'f16':
      return decodeFloat16(view.getUint16(index * 2, true));
    case 'bf16':
      return decodeBfloat16(view.getUint16(index * 2, true));
    case 'i64':
      return view.getBigInt64(index * 8, true);
    case 'u64':
      return view.getBigUint64(index * 8, true);
    case 'i32':
      return view.getInt32(index * 4, true);
    case 'u32':
      return view.getUint32(index * 4, true);
    case 'i16':
      return view.getInt16(index * 2, true);
    case 'u16':
      return view.getUint16(index * 2, true);
    case 'i8':
      return view.getInt8(index);
    case 'i4':
      return (subByte(view, 4, index) << 28) >> 28;
    case 'i2':
      return (subByte(view, 2, index) << 30) >> 30;
    case 'u4':
    case 'f4e2m1':
      return subByte(view, 4, index);
    case 'u2':
      return subByte(view, 2, index);
    default:
      return view.getUint8(index);
  }
}

/** Sub-byte elements lie low bits first (ONNX TensorProto, raw_data). */
function subByte(view: DataView, bits: 2 | 4, index: number): number {
  const perByte = 8 / bits;
  return (view.getUint8(Math.floor(index / perByte)) >> ((index % perByte) * bits)) & ((1 << bits) - 1);
}

/** Packs elements; the inverse of `literalOf` for every dtype it prints as numbers. */
export function packElements(dtype: DType, elements: readonly (number | bigint)[]): Uint8Array {
  const bytes = new Uint8Array(bytesFor(dtype, elements.length));
  const view = new DataView(bytes.buffer);
  elements.forEach((element, index) => writeElement(view, dtype, index, element));
  return bytes;
}

function writeElement(view: DataView, dtype: DType, index: number, element: number | bigint): void {
  const value = Number(element);
  switch (dtype) {
    case 'f64':
      return view.setFloat64(index * 8, value, true);
    case 'f32':
      return view.setFloat32(index * 4, value, true);
    case 'f16':
      return view.setUint16(index * 2, encodeFloat16(value), true);
    case 'bf16':
      return view.setUint16(index * 2, encodeBfloat16(value), true);
    case 'i64':
    case 'u64':
      return view.setBigInt64(index * 8, BigInt.asIntN(64, BigInt(element)), true);
    case 'i32':
    case 'u32':
      return view.setInt32(index * 4, value, true);
    case 'i16':
    case 'u16':
      return view.setInt16(index * 2, value, true);
    case 'i4':
    case 'u4':
    case 'f4e2m1':
      return packBits(view, 4, index, value);
    case 'i2':
    case 'u2':
      return packBits(view, 2, index, value);
    default:
      return view.setInt8(index, value);
  }
}

function packBits(view: DataView, bits: 2 | 4, index: number, value: number): void {
  const perByte = 8 / bits;
  const at = Math.floor(index / perByte);
  view.setUint8(at, view.getUint8(at) | ((value & ((1 << bits) - 1)) << ((index % perByte) * bits)));
}
