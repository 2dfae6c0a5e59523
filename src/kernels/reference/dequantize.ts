/** Meaning of `dequantize`: x' = fround(scale * (level - zeroPoint)). */
import type { Grid, Levels } from '#kernels/kernels.ts';

export async function dequantize(levels: Levels, rows: number, rowLength: number, grid: Grid): Promise<Float32Array> {
  const data = new Float32Array(levels.length);
  for (let row = 0; row < rows; row++) {
    const scale = grid.scale[grid.scale.length === 1 ? 0 : row]!;
    const zeroPoint = grid.zeroPoint[grid.zeroPoint.length === 1 ? 0 : row]!;
    const end = Math.min(levels.length, (row + 1) * rowLength);
    for (let i = row * rowLength; i < end; i++) data[i] = scale * (levels[i]! - zeroPoint);
  }
  return data;
}
