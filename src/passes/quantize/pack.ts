/** Levels, one to an element, to the bytes a tensor of their type holds: sub-byte elements low bits first (ONNX TensorProto). */
import type { Bits, Levels } from '#kernels/kernels.ts';
import { copyBytes } from '#passes/float-bytes.ts';

export function packLevels(levels: Levels, bits: Bits): Uint8Array {
  if (bits >= 8) return copyBytes(levels);
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  const bytes = new Uint8Array(Math.ceil(levels.length / perByte));
  for (let i = 0; i < levels.length; i++) {
    const at = (i / perByte) | 0;
    bytes[at] = bytes[at]! | ((levels[i]! & mask) << ((i % perByte) * bits));
  }
  return bytes;
}

/** The inverse: one level to an element. */
export function unpackLevels(bytes: Uint8Array, bits: 2 | 4, signed: boolean, count: number): Int8Array | Uint8Array {
  const perByte = 8 / bits;
  const mask = (1 << bits) - 1;
  const sign = 1 << (bits - 1);
  const levels = signed ? new Int8Array(count) : new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    const raw = (bytes[(i / perByte) | 0]! >> ((i % perByte) * bits)) & mask;
    levels[i] = signed && raw >= sign ? raw - 2 * sign : raw;
  }
  return levels;
}
