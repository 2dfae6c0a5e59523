/** Quantize with error in plain TypeScript as one would write it for speed: what the WASM kernels are compared with. */

const ROUNDER = 6755399441055744;

export interface PlainSums {
  squaredError: number;
  squaredSignal: number;
  squaredResult: number;
  maxAbsError: number;
}

/** int8, symmetric, one scale a row; levels go to `levels`. The same arithmetic and the same sums as the kernel. */
export function quantizePlainly(
  x: Float32Array,
  rowLength: number,
  scales: Float32Array,
  levels: Int8Array,
): PlainSums {
  let squaredError = 0;
  let squaredSignal = 0;
  let squaredResult = 0;
  let maxAbsError = 0;
  for (let row = 0, start = 0; start < x.length; row++, start += rowLength) {
    const scale = scales[row]!;
    const inverse = Math.fround(1 / scale);
    const end = Math.min(x.length, start + rowLength);
    for (let i = start; i < end; i++) {
      const weight = x[i]!;
      // Adding 1.5 * 2^52 rounds half to even, much faster than Math.round; Math.min and Math.max are faster than branches.
      const nearest = Math.fround(weight * inverse) + ROUNDER - ROUNDER;
      const level = Math.min(127, Math.max(-127, nearest));
      levels[i] = level;
      const result = Math.fround(scale * level);
      const error = weight - result;
      squaredError += error * error;
      squaredSignal += weight * weight;
      squaredResult += result * result;
      maxAbsError = Math.max(maxAbsError, Math.abs(error));
    }
  }
  return { squaredError, squaredSignal, squaredResult, maxAbsError };
}
