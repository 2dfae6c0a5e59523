/**
 * Meaning of `histogram`: bin = trunc(clamp(fround(fround(x - low) * fround(bins / (high - low))), 0, bins - 1)), so that
 * every backend counts the same. An empty range puts everything into the first bin.
 */
import type { Histogram } from '#kernels/kernels.ts';

export async function histogram(x: Float32Array, bins: number, low: number, high: number): Promise<Histogram> {
  const counts = new Uint32Array(bins);
  const start = Math.fround(low);
  const binsPerUnit = binsPerUnitOf(bins, low, high);
  for (const value of x) {
    const place = Math.fround(Math.fround(value - start) * binsPerUnit);
    counts[Math.trunc(Math.min(bins - 1, Math.max(0, place)))]!++;
  }
  return { counts, low, high };
}

/** The float32 factor that takes x - low to a bin number; 0 for an empty range or one too narrow for float32. */
export function binsPerUnitOf(bins: number, low: number, high: number): number {
  const factor = high > low ? Math.fround(bins / (high - low)) : 0;
  return Number.isFinite(factor) ? factor : 0;
}
