/** Meaning of `compare`: error sums of two tensors of equal length; `y` stands for x'. */
import { PareError } from '#base/failure.ts';
import { ErrorMeter } from '#kernels/errors.ts';
import type { ErrorSums } from '#kernels/kernels.ts';

export async function compare(x: Float32Array, y: Float32Array): Promise<ErrorSums> {
  checkSameLength(x, y);
  const meter = new ErrorMeter();
  for (let i = 0; i < x.length; i++) meter.add(x[i]!, y[i]!);
  return meter.sums();
}

export function checkSameLength(x: Float32Array, y: Float32Array): void {
  if (x.length === y.length) return;
  const problem = `tensors of ${x.length} and ${y.length} elements cannot be compared.`;
  throw new PareError({ code: 'kernels/length', problem });
}
