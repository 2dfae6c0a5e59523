/** Element types of TensorFlow by number and by name (types.proto). */
import type { DType } from '#base/dtype.ts';

/** Name, number and what it is here; null where there is no counterpart or elements are not stored packed. */
const TYPES: readonly (readonly [name: string, code: number, dtype: DType | null])[] = [
  ['DT_FLOAT', 1, 'f32'],
  ['DT_DOUBLE', 2, 'f64'],
  ['DT_INT32', 3, 'i32'],
  ['DT_UINT8', 4, 'u8'],
  ['DT_INT16', 5, 'i16'],
  ['DT_INT8', 6, 'i8'],
  ['DT_STRING', 7, 'string'],
  ['DT_COMPLEX64', 8, 'c64'],
  ['DT_INT64', 9, 'i64'],
  ['DT_BOOL', 10, 'bool'],
  ['DT_QINT8', 11, 'i8'],
  ['DT_QUINT8', 12, 'u8'],
  ['DT_QINT32', 13, 'i32'],
  ['DT_BFLOAT16', 14, 'bf16'],
  ['DT_QINT16', 15, 'i16'],
  ['DT_QUINT16', 16, 'u16'],
  ['DT_UINT16', 17, 'u16'],
  ['DT_COMPLEX128', 18, 'c128'],
  ['DT_HALF', 19, 'f16'],
  ['DT_RESOURCE', 20, null],
  ['DT_VARIANT', 21, null],
  ['DT_UINT32', 22, 'u32'],
  ['DT_UINT64', 23, 'u64'],
  ['DT_FLOAT8_E5M2', 24, 'f8e5m2'],
  ['DT_FLOAT8_E4M3FN', 25, 'f8e4m3fn'],
];

export const RESOURCE = 20;
export const VARIANT = 21;
/** Added to a type for values that can be assigned to, in graphs of TensorFlow 1. */
const REFERENCE = 100;

const BY_CODE = new Map(TYPES.map(([, code, dtype]) => [code, dtype]));
const CODES = new Map(TYPES.map(([name, code]) => [name, code]));
const NAMES = new Map(TYPES.map(([name, code]) => [code, name]));

/** null: a type without a counterpart. */
export function dtypeOfCode(code: number): DType | null {
  return BY_CODE.get(code > REFERENCE ? code - REFERENCE : code) ?? null;
}

/** 0, which is no type, for names that are not known. */
export function codeOfName(name: string): number {
  const plain = CODES.get(name.replace(/_REF$/, ''));
  if (plain === undefined) return 0;
  return name.endsWith('_REF') ? plain + REFERENCE : plain;
}

export function nameOfCode(code: number): string {
  return NAMES.get(code > REFERENCE ? code - REFERENCE : code) ?? `type ${code}`;
}
