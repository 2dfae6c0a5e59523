/**
 * Weights that TF.js stores in fewer bits: w = q * scale + min, or halves. Eight-bit ones whose `min` is a whole number of steps
 * stay integers on a grid, which gives the same values as TF.js to 1e-6; all others are widened to what TF.js computes with.
 */
import { decodeFloat16 } from '#base/float16.ts';
import type { DType } from '#base/dtype.ts';
import { bytesFor, countOf } from '#base/dtype.ts';

export interface TfjsQuantization {
  readonly dtype: 'uint8' | 'uint16' | 'float16';
  readonly scale: number;
  readonly min: number;
}

export const STORED: Readonly<Record<TfjsQuantization['dtype'], DType>> = {
  uint8: 'u8',
  uint16: 'u16',
  float16: 'f16',
};

/** How far the values of the grid may lie from those of TF.js, as a part of the largest. */
const ALLOWED = 1e-7;
const LEVELS = 255;

/**
 * The level that stands for zero, where a grid gives the weights' values; undefined where they are widened. Vectors are: they
 * are small, and others compute with them.
 */
export function zeroPointOf(
  quantization: TfjsQuantization,
  dtype: DType,
  shape: readonly number[],
): number | undefined {
  const { scale, min } = quantization;
  if (quantization.dtype !== 'uint8' || dtype !== 'f32' || shape.length < 2 || !(scale > 0)) return undefined;
  const zeroPoint = Math.round(-min / scale) + 0;
  if (!(zeroPoint >= 0 && zeroPoint <= LEVELS)) return undefined;
  const largest = Math.max(Math.abs(min), Math.abs(min + LEVELS * scale));
  return Math.abs(min + scale * zeroPoint) <= ALLOWED * largest ? zeroPoint : undefined;
}

/** Stored integers or halves as the type that TF.js computes with, in its own arithmetic. */
export function widen(
  stored: Uint8Array,
  quantization: TfjsQuantization,
  dtype: DType,
  shape: readonly number[],
): Uint8Array {
  const count = countOf(shape);
  const bytes = new Uint8Array(bytesFor(dtype, count));
  const from = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const to = new DataView(bytes.buffer);
  const { scale, min } = quantization;
  const kind = quantization.dtype;
  for (let at = 0; at < count; at++) {
    const level = kind === 'uint8' ? from.getUint8(at) : from.getUint16(2 * at, true);
    const value = kind === 'float16' ? decodeFloat16(level) : level * scale + min;
    if (dtype === 'i32') to.setInt32(4 * at, Math.round(value), true);
    else to.setFloat32(4 * at, value, true);
  }
  return bytes;
}
