/**
 * Scales, zero points and levels to the bit as onnxruntime's quantizer computes them (onnxruntime/python/tools/quantization/
 * quant_utils.py: compute_scale_zp, compute_data_quant_params, quantize_nparray): ranges in float32, their quotient in float64,
 * the scale rounded to float32 at last; levels from a float32 quotient, half to even.
 */
import type { DType } from '#base/dtype.ts';
import { roundHalfEven } from '#kernels/arithmetic.ts';

export type LevelType = 'u8' | 'i8' | 'u16' | 'i16';

export interface LevelRange {
  readonly low: number;
  readonly high: number;
}

export interface ScaleZero {
  /** A float32. */
  readonly scale: number;
  readonly zeroPoint: number;
}

const FULL: Readonly<Record<LevelType, LevelRange>> = {
  u8: { low: 0, high: 255 },
  i8: { low: -128, high: 127 },
  u16: { low: 0, high: 65_535 },
  i16: { low: -32_768, high: 32_767 },
};
const SYMMETRIC: Partial<Readonly<Record<LevelType, LevelRange>>> = {
  i8: { low: -127, high: 127 },
  i16: { low: -32_767, high: 32_767 },
};
const REDUCED: Readonly<Record<LevelType, LevelRange>> = {
  u8: { low: 0, high: 127 },
  i8: { low: -64, high: 64 },
  u16: { low: 0, high: 32_767 },
  i16: { low: -16_384, high: 16_384 },
};

const SMALLEST_NORMAL = 2 ** -126;

export function isLevelType(dtype: DType): dtype is LevelType {
  return dtype in FULL;
}

/** The levels that a range is spread over. What lies outside is clipped to the full range all the same. */
export function spreadOver(type: LevelType, symmetric: boolean, reduced = false): LevelRange {
  if (reduced) return REDUCED[type];
  return (symmetric ? SYMMETRIC[type] : undefined) ?? FULL[type];
}

export function fullRange(type: LevelType): LevelRange {
  return FULL[type];
}

/** `narrowest`: ranges are widened to it; 0 for no limit. */
export function scaleOf(
  range: { readonly low: number; readonly high: number },
  levels: LevelRange,
  symmetric: boolean,
  narrowest: number,
): ScaleZero {
  const { fround } = Math;
  let low = Math.min(fround(range.low), 0);
  let high = Math.max(fround(range.high), 0);
  if (narrowest > 0) high = Math.max(high, fround(low + fround(narrowest)));
  if (symmetric) {
    high = Math.max(Math.abs(low), Math.abs(high));
    low = -high;
  }
  const scale = fround(high - low) / (levels.high - levels.low);
  if (scale < SMALLEST_NORMAL) return { scale: 1, zeroPoint: 0 };
  const zero = symmetric ? (levels.low + levels.high) / 2 : levels.low - low / scale;
  // Adding 0 turns -0 into 0.
  return { scale: fround(scale), zeroPoint: roundHalfEven(zero) + 0 };
}

export type LevelArray = Int8Array | Uint8Array | Int16Array | Uint16Array;

export function levelArray(type: LevelType, count: number): LevelArray {
  switch (type) {
    case 'u8':
      return new Uint8Array(count);
    case 'i8':
      return new Int8Array(count);
    case 'u16':
      return new Uint16Array(count);
    case 'i16':
      return new Int16Array(count);
  }
}

/** Levels of rows of equal length, each with its scale and zero point: clamp(round(fround(x / scale)) + zeroPoint). */
export function toLevels(
  data: Float32Array,
  rowLength: number,
  type: LevelType,
  grids: { readonly scale: Float32Array; readonly zeroPoint: Int32Array },
): LevelArray {
  const { low, high } = FULL[type];
  const levels = levelArray(type, data.length);
  for (let row = 0; row < grids.scale.length; row++) {
    const scale = grids.scale[row]!;
    const zero = grids.zeroPoint[row]!;
    const end = Math.min(data.length, (row + 1) * rowLength);
    for (let i = row * rowLength; i < end; i++) {
      const level = roundHalfEven(Math.fround(data[i]! / scale)) + zero;
      levels[i] = level < low ? low : level > high ? high : level;
    }
  }
  return levels;
}

const INT32_LOW = -(2 ** 31);
const INT32_HIGH = 2 ** 31 - 1;

/** A bias on the grid of the products: int32, zero point 0. `scale` holds one value or one for each element. */
export function toBiasLevels(bias: Float32Array, scale: Float32Array): { levels: Int32Array; clipped: number } {
  const levels = new Int32Array(bias.length);
  let clipped = 0;
  for (let i = 0; i < bias.length; i++) {
    const level = roundHalfEven(bias[i]! / scale[scale.length === 1 ? 0 : i]!);
    if (level < INT32_LOW || level > INT32_HIGH) clipped++;
    levels[i] = Math.min(INT32_HIGH, Math.max(INT32_LOW, level));
  }
  return { levels, clipped };
}

/** What int32 spans, from -(2^31 - 1) to 2^31 - 1, and how much wider a grid is made than would just do. */
const BIAS_SPAN = 2 ** 32 - 2;
const BIAS_SLACK = 1.0001;

/**
 * The scale that a weight needs so that its bias fits into int32, or undefined where it does already. `rounded`: the
 * computation of single channels, which numpy does in float32.
 */
export function widenedScale(
  largestBias: number,
  inputScale: number,
  weightScale: number,
  rounded: boolean,
): number | undefined {
  const needed = rounded
    ? Math.fround(Math.fround(BIAS_SLACK) * Math.fround(2 * largestBias))
    : BIAS_SLACK * (2 * largestBias);
  const smallest = needed / BIAS_SPAN;
  const candidate = inputScale * weightScale;
  if (!(candidate < smallest) || !(candidate > 0)) return undefined;
  return Math.fround(weightScale * (smallest / candidate));
}
