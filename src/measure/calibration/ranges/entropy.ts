/**
 * The clip at which the quantized distribution tells least apart from the observed one: TensorRT's calibration (Migacz
 * 2017), on 2048 to 4096 bins of magnitudes.
 *
 * For a clip after i bins, P is the observed histogram with everything beyond the clip in its last bin. Q is the histogram
 * without what lies beyond, in as many groups as there are levels, each spread evenly over its bins that are not empty.
 * The clip of least KL(P, Q) is chosen. Departures from the published form, each against a known failure:
 * - bin 0 counts as bin 1 does: zero has a level of its own under every scale, and after a Relu it would swamp all else;
 * - a last bin that is empty but for what was clipped would give an infinite divergence, or none when it is skipped: Q has
 *   half an observation there;
 * - with fewer bins than levels (16 bits) there is no candidate, and the range is that of all values.
 *
 * Values on one side of zero use all levels, 2^bits. Values on both sides are taken by magnitude, with the levels of one
 * side, 2^(bits - 1), and each side is cut at that magnitude where it reaches so far.
 */
import { magnitudesOf } from '#measure/calibration/statistics.ts';
import type { TensorStatistics } from '#measure/calibration/statistics.ts';
import type { Range } from './range.ts';

const MOST_BINS = 4096;
const MOST_CANDIDATES = 1024;

export function entropyRange(statistics: TensorStatistics, bits: number, symmetric: boolean): Range {
  const { min, max } = statistics;
  const oneSided = min >= 0 || max <= 0;
  const levels = 2 ** (oneSided && !symmetric ? bits : bits - 1);
  const { counts, width } = coarser(magnitudesOf(statistics).bins);
  const limit = width * leastDivergence(counts, levels);
  return { low: Math.max(min, -limit), high: Math.min(max, limit) };
}

/** Number of bins to keep. Changes the first of `counts`. */
export function leastDivergence(counts: Float64Array, levels: number): number {
  const bins = counts.length;
  counts[0] = counts[1] ?? 0;
  // Sums over the first bins of counts, of bins that are not empty, and of count x log(count).
  const sum = new Float64Array(bins + 1);
  const filled = new Float64Array(bins + 1);
  const logs = new Float64Array(bins + 1);
  for (let i = 0; i < bins; i += 1) {
    const n = counts[i] as number;
    sum[i + 1] = (sum[i] as number) + n;
    filled[i + 1] = (filled[i] as number) + (n > 0 ? 1 : 0);
    logs[i + 1] = (logs[i] as number) + (n > 0 ? n * Math.log(n) : 0);
  }
  const total = sum[bins] as number;
  let best = bins;
  if (total === 0 || bins <= levels) return best;
  let least = Infinity;
  const step = Math.max(1, Math.floor((bins - levels) / MOST_CANDIDATES));
  // From the whole range inwards: of equal ones the widest is kept.
  for (let kept = bins; kept >= levels; kept -= step) {
    const inside = sum[kept] as number;
    if (inside === 0) break;
    const divergence = divergenceAt(kept);
    if (divergence < least) {
      least = divergence;
      best = kept;
    }
  }
  return best;

  function divergenceAt(kept: number): number {
    const inside = sum[kept] as number;
    const tail = total - inside;
    // log(P / Q) = log(p x inside / (q x total)), with counts p and q.
    const shift = Math.log(inside / total);
    const last = counts[kept - 1] as number;
    let divergence = 0;
    let spread = 0;
    let from = 0;
    for (let level = 1; level <= levels; level += 1) {
      const to = Math.floor((level * kept) / levels);
      const n = (sum[to] as number) - (sum[from] as number);
      if (n > 0) {
        spread = n / ((filled[to] as number) - (filled[from] as number));
        divergence += (logs[to] as number) - (logs[from] as number) + n * (shift - Math.log(spread));
      }
      from = to;
    }
    if (tail > 0) {
      const q = last > 0 ? spread : 0.5;
      if (last > 0) divergence -= last * (Math.log(last / q) + shift);
      divergence += (last + tail) * (Math.log((last + tail) / q) + shift);
    }
    return divergence / total;
  }
}

/** Neighbouring bins added up until there are at most `MOST_BINS`. */
function coarser({ counts, width }: { readonly counts: ArrayLike<number>; readonly width: number }): {
  readonly counts: Float64Array;
  readonly width: number;
} {
  const together = 2 ** Math.max(0, Math.ceil(Math.log2(counts.length / MOST_BINS)));
  const sums = new Float64Array(Math.ceil(counts.length / together));
  for (let i = 0; i < counts.length; i += 1) {
    const place = Math.floor(i / together);
    sums[place] = (sums[place] ?? 0) + (counts[i] ?? 0);
  }
  return { counts: sums, width: width * together };
}
