/**
 * Variable-length integers of the protobuf wire format. Numbers up to 2^53 stay plain numbers (offsets pass 2 GiB, where
 * 32-bit arithmetic would wrap); larger ones, and so all negative ones, become bigints.
 */
import { PareError } from '#base/failure.ts';

/** Longest encoding of 64 bits. */
export const MAX_VARINT_BYTES = 10;

/** A varint and the place after it. Unsigned: use `signed64` for int64 fields. */
export interface Varint {
  readonly value: number | bigint;
  readonly next: number;
}

/** Reads at `at`; `undefined` when the bytes end inside, throws when the encoding passes 10 bytes. */
export function readVarint(bytes: Uint8Array, at: number, end: number = bytes.byteLength): Varint | undefined {
  let value = 0;
  let scale = 1;
  // Seven groups are 49 bits: still exact as a plain number.
  for (let index = 0; index < 7; index++) {
    if (at + index >= end) return undefined;
    const byte = bytes[at + index] ?? 0;
    value += (byte & 0x7f) * scale;
    if (byte < 0x80) return { value, next: at + index + 1 };
    scale *= 128;
  }
  let big = BigInt(value);
  for (let index = 7; index < MAX_VARINT_BYTES; index++) {
    if (at + index >= end) return undefined;
    const byte = bytes[at + index] ?? 0;
    big |= BigInt(byte & 0x7f) << BigInt(7 * index);
    if (byte < 0x80) return { value: narrow(BigInt.asUintN(64, big)), next: at + index + 1 };
  }
  throw new PareError({
    code: 'protobuf/varint',
    place: `byte ${at}`,
    problem: 'A number here never ends, so this is not valid protobuf.',
    hint: 'The file is damaged or of another kind.',
  });
}

/** The int64 that an unsigned varint stands for; a plain number where that is exact. */
export function signed64(value: number | bigint): number | bigint {
  return typeof value === 'number' ? value : narrow(BigInt.asIntN(64, value));
}

/** A plain number where that is exact. */
export function narrow(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

/** Appends the varint of an integer; negative ones take 10 bytes, as int64 fields do. */
export function pushVarint(out: number[], value: number | bigint): void {
  if (typeof value === 'number' && value >= 0) {
    let rest = value;
    while (rest >= 0x80) {
      out.push((rest % 128) | 0x80);
      rest = Math.floor(rest / 128);
    }
    out.push(rest);
    return;
  }
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest >= 0x80n) {
    out.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  out.push(Number(rest));
}

/** All varints of a packed field, unsigned. */
export function unpackVarints(bytes: Uint8Array): (number | bigint)[] {
  const values: (number | bigint)[] = [];
  let at = 0;
  while (at < bytes.byteLength) {
    const varint = readVarint(bytes, at);
    if (varint === undefined) {
      throw new PareError({ code: 'protobuf/packed', problem: 'A list of numbers ends in the middle of one.' });
    }
    values.push(varint.value);
    at = varint.next;
  }
  return values;
}
