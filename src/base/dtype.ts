/** Element types of tensors: names, widths and the typed array that holds each. */

/** One element type. Names are short forms of the ONNX ones: `f32` is FLOAT, `u4` is UINT4. */
export type DType =
  | 'f64'
  | 'f32'
  | 'f16'
  | 'bf16'
  | 'f8e4m3fn'
  | 'f8e4m3fnuz'
  | 'f8e5m2'
  | 'f8e5m2fnuz'
  | 'f8e8m0'
  | 'f4e2m1'
  | 'i64'
  | 'i32'
  | 'i16'
  | 'i8'
  | 'i4'
  | 'i2'
  | 'u64'
  | 'u32'
  | 'u16'
  | 'u8'
  | 'u4'
  | 'u2'
  | 'bool'
  | 'string'
  | 'c64'
  | 'c128';

interface DTypeFacts {
  /** Width of one element in bits as stored; 0 for strings, which have no fixed width. */
  readonly bits: number;
  readonly kind: 'float' | 'signed' | 'unsigned' | 'bool' | 'string' | 'complex';
}

const FACTS: Readonly<Record<DType, DTypeFacts>> = {
  f64: { bits: 64, kind: 'float' },
  f32: { bits: 32, kind: 'float' },
  f16: { bits: 16, kind: 'float' },
  bf16: { bits: 16, kind: 'float' },
  f8e4m3fn: { bits: 8, kind: 'float' },
  f8e4m3fnuz: { bits: 8, kind: 'float' },
  f8e5m2: { bits: 8, kind: 'float' },
  f8e5m2fnuz: { bits: 8, kind: 'float' },
  f8e8m0: { bits: 8, kind: 'float' },
  f4e2m1: { bits: 4, kind: 'float' },
  i64: { bits: 64, kind: 'signed' },
  i32: { bits: 32, kind: 'signed' },
  i16: { bits: 16, kind: 'signed' },
  i8: { bits: 8, kind: 'signed' },
  i4: { bits: 4, kind: 'signed' },
  i2: { bits: 2, kind: 'signed' },
  u64: { bits: 64, kind: 'unsigned' },
  u32: { bits: 32, kind: 'unsigned' },
  u16: { bits: 16, kind: 'unsigned' },
  u8: { bits: 8, kind: 'unsigned' },
  u4: { bits: 4, kind: 'unsigned' },
  u2: { bits: 2, kind: 'unsigned' },
  bool: { bits: 8, kind: 'bool' },
  string: { bits: 0, kind: 'string' },
  c64: { bits: 64, kind: 'complex' },
  c128: { bits: 128, kind: 'complex' },
};

/** Width of one stored element in bits (0 for strings). */
export function bitsOf(dtype: DType): number {
  return FACTS[dtype].bits;
}

export function kindOf(dtype: DType): DTypeFacts['kind'] {
  return FACTS[dtype].kind;
}

export function isFloat(dtype: DType): boolean {
  return FACTS[dtype].kind === 'float';
}

/** All element types, widest float first; for tables and tests. */
export const DTYPES = Object.keys(FACTS) as readonly DType[];

/** Number of elements of a shape: the product of its sizes; 1 for a scalar. */
export function countOf(shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** Bytes that `count` packed elements take; sub-byte types round up to a whole byte at the end of the tensor. */
export function bytesFor(dtype: DType, count: number): number {
  return Math.ceil((count * FACTS[dtype].bits) / 8);
}
