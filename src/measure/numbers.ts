/** The values of an array as ordinary numbers, and arrays of other element types made from them. */
import type { NdArray, NdData } from '#base/nd-array.ts';
import { encodeFloat16 } from '#base/float16.ts';
import type { DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { numbersOf } from '#data/arrays/numbers.ts';

export { numbersOf } from '#data/arrays/numbers.ts';

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

/** Index, from `start`, of the largest of `width` numbers; the first of several; NaN counts as smaller than everything. */
export function firstLargest(values: ArrayLike<number>, start = 0, width = values.length): number {
  let best = 0;
  let bestValue = -Infinity;
  for (let i = 0; i < width; i++) {
    const value = values[start + i] ?? NaN;
    if (value > bestValue) {
      best = i;
      bestValue = value;
    }
  }
  return best;
}
