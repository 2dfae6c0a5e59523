/** How sure a figure is: intervals of shares, the paired test of two models on the same samples, and quantiles. */
import type { PairedTest, Proportion } from './report.ts';

/** The 0.975 quantile of the standard normal distribution: all intervals are at 95 %. */
const Z = 1.959963984540054;

/** Wilson score interval (Wilson 1927) at 95 % for `hits` out of `of`. */
export function wilsonInterval(hits: number, of: number): { readonly low: number; readonly high: number } {
  if (of === 0) return { low: 0, high: 1 };
  const share = hits / of;
  const square = (Z * Z) / of;
  const centre = (share + square / 2) / (1 + square);
  const half = (Z / (1 + square)) * Math.sqrt((share * (1 - share)) / of + square / (4 * of));
  // None and all are limits of the formula; rounding must not move them past the share.
  return {
    low: hits === 0 ? 0 : Math.max(0, centre - half),
    high: hits === of ? 1 : Math.min(1, centre + half),
  };
}

export function proportion(hits: number, of: number): Proportion {
  return { hits, of, share: of === 0 ? NaN : hits / of, ...wilsonInterval(hits, of) };
}

/** How many samples each of two models got right. */
export interface PairedCounts {
  readonly bothRight: number;
  readonly onlyBefore: number;
  readonly onlyAfter: number;
  readonly bothWrong: number;
}

export function pairedTest(counts: PairedCounts): PairedTest {
  const { difference, low, high } = pairedDifference(counts);
  return {
    ...counts,
    pValue: mcNemar(counts.onlyBefore, counts.onlyAfter),
    differencePoints: 100 * difference,
    lowPoints: 100 * low,
    highPoints: 100 * high,
  };
}

/**
 * Exact two-sided McNemar test: were both models equally good, each sample on which they differ would be a fair coin. The
 * chance of a split at least as uneven as this one; 1 when no sample differs.
 */
export function mcNemar(onlyBefore: number, onlyAfter: number): number {
  const fewer = Math.min(onlyBefore, onlyAfter);
  const flips = onlyBefore + onlyAfter;
  if (flips - 2 * fewer <= 1) return 1;
  // The largest term of the tail first, from logarithms since factorials of thousands have no double; each next by its ratio.
  let term = Math.exp(logChoose(flips, fewer) - flips * Math.LN2);
  let tail = 0;
  for (let k = fewer; k >= 0 && term > 0; k--) {
    tail += term;
    term *= k / (flips - k + 1);
  }
  return Math.min(1, 2 * tail);
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  for (let i = 1; i <= k; i++) sum += Math.log((n - k + i) / i);
  return sum;
}

/**
 * after - before as a share, with its 95 % interval: the Wilson intervals of both, joined with the correlation of the two
 * (Newcombe, Statistics in Medicine 17, 1998, 2635-2650, method 10).
 */
export function pairedDifference(counts: PairedCounts): {
  readonly difference: number;
  readonly low: number;
  readonly high: number;
} {
  const { bothRight, onlyBefore, onlyAfter, bothWrong } = counts;
  const n = bothRight + onlyBefore + onlyAfter + bothWrong;
  if (n === 0) return { difference: NaN, low: -1, high: 1 };
  const after = proportion(bothRight + onlyAfter, n);
  const before = proportion(bothRight + onlyBefore, n);
  const phi = correlation(counts, n);
  const join = (a: number, b: number): number => Math.sqrt(Math.max(0, a * a - 2 * phi * a * b + b * b));
  const difference = (onlyAfter - onlyBefore) / n;
  return {
    difference,
    low: difference - join(after.share - after.low, before.high - before.share),
    high: difference + join(after.high - after.share, before.share - before.low),
  };
}

/** Newcombe's phi, with his continuity correction where it is positive; 0 where a margin is empty. */
function correlation({ bothRight, onlyBefore, onlyAfter, bothWrong }: PairedCounts, n: number): number {
  const margins =
    Math.sqrt((bothRight + onlyBefore) * (onlyAfter + bothWrong)) *
    Math.sqrt((bothRight + onlyAfter) * (onlyBefore + bothWrong));
  if (margins === 0) return 0;
  const cross = bothRight * bothWrong - onlyBefore * onlyAfter;
  return (cross > 0 ? Math.max(0, cross - n / 2) : cross) / margins;
}

/** The value below which the share `q` lies, between neighbours by straight lines (type 7 of Hyndman and Fan); NaN of nothing. */
export function quantile(values: Iterable<number>, q: number): number {
  const sorted = Float64Array.from(values).sort();
  const at = q * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? NaN;
  const above = sorted[Math.ceil(at)] ?? NaN;
  return below === above ? below : below + (above - below) * (at - Math.floor(at));
}
