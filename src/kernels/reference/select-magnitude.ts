/** Meaning of `selectMagnitude`: the k-th smallest |x|, k from 0. */
import { PareError } from '#base/failure.ts';

export async function selectMagnitude(x: Float32Array, k: number): Promise<number> {
  checkRank(x.length, k);
  return x.map(Math.abs).toSorted()[k]!;
}

/** Refuses a rank that no weight has. */
export function checkRank(count: number, k: number): void {
  if (Number.isInteger(k) && k >= 0 && k < count) return;
  throw new PareError({ code: 'kernels/rank', problem: `there is no magnitude number ${k} among ${count} weights.` });
}
