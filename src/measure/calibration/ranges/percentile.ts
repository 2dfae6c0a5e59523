/**
 * The range that keeps a share of all values. Where values lie on one side of zero, all that is cut is cut from that side;
 * where they lie on both, half of it is cut from each end, or, for a symmetric grid, the largest magnitudes are cut. Exact
 * to a bin, and within it as if values lay evenly.
 */
import { cumulative, magnitudesOf } from '#measure/calibration/statistics.ts';
import type { TensorStatistics } from '#measure/calibration/statistics.ts';
import type { Range } from './range.ts';

export function percentileRange(statistics: TensorStatistics, share: number, symmetric: boolean): Range {
  const { min, max, count } = statistics;
  if (min >= 0) return { low: 0, high: cumulative(statistics).valueAt(share * count) };
  if (max <= 0) return { low: cumulative(statistics).valueAt((1 - share) * count), high: 0 };
  if (symmetric) {
    const limit = cumulative(magnitudesOf(statistics)).valueAt(share * count);
    return { low: Math.max(min, -limit), high: Math.min(max, limit) };
  }
  const cut = ((1 - share) / 2) * count;
  const { valueAt } = cumulative(statistics);
  return { low: valueAt(cut), high: valueAt(count - cut) };
}
