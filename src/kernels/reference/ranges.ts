/** Meaning of `minMax` and `absMax`: the extreme weights of each row, 0 for an empty row. */
import type { Rows } from '#kernels/kernels.ts';
import { rowEnd } from '#kernels/rows.ts';

export async function minMax(x: Rows): Promise<{ readonly min: Float32Array; readonly max: Float32Array }> {
  const min = new Float32Array(x.rows);
  const max = new Float32Array(x.rows);
  for (let row = 0; row < x.rows; row++) {
    const start = row * x.rowLength;
    const end = rowEnd(x, row);
    if (start === end) continue;
    let low = Infinity;
    let high = -Infinity;
    for (let i = start; i < end; i++) {
      low = Math.min(low, x.data[i]!);
      high = Math.max(high, x.data[i]!);
    }
    min[row] = low;
    max[row] = high;
  }
  return { min, max };
}

export async function absMax(x: Rows): Promise<Float32Array> {
  const largest = new Float32Array(x.rows);
  for (let row = 0; row < x.rows; row++) {
    let magnitude = 0;
    for (let i = row * x.rowLength; i < rowEnd(x, row); i++) magnitude = Math.max(magnitude, Math.abs(x.data[i]!));
    largest[row] = magnitude;
  }
  return largest;
}
