/** Elements of arrays as they lie in files: byte order, and typed arrays over bytes. */
import type { DType } from '#base/dtype.ts';
import type { NdData } from '#base/nd-array.ts';

/** Turns big-endian elements of `width` bytes into little-endian ones, in place; or back. */
export function swapBytes(bytes: Uint8Array, width: number): void {
  if (width < 2) return;
  for (let at = 0; at + width <= bytes.byteLength; at += width) bytes.subarray(at, at + width).reverse();
}

/** A typed array over all of a buffer that starts with these bytes. */
export function typedArray(dtype: DType, bytes: Uint8Array): NdData {
  const { buffer } = bytes;
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer);
    case 'f64':
      return new Float64Array(buffer);
    case 'i8':
      return new Int8Array(buffer);
    case 'i16':
      return new Int16Array(buffer);
    case 'i32':
      return new Int32Array(buffer);
    case 'i64':
      return new BigInt64Array(buffer);
    case 'u16':
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer);
    case 'u32':
      return new Uint32Array(buffer);
    case 'u64':
      return new BigUint64Array(buffer);
    default:
      return bytes;
  }
}
