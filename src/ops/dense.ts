/** Tensors with their values at hand, for evaluation: packed bytes become typed arrays and back. */
import { bitsOf, countOf, type DType } from '#base/dtype.ts';
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from '#base/float16.ts';

export type Lanes =
  | Float64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Uint8Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

/** One tensor with values. f16 and bf16 are held as float32 that fit the narrow type; 4- and 2-bit integers as bytes. */
export interface Dense {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: Lanes;
}

/** An empty array that can hold `count` elements, or undefined for types that are not evaluated. */
export function lanesFor(dtype: DType, count: number): Lanes | undefined {
  switch (dtype) {
    case 'f64':
      return new Float64Array(count);
    case 'f32':
    case 'f16':
    case 'bf16':
      return new Float32Array(count);
    case 'i64':
      return new BigInt64Array(count);
    case 'u64':
      return new BigUint64Array(count);
    case 'i32':
      return new Int32Array(count);
    case 'u32':
      return new Uint32Array(count);
    case 'i16':
      return new Int16Array(count);
    case 'u16':
      return new Uint16Array(count);
    case 'i8':
    case 'i4':
    case 'i2':
      return new Int8Array(count);
    case 'u8':
    case 'bool':
    case 'u4':
    case 'u2':
      return new Uint8Array(count);
    default:
      return undefined;
  }
}

/** Values of packed little-endian bytes; undefined for strings, complex numbers and 8- and 4-bit floats. */
export function decode(dtype: DType, shape: readonly number[], bytes: Uint8Array): Dense | undefined {
  const count = countOf(shape);
  const data = lanesFor(dtype, count);
  if (data === undefined) return undefined;
  const bits = bitsOf(dtype);
  if (dtype === 'f16' || dtype === 'bf16') {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const widen = dtype === 'f16' ? decodeFloat16 : decodeBfloat16;
    for (let i = 0; i < count; i++) data[i] = widen(view.getUint16(2 * i, true));
  } else if (bits < 8) {
    const mask = (1 << bits) - 1;
    const signed = dtype === 'i4' || dtype === 'i2';
    for (let i = 0; i < count; i++) {
      const at = i * bits;
      const raw = ((bytes[at >> 3] ?? 0) >> (at & 7)) & mask;
      data[i] = signed && raw >= 1 << (bits - 1) ? raw - (1 << bits) : raw;
    }
  } else {
    new Uint8Array(data.buffer).set(bytes.subarray(0, data.byteLength));
  }
  return { dtype, shape, data };
}

/** Packed little-endian bytes of a tensor. */
export function encode(dense: Dense): Uint8Array {
  const { dtype, data } = dense;
  const bits = bitsOf(dtype);
  if (dtype === 'f16' || dtype === 'bf16') {
    const bytes = new Uint8Array(data.length * 2);
    const view = new DataView(bytes.buffer);
    const narrow = dtype === 'f16' ? encodeFloat16 : encodeBfloat16;
    for (let i = 0; i < data.length; i++) view.setUint16(2 * i, narrow(Number(data[i])), true);
    return bytes;
  }
  if (bits < 8) {
    const bytes = new Uint8Array(Math.ceil((data.length * bits) / 8));
    const mask = (1 << bits) - 1;
    for (let i = 0; i < data.length; i++) {
      const at = i * bits;
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) | ((Number(data[i]) & mask) << (at & 7));
    }
    return bytes;
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Rounds a value to what the element type can hold; used where lanes are wider than the type. */
export function fit(dtype: DType, value: number): number {
  if (dtype === 'f16') return decodeFloat16(encodeFloat16(value));
  if (dtype === 'bf16') return decodeBfloat16(encodeBfloat16(value));
  return value;
}

/** Values as plain numbers; 64-bit integers beyond 2^53 lose their last bits, so only for sizes and axes. */
export function numbersOf(dense: Dense): number[] {
  return Array.from(dense.data as ArrayLike<number | bigint>, Number);
}

export function denseOf(dtype: DType, shape: readonly number[], values: Iterable<number | bigint>): Dense | undefined {
  const data = lanesFor(dtype, countOf(shape));
  if (data === undefined) return undefined;
  let i = 0;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (const value of values) data[i++] = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
  } else {
    for (const value of values) data[i++] = fit(dtype, Number(value));
  }
  return { dtype, shape, data };
}

export function isBig(data: Lanes): data is BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer> {
  return data instanceof BigInt64Array || data instanceof BigUint64Array;
}
