/** Meaning of `searchScale`: every candidate is tried on every weight; the first of least squared error wins, widest first. */
import { candidateGrid, inverseOf, roundHalfEven } from '#kernels/arithmetic.ts';
import type { Rows, ScaleSearch, SearchResult } from '#kernels/kernels.ts';
import { rowEnd } from '#kernels/rows.ts';
import { minMax } from './ranges.ts';

export async function searchScale(x: Rows, search: ScaleSearch): Promise<SearchResult> {
  const { min, max } = await minMax(x);
  const scale = new Float32Array(x.rows);
  const zeroPoint = new Int32Array(x.rows);
  const squaredError = new Float64Array(x.rows);
  for (let row = 0; row < x.rows; row++) {
    const weights = x.data.subarray(row * x.rowLength, rowEnd(x, row));
    let least = Infinity;
    for (let i = search.candidates; i >= 1 && least > 0; i--) {
      const candidate = candidateGrid(search, min[row]!, max[row]!, i);
      const error = squaredErrorOf(weights, search, candidate.scale, candidate.zeroPoint);
      if (error >= least) continue;
      least = error;
      scale[row] = candidate.scale;
      zeroPoint[row] = candidate.zeroPoint;
    }
    squaredError[row] = least;
  }
  return { scale, zeroPoint, squaredError };
}

/** Sum of (x - x')^2 of one row on one grid; exported because tests measure choices of other backends with it. */
export function squaredErrorOf(
  weights: Float32Array,
  search: Pick<ScaleSearch, 'low' | 'high'>,
  scale: number,
  zeroPoint: number,
): number {
  const inverse = inverseOf(scale);
  let sum = 0;
  for (const weight of weights) {
    const nearest = roundHalfEven(Math.fround(weight * inverse)) + zeroPoint;
    const level = Math.min(search.high, Math.max(search.low, nearest));
    const error = weight - Math.fround(scale * (level - zeroPoint));
    sum += error * error;
  }
  return sum;
}
