/** What one element is: datatype messages. Specification 3.0, section IV.A.2.d. */
import type { DType } from '#base/dtype.ts';
import type { Cursor } from '#wire/hdf5/structure/cursor.ts';
import { MAX_RANK, MAX_TYPE_DEPTH } from '#wire/hdf5/structure/limits.ts';

export type Datatype = { readonly sizeBytes: number } & (
  | { readonly kind: 'number'; readonly dtype: DType; readonly bigEndian: boolean }
  /** Texts in place, filled up with NULs or with spaces. */
  | { readonly kind: 'text'; readonly spaces: boolean }
  /** Texts of any length, in the global heap. */
  | { readonly kind: 'heap-text' }
  | { readonly kind: 'array'; readonly shape: readonly number[]; readonly element: Datatype }
  /** Anything else, in words. */
  | { readonly kind: 'other'; readonly what: string }
);

const OTHER: Readonly<Record<number, string>> = {
  2: 'points in time',
  4: 'bit fields',
  5: 'opaque bytes',
  6: 'records',
  7: 'references',
  9: 'lists of variable length',
};

export function readDatatype(body: Cursor, depth = 0): Datatype {
  if (depth > MAX_TYPE_DEPTH) throw body.broken('A datatype is nested too deeply.');
  const head = body.u8();
  const kind = head & 15;
  const version = head >> 4;
  const bits = body.uint(3);
  const sizeBytes = body.u32();
  const other = (what: string): Datatype => ({ kind: 'other', what, sizeBytes });
  switch (kind) {
    case 0: {
      body.skip(4);
      const dtype = INTEGERS[`${(bits & 8) !== 0 ? 'i' : 'u'}${sizeBytes}`];
      if (dtype === undefined) return other(`integers of ${sizeBytes} bytes`);
      return { kind: 'number', dtype, bigEndian: (bits & 1) !== 0, sizeBytes };
    }
    case 1:
      return readFloat(body, bits, sizeBytes);
    case 3:
      return { kind: 'text', spaces: (bits & 15) === 2, sizeBytes };
    case 8: {
      const base = readDatatype(body, depth + 1);
      const names = readMemberNames(body, bits & 0xffff, version);
      if (base.kind !== 'number') return other('an enumeration');
      const boolean = base.sizeBytes === 1 && names.length === 2 && names[0] === 'FALSE' && names[1] === 'TRUE';
      return boolean ? { ...base, dtype: 'bool' } : base;
    }
    case 9:
      return (bits & 15) === 1 ? { kind: 'heap-text', sizeBytes } : other('lists of variable length');
    case 10: {
      const rank = body.u8();
      if (rank > MAX_RANK) throw body.broken(`An array of ${rank} axes is not known.`);
      if (version < 3) body.skip(3);
      const shape = Array.from({ length: rank }, () => body.u32());
      if (version < 3) body.skip(4 * rank);
      return { kind: 'array', shape, element: readDatatype(body, depth + 1), sizeBytes };
    }
    default:
      return other(OTHER[kind] ?? `elements of an unknown kind (${kind})`);
  }
}

const INTEGERS: Readonly<Record<string, DType>> = {
  i1: 'i8',
  i2: 'i16',
  i4: 'i32',
  i8: 'i64',
  u1: 'u8',
  u2: 'u16',
  u4: 'u32',
  u8: 'u64',
};

/** Floats by size, bits of the exponent, bits of the mantissa. */
const FLOATS: Readonly<Record<string, DType>> = {
  '8 11 52': 'f64',
  '4 8 23': 'f32',
  '2 5 10': 'f16',
  '2 8 7': 'bf16',
};

function readFloat(body: Cursor, bits: number, sizeBytes: number): Datatype {
  body.skip(4 + 1);
  const exponentBits = body.u8();
  body.skip(1);
  const mantissaBits = body.u8();
  body.skip(4);
  const dtype = FLOATS[`${sizeBytes} ${exponentBits} ${mantissaBits}`];
  // The order of VAX machines has both bits of the byte order set.
  if (dtype === undefined || (bits & 0x40) !== 0) {
    return { kind: 'other', what: `floating point numbers of ${sizeBytes * 8} bits`, sizeBytes };
  }
  return { kind: 'number', dtype, bigEndian: (bits & 1) !== 0, sizeBytes };
}

function readMemberNames(body: Cursor, count: number, version: number): readonly string[] {
  const names: string[] = [];
  for (let index = 0; index < count; index++) {
    const from = body.at;
    names.push(body.terminated());
    if (version < 3) body.align(8, from);
  }
  return names;
}

/** In a few words, for people. */
export function nameOfDatatype(type: Datatype): string {
  if (type.kind === 'number') return type.dtype;
  if (type.kind === 'array') return `arrays of ${nameOfDatatype(type.element)}`;
  return type.kind === 'other' ? type.what : 'texts';
}
