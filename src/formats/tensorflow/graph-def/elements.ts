/** Elements of a constant as TensorFlow's typed lists give them, packed; the last one stands for all that are left out. */
import { decodeFloat16, encodeBfloat16, encodeFloat16 } from '#base/float16.ts';
import type { DType } from '#base/dtype.ts';
import { bytesFor } from '#base/dtype.ts';
import { packStrings } from '#ir/weight-store.ts';

/** Fills `count` elements from the listed ones. `halves`: 16-bit floats come as their bits. */
export function packElements(
  dtype: DType,
  count: number,
  listed: readonly (number | bigint | boolean)[],
  halves = false,
): Uint8Array {
  const bytes = new Uint8Array(bytesFor(dtype, count));
  const put = writerOf(dtype, new DataView(bytes.buffer), halves);
  const complex = dtype === 'c64' || dtype === 'c128';
  const places = complex ? 2 * count : count;
  const given = Math.min(places, listed.length);
  for (let at = 0; at < given; at++) put(at, listed[at] ?? 0);
  if (given > 0 && given < places) {
    const width = bytesFor(dtype, 1);
    const start = Math.floor(given / (complex ? 2 : 1)) * width;
    const last = bytes.slice(start - width, start);
    for (let at = start; at + width <= bytes.byteLength; at += width) bytes.set(last, at);
  }
  return bytes;
}

/** The same of texts, which have no fixed width. */
export function packTexts(count: number, listed: readonly Uint8Array[]): Uint8Array {
  const last = listed.at(-1) ?? new Uint8Array(0);
  return packStrings(Array.from({ length: count }, (_, index) => listed[index] ?? last));
}

type Put = (at: number, value: number | bigint | boolean) => void;

function writerOf(dtype: DType, view: DataView, halves: boolean): Put {
  const number = (value: number | bigint | boolean): number => Number(value);
  const whole = (value: number | bigint | boolean): bigint =>
    typeof value === 'bigint' ? value : BigInt(Number.isFinite(Number(value)) ? Math.trunc(Number(value)) : 0);
  switch (dtype) {
    case 'f32':
    case 'c64':
      return (at, value) => view.setFloat32(4 * at, number(value), true);
    case 'f64':
    case 'c128':
      return (at, value) => view.setFloat64(8 * at, number(value), true);
    case 'i64':
    case 'u64':
      return (at, value) => view.setBigInt64(8 * at, BigInt.asIntN(64, whole(value)), true);
    case 'i32':
    case 'u32':
      return (at, value) => view.setInt32(4 * at, Number(BigInt.asIntN(32, whole(value))), true);
    case 'i16':
    case 'u16':
      return (at, value) => view.setInt16(2 * at, number(value), true);
    case 'f16':
      return (at, value) => view.setUint16(2 * at, halves ? number(value) : encodeFloat16(number(value)), true);
    case 'bf16':
      return (at, value) => view.setUint16(2 * at, halves ? number(value) : encodeBfloat16(number(value)), true);
    case 'bool':
      return (at, value) => view.setUint8(at, number(value) === 0 ? 0 : 1);
    default:
      return (at, value) => view.setUint8(at, number(value) & 255);
  }
}

/** Elements of packed 32-bit numbers. */
export function elementsOf(dtype: DType, bytes: Uint8Array): readonly number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.byteLength / 4) }, (_, at) =>
    dtype === 'f32' ? view.getFloat32(4 * at, true) : view.getInt32(4 * at, true),
  );
}

/** The first element of a small packed tensor; for conditions and axes. */
export function firstNumber(dtype: DType, bytes: Uint8Array): number | undefined {
  if (bytes.byteLength < bytesFor(dtype, 1) || bytes.byteLength === 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (dtype) {
    case 'f32':
      return view.getFloat32(0, true);
    case 'f64':
      return view.getFloat64(0, true);
    case 'f16':
      return decodeFloat16(view.getUint16(0, true));
    case 'i64':
      return Number(view.getBigInt64(0, true));
    case 'i32':
      return view.getInt32(0, true);
    case 'i16':
      return view.getInt16(0, true);
    case 'i8':
      return view.getInt8(0);
    case 'u8':
    case 'bool':
      return view.getUint8(0);
    default:
      return undefined;
  }
}
