/** Error sums and the figures that follow from them. Pure functions. */
import type { ErrorSums } from './kernels.ts';

/** The sums over nothing. */
export const NO_ERRORS: ErrorSums = {
  count: 0,
  squaredError: 0,
  squaredSignal: 0,
  squaredResult: 0,
  maxAbsError: 0,
};

/** Sums over the union of two sets of weights. */
export function addErrors(a: ErrorSums, b: ErrorSums): ErrorSums {
  return {
    count: a.count + b.count,
    squaredError: a.squaredError + b.squaredError,
    squaredSignal: a.squaredSignal + b.squaredSignal,
    squaredResult: a.squaredResult + b.squaredResult,
    maxAbsError: Math.max(a.maxAbsError, b.maxAbsError),
  };
}

export interface ErrorFigures {
  /** 10 log10(signal power / error power) in dB; +Infinity when nothing changed, null when the signal is all zero. */
  readonly sqnrDb: number | null;
  /** Mean squared error, in squared units of the weights; null for an empty tensor. */
  readonly mse: number | null;
  /** Cosine of the angle between original and result; null when either is all zero and they differ. */
  readonly cosine: number | null;
  /** Largest |x - x'|. */
  readonly maxAbs: number;
}

/**
 * Figures of a tensor from its sums. The inner product that the cosine needs follows from the squares:
 * 2 x·x' = |x|^2 + |x'|^2 - |x - x'|^2.
 */
export function figuresOf(sums: ErrorSums): ErrorFigures {
  const { count, squaredError: error, squaredSignal: signal, squaredResult: result, maxAbsError } = sums;
  let sqnrDb: number | null = null;
  if (error === 0) sqnrDb = Infinity;
  else if (signal > 0) sqnrDb = 10 * Math.log10(signal / error);
  let cosine: number | null = null;
  if (error === 0) cosine = 1;
  else if (signal > 0 && result > 0) {
    const inner = (signal + result - error) / 2;
    cosine = Math.max(-1, Math.min(1, inner / Math.sqrt(signal * result)));
  }
  return { sqnrDb, mse: count === 0 ? null : error / count, cosine, maxAbs: maxAbsError };
}

/** Collects the sums weight by weight, in double precision. */
export class ErrorMeter {
  private count = 0;
  private squaredError = 0;
  private squaredSignal = 0;
  private squaredResult = 0;
  private maxAbsError = 0;

  add(x: number, result: number): void {
    const error = x - result;
    this.count++;
    this.squaredError += error * error;
    this.squaredSignal += x * x;
    this.squaredResult += result * result;
    this.maxAbsError = Math.max(this.maxAbsError, Math.abs(error));
  }

  sums(): ErrorSums {
    const { count, squaredError, squaredSignal, squaredResult, maxAbsError } = this;
    return { count, squaredError, squaredSignal, squaredResult, maxAbsError };
  }
}
