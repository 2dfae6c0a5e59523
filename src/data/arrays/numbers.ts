/** Numbers of an array as they are, and numbers as a model takes them: element types changed under range checks. */
import type { DType } from '#base/dtype.ts';
import { bitsOf, isFloat, kindOf } from '#base/dtype.ts';
import { decodeBfloat16, decodeFloat16, encodeBfloat16, encodeFloat16 } from '#base/float16.ts';
import type { NdArray, NdData } from '#base/nd-array.ts';
import { roundHalfEven } from '#kernels/arithmetic.ts';

/** Real numbers that can be read by index. */
export type Numbers = Exclude<NdData, BigInt64Array | BigUint64Array | readonly string[]>;

/** The real numbers of an array: 16-bit floats and 64-bit integers are turned, all others are given as they lie. null: texts. */
export function numbersOf({ dtype, data }: NdArray): Numbers | null {
  if (!ArrayBuffer.isView(data)) return null;
  if (dtype === 'f16' && data instanceof Uint16Array) return Float32Array.from(data, decodeFloat16);
  if (dtype === 'bf16' && data instanceof Uint16Array) return Float32Array.from(data, decodeBfloat16);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float64Array.from(data, Number);
  return data;
}

/** What keeps numbers from being stored in an element type. */
export interface Misfit {
  readonly index: number;
  readonly problem: 'nan' | 'range' | 'fraction';
}

export interface CastOptions {
  /** Fractions are rounded half to even; otherwise they do not fit integers. */
  readonly round: boolean;
}

/** Lowest and highest number of each type; of 64-bit ones, the highest double that is one. */
function limitsOf(dtype: DType): readonly [number, number] {
  if (dtype === 'bool') return [0, 1];
  const bits = bitsOf(dtype);
  const unsigned = kindOf(dtype) === 'unsigned';
  const end = 2 ** (unsigned ? bits : bits - 1);
  return [unsigned ? 0 : -end, end - (bits === 64 ? end / 2 ** 53 : 1)];
}

/** The numbers in an element type, or the first one that does not fit. Types that no model takes here give null. */
export function castNumbers(values: Numbers, dtype: DType, options: CastOptions): NdData | Misfit | null {
  if (isFloat(dtype)) return castFloats(values, dtype);
  const count = values.length;
  const data = emptyData(dtype, count);
  if (data === null) return null;
  const [low, high] = limitsOf(dtype);
  const big = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let index = 0; index < count; index++) {
    let value = values[index] ?? 0;
    if (Number.isNaN(value)) return { index, problem: 'nan' };
    if (!Number.isInteger(value)) {
      if (!options.round && Number.isFinite(value)) return { index, problem: 'fraction' };
      value = roundHalfEven(value);
    }
    if (value < low || value > high) return { index, problem: 'range' };
    if (big) data[index] = BigInt(value);
    else data[index] = value;
  }
  return data;
}

function castFloats(values: Numbers, dtype: DType): NdData | Misfit | null {
  const count = values.length;
  const floats = dtype === 'f64' ? new Float64Array(values) : new Float32Array(values);
  for (let index = 0; index < count; index++) {
    const stored = floats[index] ?? 0;
    if (Number.isNaN(stored)) return { index, problem: 'nan' };
    if (!Number.isFinite(stored) && Number.isFinite(values[index])) return { index, problem: 'range' };
  }
  if (dtype === 'f64' || dtype === 'f32') return floats;
  if (dtype !== 'f16' && dtype !== 'bf16') return null;
  const encode = dtype === 'f16' ? encodeFloat16 : encodeBfloat16;
  const infinite = dtype === 'f16' ? 0x7c00 : 0x7f80;
  const bits = Uint16Array.from(floats, encode);
  const over = bits.findIndex((value, index) => (value & 0x7fff) === infinite && Number.isFinite(floats[index]));
  return over === -1 ? bits : { index: over, problem: 'range' };
}

export function isMisfit(result: NdData | Misfit): result is Misfit {
  return 'problem' in result;
}

type IntegerData = Exclude<NdData, readonly string[] | Float32Array | Float64Array>;

function emptyData(dtype: DType, count: number): IntegerData | null {
  switch (dtype) {
    case 'i8':
      return new Int8Array(count);
    case 'u8':
    case 'bool':
      return new Uint8Array(count);
    case 'i16':
      return new Int16Array(count);
    case 'u16':
      return new Uint16Array(count);
    case 'i32':
      return new Int32Array(count);
    case 'u32':
      return new Uint32Array(count);
    case 'i64':
      return new BigInt64Array(count);
    case 'u64':
      return new BigUint64Array(count);
    default:
      return null;
  }
}
