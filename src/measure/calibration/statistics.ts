/** What calibration keeps of one activation: enough for every method and every width, and nothing that grows with the data. */

/** Counts of values in bins of equal width that lie on the grid of their width, so that 0 is always an edge. */
export interface BinCounts {
  /** A power of two; bin i of the grid holds [i x width, (i + 1) x width). */
  readonly width: number;
  /** Where the grid's bin `first` is `counts[0]`. */
  readonly first: number;
  /** From the bin of min(0, smallest) to that of max(0, largest): at most 8192. */
  readonly counts: Uint32Array | Float64Array;
}

export interface ChannelExtremes {
  readonly axis: number;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly mean: Float64Array;
}

export interface TensorStatistics {
  /** Elements seen, all finite. */
  readonly count: number;
  readonly samples: number;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Extremes of each sample in order; of the last 8192 where there were more. */
  readonly sampleMin: Float64Array;
  readonly sampleMax: Float64Array;
  readonly bins: BinCounts;
  /** Where it was asked for. */
  readonly channels: ChannelExtremes | null;
}

export interface DisplayHistogram {
  readonly from: number;
  readonly to: number;
  readonly counts: readonly number[];
}

/**
 * The histogram in bins of another number for a chart, from the smallest to the largest value. A bin of the fine grid that
 * straddles an edge is divided in proportion; the counts are rounded so that they add up to the number of elements.
 */
export function displayHistogram(statistics: TensorStatistics, bins: number): DisplayHistogram {
  const { min, max, count } = statistics;
  if (min === max) return { from: min, to: max, counts: [count] };
  const { below } = cumulative(statistics);
  const counts: number[] = [];
  let before = 0;
  for (let bin = 1; bin <= bins; bin += 1) {
    const upTo = bin === bins ? count : Math.round(below(min + ((max - min) * bin) / bins));
    counts.push(Math.max(0, upTo - before));
    before = Math.max(before, upTo);
  }
  return { from: min, to: max, counts };
}

/** Share of elements below `low` or above `high`; values are taken to lie evenly within their bin. */
export function shareOutside(statistics: TensorStatistics, low: number, high: number): number {
  const { below } = cumulative(statistics);
  const { count, min, max } = statistics;
  if (count === 0) return 0;
  const under = low <= min ? 0 : below(low);
  const over = high >= max ? 0 : count - below(high);
  return Math.min(1, Math.max(0, (under + over) / count));
}

export interface Cumulative {
  /** Elements below x: exact at the edges of bins, in proportion between them. */
  below(x: number): number;
  /** The value that so many elements lie below: the inverse of `below`. */
  valueAt(rank: number): number;
}

export function cumulative({
  bins,
  min,
  max,
  count,
}: Pick<TensorStatistics, 'bins' | 'min' | 'max' | 'count'>): Cumulative {
  const { width, first, counts } = bins;
  const upTo = new Float64Array(counts.length + 1);
  for (let i = 0; i < counts.length; i += 1) upTo[i + 1] = (upTo[i] ?? 0) + (counts[i] ?? 0);
  // The outermost bins hold nothing beyond the extremes.
  const lowEdge = (bin: number): number => Math.max(min, (first + bin) * width);
  const highEdge = (bin: number): number => Math.min(max, (first + bin + 1) * width);
  return {
    below(x) {
      if (x <= min) return 0;
      if (x >= max) return count;
      const bin = Math.floor(x / width) - first;
      const low = lowEdge(bin);
      const high = highEdge(bin);
      const part = high > low ? Math.min(1, Math.max(0, (x - low) / (high - low))) : 0;
      return (upTo[bin] ?? 0) + part * (counts[bin] ?? 0);
    },
    valueAt(rank) {
      if (rank <= 0) return min;
      if (rank >= count) return max;
      let from = 0;
      let to = counts.length - 1;
      while (from < to) {
        const middle = (from + to) >> 1;
        if ((upTo[middle + 1] ?? 0) >= rank) to = middle;
        else from = middle + 1;
      }
      const inside = counts[from] ?? 0;
      const part = inside === 0 ? 0 : (rank - (upTo[from] ?? 0)) / inside;
      return lowEdge(from) + part * Math.max(0, highEdge(from) - lowEdge(from));
    },
  };
}

/** The same for magnitudes: negative values are laid over the positive ones. */
export function magnitudesOf(statistics: TensorStatistics): Pick<TensorStatistics, 'bins' | 'min' | 'max' | 'count'> {
  const { bins, min, max, count } = statistics;
  const { first, counts, width } = bins;
  const length = Math.max(first + counts.length, -first, 1);
  const folded = new Float64Array(length);
  for (let i = 0; i < counts.length; i += 1) {
    const bin = first + i;
    const place = bin < 0 ? -bin - 1 : bin;
    folded[place] = (folded[place] ?? 0) + (counts[i] ?? 0);
  }
  const smallest = min >= 0 ? min : max <= 0 ? -max : 0;
  return { bins: { width, first: 0, counts: folded }, min: smallest, max: Math.max(-min, max), count };
}
