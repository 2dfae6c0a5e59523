/** ONNX element type codes (TensorProto.DataType) and our names for them. */
import { bitsOf, kindOf, type DType } from '#base/dtype.ts';

const NAMES: readonly (DType | null)[] = [
  null,
  'f32',
  'u8',
  'i8',
  'u16',
  'i16',
  'i32',
  'i64',
  'string',
  'bool',
  'f16',
  'f64',
  'u32',
  'u64',
  'c64',
  'c128',
  'bf16',
  'f8e4m3fn',
  'f8e4m3fnuz',
  'f8e5m2',
  'f8e5m2fnuz',
  'u4',
  'i4',
  'f4e2m1',
  'f8e8m0',
  'u2',
  'i2',
];

export function dtypeOfCode(code: number): DType | null {
  return NAMES[code] ?? null;
}

/** The code an attribute such as Cast's `to` holds. */
export function codeOfDtype(dtype: DType): number {
  return NAMES.indexOf(dtype);
}

/** The code of a type that Cast takes everywhere: numbers of 8 bits and more, and booleans; undefined for any other. */
export function castCodeOf(dtype: DType): number | undefined {
  const kind = kindOf(dtype);
  if (kind === 'string' || kind === 'complex' || bitsOf(dtype) < 8 || dtype.startsWith('f8')) return undefined;
  return codeOfDtype(dtype);
}
