/** The scalar arithmetic that every backend must reproduce to the bit: rounding, inverses and the candidates of a search. */
import type { Bits, Levels, ScaleSearch } from './kernels.ts';

/** Smallest normal float32: scales below it have no usable inverse. */
const SMALLEST_NORMAL = 2 ** -126;

/** 1.5 * 2^52: adding and subtracting it rounds a double to the nearest integer, ties to even. */
const ROUNDER = 6755399441055744;

/** Nearest integer, ties to even (IEEE 754 roundToIntegralTiesToEven). */
export function roundHalfEven(x: number): number {
  return Math.abs(x) < 2 ** 51 ? x + ROUNDER - ROUNDER : x;
}

/** What weights are multiplied by: fround(1 / scale), and 0 for a zero or subnormal scale, which maps the row to zero. */
export function inverseOf(scale: number): number {
  return scale >= SMALLEST_NORMAL ? Math.fround(1 / scale) : 0;
}

/** Zero-filled storage for levels of this width: one byte each up to 8 bits, two above. */
export function levelsFor(bits: Bits, signed: boolean, count: number): Levels {
  if (bits > 8) return signed ? new Int16Array(count) : new Uint16Array(count);
  return signed ? new Int8Array(count) : new Uint8Array(count);
}

/** Level of zero of a symmetric grid: 0 where signed, else the upper middle, (low + high + 1) / 2. */
export function symmetricZeroPoint(search: Pick<ScaleSearch, 'signed' | 'low' | 'high'>): number {
  return search.signed ? 0 : Math.trunc((search.low + search.high + 1) / 2);
}

/**
 * Candidate `i` (1 .. candidates) of a search over a row whose smallest and largest weights are `min` and `max`.
 * Symmetric: clip = absmax * i / candidates, scale = fround(clip / divisor), zero point 0 or the middle level.
 * Asymmetric: the range [min, max], widened to hold 0, times i / candidates; scale = fround(range / (high - low)),
 * zeroPoint = clamp(roundHalfEven(low - min / scale)). A row of zeros gets scale 0.
 */
export function candidateGrid(
  search: ScaleSearch,
  min: number,
  max: number,
  i: number,
): { readonly scale: number; readonly zeroPoint: number } {
  if (search.symmetric) {
    const clip = (Math.max(Math.abs(min), Math.abs(max)) * i) / search.candidates;
    return { scale: Math.fround(clip / search.divisor), zeroPoint: symmetricZeroPoint(search) };
  }
  const low = (Math.min(min, 0) * i) / search.candidates;
  const high = (Math.max(max, 0) * i) / search.candidates;
  const scale = Math.fround((high - low) / (search.high - search.low));
  const zeroPoint = inverseOf(scale) === 0 ? 0 : roundHalfEven(search.low - low / scale);
  return { scale, zeroPoint: Math.min(search.high, Math.max(search.low, zeroPoint)) };
}
