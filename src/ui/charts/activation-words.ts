/** Ranges and grids of activations as people read them. */
import type { ActivationHistogram, ActivationView } from '#studio/jobs.ts';
import { formatShare } from '#ui/state/units.ts';

type RangeMethod = ActivationHistogram['choices'][number]['method'];

export const METHOD_NAMES: Readonly<Record<RangeMethod, string>> = {
  minmax: 'min-max',
  'moving-average': 'moving average',
  percentile: 'percentile',
  entropy: 'entropy',
  mse: 'least MSE',
};

/** Clipped shares are small: four digits after the point, and never a zero that is none. */
export function formatClipped(share: number): string {
  if (share === 0) return 'none';
  return share < 0.001 ? `${(share * 100).toPrecision(2)}\u202f%` : formatShare(share);
}

/** A range that starts at zero over values that do not does the work of the Relu that was folded into it. */
export function cutsAtZero({ low, min }: Pick<ActivationView, 'low' | 'min'>): boolean {
  return low === 0 && min < 0;
}

export const CUTS_AT_ZERO =
  'A range that starts at 0 does the work of a folded Relu: what it cuts off below is no loss.';

/** Bits of `uint8`, `u16`, `int8`. */
export function bitsOfLevels(levels: string | null): number | null {
  const digits = /(\d+)$/.exec(levels ?? '');
  return digits === null ? null : Number(digits[1]);
}

/** Real values of the levels; empty where there are none or far too many to draw. */
export function gridOf({ scale, zeroPoint, levels }: ActivationView, most: number = 1024): readonly number[] {
  const bits = bitsOfLevels(levels);
  if (scale === null || zeroPoint === null || bits === null || 2 ** bits > most) return [];
  const first = levels?.startsWith('u') === true ? 0 : -(2 ** (bits - 1));
  return Array.from({ length: 2 ** bits }, (_one, at) => (first + at - zeroPoint) * scale);
}
