/** Meaning of `quantize`: q = clamp(roundHalfEven(fround(x * inverse)) + zeroPoint), and the error that this makes. */
import { inverseOf, levelsFor, roundHalfEven } from '#kernels/arithmetic.ts';
import { ErrorMeter } from '#kernels/errors.ts';
import type { Grid, Levels, QuantizeResult, Rows } from '#kernels/kernels.ts';
import { elementCount, rowEnd } from '#kernels/rows.ts';

export async function quantize(x: Rows, grid: Grid, want: 'levels' | 'error', into?: Levels): Promise<QuantizeResult> {
  const levels = want === 'levels' ? (into ?? levelsFor(grid.bits, grid.signed, elementCount(x))) : undefined;
  const meter = new ErrorMeter();
  for (let row = 0; row < x.rows; row++) {
    const scale = grid.scale[grid.scale.length === 1 ? 0 : row]!;
    const zeroPoint = grid.zeroPoint[grid.zeroPoint.length === 1 ? 0 : row]!;
    const inverse = inverseOf(scale);
    for (let i = row * x.rowLength; i < rowEnd(x, row); i++) {
      const weight = x.data[i]!;
      const nearest = roundHalfEven(Math.fround(weight * inverse)) + zeroPoint;
      const level = Math.min(grid.high, Math.max(grid.low, nearest));
      if (levels !== undefined) levels[i] = level;
      meter.add(weight, Math.fround(scale * (level - zeroPoint)));
    }
  }
  return levels === undefined ? { error: meter.sums() } : { levels, error: meter.sums() };
}
