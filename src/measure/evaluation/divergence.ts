/** Kullback-Leibler divergence of one row of scores from another, whether they are chances or logits. */

/** Chances of a softmax add up to 1 within this, also after they were rounded to float16. */
const SUM_TOLERANCE = 2e-3;

/**
 * A chance that was rounded to zero would be an error without bound. What float32 calls zero beside 1 is taken instead, as
 * small as a difference that the original could show.
 */
const SMALLEST_CHANCE = 2 ** -24;

/**
 * sum p ln(p / q) in nats, where p and q are the chances of the original and of the result: the rows themselves where the
 * original's are chances (none negative, sum 1), else their softmax. NaN where a score is not finite.
 */
export function rowDivergence(x: ArrayLike<number>, y: ArrayLike<number>, start: number, width: number): number {
  const divergence =
    isChances(x, start, width) && isPositive(y, start, width)
      ? betweenChances(x, y, start, width)
      : betweenLogits(x, y, start, width);
  // Rounding may leave it a little below zero, which no divergence is.
  return divergence < 0 ? 0 : divergence;
}

function isPositive(values: ArrayLike<number>, start: number, width: number): boolean {
  let sum = 0;
  for (let i = start; i < start + width; i++) {
    const value = values[i] ?? NaN;
    if (!(value >= 0)) return false;
    sum += value;
  }
  return sum > 0;
}

function isChances(values: ArrayLike<number>, start: number, width: number): boolean {
  return isPositive(values, start, width) && Math.abs(sumOf(values, start, width) - 1) <= SUM_TOLERANCE;
}

function sumOf(values: ArrayLike<number>, start: number, width: number): number {
  let sum = 0;
  for (let i = start; i < start + width; i++) sum += values[i] ?? 0;
  return sum;
}

/** The result's chances may add up to something else, each being rounded by itself; they are divided by their sum. */
function betweenChances(x: ArrayLike<number>, y: ArrayLike<number>, start: number, width: number): number {
  const sumX = sumOf(x, start, width);
  const sumY = sumOf(y, start, width);
  let divergence = 0;
  for (let i = start; i < start + width; i++) {
    const p = (x[i] ?? 0) / sumX;
    const q = Math.max(SMALLEST_CHANCE, (y[i] ?? 0) / sumY);
    if (p > 0) divergence += p * Math.log(p / q);
  }
  return divergence;
}

/** From the logits by their largest, so that no exponential overflows: ln(p / q) = (x - y) - (lse(x) - lse(y)). */
function betweenLogits(x: ArrayLike<number>, y: ArrayLike<number>, start: number, width: number): number {
  const logSumX = logSumExp(x, start, width);
  const shift = logSumX - logSumExp(y, start, width);
  let divergence = 0;
  for (let i = start; i < start + width; i++) {
    const a = x[i] ?? NaN;
    divergence += Math.exp(a - logSumX) * (a - (y[i] ?? NaN) - shift);
  }
  return divergence;
}

function logSumExp(values: ArrayLike<number>, start: number, width: number): number {
  let largest = -Infinity;
  for (let i = start; i < start + width; i++) largest = Math.max(largest, values[i] ?? NaN);
  let sum = 0;
  for (let i = start; i < start + width; i++) sum += Math.exp((values[i] ?? NaN) - largest);
  return largest + Math.log(sum);
}
