/** The values of an array as ordinary numbers, and arrays of other element types made from them. */
import type { NdArray, NdData } from '#base/nd-array.ts';
import { decodeBfloat16, decodeFloat16, encodeFloat16 } from '#base/float16.ts';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';

/** float16 and 64-bit integers are decoded into doubles; other arrays are handed back as they are. Text has no numbers: null. */
export function numbersOf(array: NdArray): ArrayLike<number> | null {
  const { data, dtype } = array;
  if (dtype === 'string' || !ArrayBuffer.isView(data)) return null;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  if (dtype === 'f16') return Float32Array.from(data as Uint16Array, decodeFloat16);
  if (dtype === 'bf16') return Float32Array.from(data as Uint16Array, decodeBfloat16);
  return data as Exclude<NdData, BigInt64Array | BigUint64Array | readonly string[]>;
}

const MAKE: Partial<Record<DType, (values: ArrayLike<number>) => NdData>> = {
  f32: (values) => Float32Array.from(values),
  f64: (values) => Float64Array.from(values),
  f16: (values) => Uint16Array.from(values, encodeFloat16),
  i8: (values) => Int8Array.from(values),
  u8: (values) => Uint8Array.from(values),
  i16: (values) => Int16Array.from(values),
  u16: (values) => Uint16Array.from(values),
  i32: (values) => Int32Array.from(values),
  u32: (values) => Uint32Array.from(values),
  i64: (values) => BigInt64Array.from(Array.from(values, (value) => BigInt(Math.trunc(value)))),
  u64: (values) => BigUint64Array.from(Array.from(values, (value) => BigInt(Math.trunc(value)))),
  bool: (values) => Uint8Array.from(values, (value) => (value === 0 ? 0 : 1)),
};

/** An array of `dtype` with these values; throws a `PareError` for types that hold no plain numbers. */
export function arrayOf(dtype: DType, shape: readonly number[], values: ArrayLike<number>): NdArray {
  const make = MAKE[dtype];
  if (make === undefined) {
    throw new PareError({ code: 'measure/dtype', problem: `values of type ${dtype} cannot be made from numbers.` });
  }
  return { dtype, shape, data: make(values) };
}

/** The same values as another element type; itself when the type is right already. */
export function castTo(array: NdArray, dtype: DType): NdArray {
  if (array.dtype === dtype) return array;
  const values = numbersOf(array);
  if (values === null) {
    throw new PareError({ code: 'measure/dtype', problem: `text cannot be converted to ${dtype}.` });
  }
  return arrayOf(dtype, array.shape, values);
}
