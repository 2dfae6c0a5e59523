/** How rows lie in memory: counts and bounds, with a last row that may be cut short. */
import type { Rows } from './kernels.ts';

/** Number of elements of all rows together. */
export function elementCount(x: Rows): number {
  return x.rows === 0 ? 0 : (x.rows - 1) * x.rowLength + (x.lastLength ?? x.rowLength);
}

/** Index just behind the last element of a row; `row * rowLength` is its first. */
export function rowEnd(x: Rows, row: number): number {
  const start = row * x.rowLength;
  return row === x.rows - 1 ? start + (x.lastLength ?? x.rowLength) : start + x.rowLength;
}

/** The whole array as one row. */
export function asOneRow(data: Float32Array): Rows {
  return { data, rows: 1, rowLength: data.length };
}
