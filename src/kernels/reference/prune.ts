/** Meaning of `pruneBelow` and `pruneNM`: small magnitudes become zero; the error is what was cut away. */
import { ErrorMeter } from '#kernels/errors.ts';
import type { ErrorSums, Rows } from '#kernels/kernels.ts';
import { elementCount, rowEnd } from '#kernels/rows.ts';

interface Pruned {
  readonly data: Float32Array;
  readonly error: ErrorSums;
  /** Zeros in the result, those that were zero before included. */
  readonly zeros: number;
}

export async function pruneBelow(x: Float32Array, threshold: number, ties: number): Promise<Pruned> {
  const data = new Float32Array(x.length);
  const limit = Math.fround(threshold);
  let tiesLeft = ties;
  for (let i = 0; i < x.length; i++) {
    const magnitude = Math.abs(x[i]!);
    if (magnitude > limit) data[i] = x[i]!;
    else if (magnitude === limit && tiesLeft-- <= 0) data[i] = x[i]!;
  }
  return measured(x, data);
}

export async function pruneNM(x: Rows, n: number, m: number): Promise<Pruned> {
  const data = new Float32Array(elementCount(x));
  for (let row = 0; row < x.rows; row++) {
    const end = rowEnd(x, row);
    for (let start = row * x.rowLength; start < end; start += m) {
      const stop = Math.min(end, start + m);
      for (let i = start; i < stop; i++) if (rankInGroup(x.data, start, stop, i) < n) data[i] = x.data[i]!;
    }
  }
  return measured(x.data.subarray(0, data.length), data);
}

/** How many weights of the group go before weight `i`: larger ones, and equal ones that come earlier. */
function rankInGroup(data: Float32Array, start: number, stop: number, i: number): number {
  const magnitude = Math.abs(data[i]!);
  let rank = 0;
  for (let other = start; other < stop; other++) {
    const rival = Math.abs(data[other]!);
    if (rival > magnitude || (rival === magnitude && other < i)) rank++;
  }
  return rank;
}

function measured(x: Float32Array, data: Float32Array): Pruned {
  const meter = new ErrorMeter();
  let zeros = 0;
  for (let i = 0; i < x.length; i++) {
    meter.add(x[i]!, data[i]!);
    if (data[i] === 0) zeros++;
  }
  return { data, error: meter.sums(), zeros };
}
