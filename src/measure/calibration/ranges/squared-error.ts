/**
 * The range of least squared error for a grid: both ends are searched, rounding of the zero point included, on the
 * histogram. Prefix sums of count, x and x² over the bins give the error of one candidate in one step per level.
 */
import type { TensorStatistics } from '#measure/calibration/statistics.ts';
import type { Range } from './range.ts';

/** Ends are tried at so many fractions of the full range, each 0.88 of the one before: down to 1.7 %. */
const FRACTIONS = 33;
const RATIO = 0.88;
/** The best pair is then refined by steps of half the ratio, a quarter and so on. */
const REFINEMENTS = 6;

/** Bins narrower than a quarter of a step resolve the grid; otherwise rounding is taken as evenly spread, step² / 12. */
const BINS_PER_STEP = 4;

interface Grid {
  readonly lowest: number;
  readonly highest: number;
  readonly symmetric: boolean;
}

export function leastErrorRange(statistics: TensorStatistics, bits: number, symmetric: boolean): Range {
  const grid = gridOf(bits, symmetric);
  const error = errorMeter(statistics, grid);
  const min = Math.min(0, statistics.min);
  const max = Math.max(0, statistics.max);
  const largest = Math.max(-min, max);
  // Powers of the ratio that the ends are multiplied by; a side that has no values keeps 0.
  const rangeAt = (low: number, high: number): Range =>
    symmetric
      ? { low: Math.max(min, -largest * RATIO ** high), high: Math.min(max, largest * RATIO ** high) }
      : { low: min * RATIO ** low, high: max * RATIO ** high };
  const lows = symmetric || min === 0 ? [0] : powers();
  const highs = !symmetric && max === 0 ? [0] : powers();
  let best = { low: 0, high: 0, error: error(rangeAt(0, 0)) };
  const attempt = (low: number, high: number): void => {
    if (low < 0 || high < 0) return;
    const found = error(rangeAt(low, high));
    if (found < best.error) best = { low, high, error: found };
  };
  for (const low of lows) for (const high of highs) attempt(low, high);
  for (let step = 0.5, round = 0; round < REFINEMENTS; round += 1, step /= 2) {
    const { low, high } = best;
    const around = [-step, 0, step];
    for (const l of lows.length === 1 ? [0] : around) {
      for (const h of highs.length === 1 ? [0] : around) attempt(low + l, high + h);
    }
  }
  return rangeAt(best.low, best.high);
}

/** Mean squared error of ranges on the histogram: every value counts as the centre of its bin. */
export function meanSquaredErrors(
  statistics: TensorStatistics,
  bits: number,
  symmetric: boolean,
): (range: Range) => number {
  const error = errorMeter(statistics, gridOf(bits, symmetric));
  return (range) => error(range) / statistics.count;
}

function powers(): readonly number[] {
  return Array.from({ length: FRACTIONS }, (_, power) => power);
}

/** Symmetric grids leave the lowest level out, so that both sides reach equally far. */
function gridOf(bits: number, symmetric: boolean): Grid {
  const half = 2 ** (bits - 1);
  return symmetric
    ? { lowest: 1 - half, highest: half - 1, symmetric }
    : { lowest: 0, highest: 2 ** bits - 1, symmetric };
}

/** Scale and zero point as the quantizer has them: float32 scale, zero point rounded half to even. */
function scaleOf({ low, high }: Range, grid: Grid): { readonly scale: number; readonly zeroPoint: number } {
  const steps = grid.highest - grid.lowest;
  if (grid.symmetric) return { scale: Math.fround((2 * Math.max(-low, high)) / steps), zeroPoint: 0 };
  const scale = Math.fround((high - low) / steps);
  const exact = scale === 0 ? 0 : grid.lowest - low / scale;
  const floor = Math.floor(exact);
  const up = exact - floor > 0.5 || (exact - floor === 0.5 && floor % 2 !== 0);
  return { scale, zeroPoint: Math.min(grid.highest, Math.max(grid.lowest, up ? floor + 1 : floor)) };
}

/** Sum of squared errors of a range. */
function errorMeter(statistics: TensorStatistics, grid: Grid): (range: Range) => number {
  const { counts, first, width } = statistics.bins;
  const bins = counts.length;
  const sums = prefixSums(statistics);
  const { count, sum, squares } = sums;
  const full = scaleOf({ low: Math.min(0, statistics.min), high: Math.max(0, statistics.max) }, grid).scale;
  const resolved = full >= BINS_PER_STEP * width;
  /** Number of bins whose centre lies below x. */
  const binsBelow = (x: number): number => Math.min(bins, Math.max(0, Math.ceil(x / width - first - 0.5)));
  /** Squared error of the bins [from, to) when they all become `level`. */
  const cell = (from: number, to: number, level: number): number =>
    squares[to]! - squares[from]! - 2 * level * (sum[to]! - sum[from]!) + level * level * (count[to]! - count[from]!);

  return (range) => {
    const { scale, zeroPoint } = scaleOf(range, grid);
    // A step narrower than a bin is beyond what the histogram can tell apart.
    if (scale === 0 || (resolved && scale < width)) return Infinity;
    const lowest = (grid.lowest - zeroPoint) * scale;
    const highest = (grid.highest - zeroPoint) * scale;
    if (!resolved) {
      const from = binsBelow(lowest);
      const to = binsBelow(highest);
      const inside = count[to]! - count[from]!;
      return cell(0, from, lowest) + cell(to, bins, highest) + (inside * scale * scale) / 12;
    }
    let error = 0;
    let from = 0;
    for (let level = grid.lowest - zeroPoint; level < grid.highest - zeroPoint && from < bins; level += 1) {
      const to = binsBelow((level + 0.5) * scale);
      if (to > from) error += cell(from, to, level * scale);
      from = Math.max(from, to);
    }
    return error + cell(from, bins, highest);
  };
}

interface Sums {
  readonly count: Float64Array;
  readonly sum: Float64Array;
  readonly squares: Float64Array;
}

function prefixSums({ bins: { counts, first, width } }: TensorStatistics): Sums {
  const length = counts.length + 1;
  const made = { count: new Float64Array(length), sum: new Float64Array(length), squares: new Float64Array(length) };
  for (let i = 0; i < counts.length; i += 1) {
    const n = counts[i]!;
    const x = (first + i + 0.5) * width;
    made.count[i + 1] = made.count[i]! + n;
    made.sum[i + 1] = made.sum[i]! + n * x;
    made.squares[i + 1] = made.squares[i]! + n * x * x;
  }
  return made;
}
