/** Inputs that scripts/reference/formats/record-conversions.py can make too: seeded, exact in both languages. */
import { countOf } from '#base/dtype.ts';

export interface InputRange {
  readonly low: number;
  /** Never reached. */
  readonly high: number;
  /** Rounded down to integers: pixels, bytes, levels. */
  readonly whole?: boolean;
}

/** A 32-bit linear congruential generator (Numerical Recipes) of which the upper 16 bits count. */
export function generated(
  seed: number,
  shape: readonly number[],
  { low, high, whole = false }: InputRange,
): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: countOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = low + ((high - low) * (state >>> 16)) / 65536;
    return whole ? Math.floor(value) : value;
  });
}

export function rangeText({ low, high, whole = false }: InputRange): string {
  return `${whole ? 'integers' : 'uniform'}, ${low} to ${whole ? high - 1 : high}`;
}
