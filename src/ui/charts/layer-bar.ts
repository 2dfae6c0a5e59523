/** What the bar charts draw for one layer, and how they say it. */
import type { ErrorBand } from '#ui/state/table/error-bands.ts';
import { formatBytes, formatChange } from '#ui/state/units.ts';

export interface LayerBar {
  readonly name: string;
  readonly op: string;
  /** SQNR in dB, or bytes after. */
  readonly value: number;
  /** Bytes before, in the chart of sizes. */
  readonly before: number | null;
  readonly excluded: boolean;
  /** No error at all. */
  readonly exact: boolean;
  readonly band: ErrorBand | null;
}

export interface BarsProps {
  readonly bars: readonly LayerBar[];
  readonly kind: 'error' | 'size';
  readonly selected: string | null;
  readonly onPick: (layer: string) => void;
}

export function describeBar(bar: LayerBar): string {
  if (bar.before !== null) {
    return `${formatBytes(bar.before)} → ${formatBytes(bar.value)} (${formatChange(bar.before, bar.value)})`;
  }
  if (bar.excluded) return 'excluded, stays as it is';
  return bar.exact ? 'exact: no error' : `${bar.value.toFixed(1)} dB SQNR`;
}

/** Bounds of a value axis that start at zero and end on a round number. */
export function roundTop(most: number): number {
  if (most <= 0) return 1;
  const unit = 10 ** Math.floor(Math.log10(most));
  const steps = [1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];
  return unit * (steps.find((step) => step * unit >= most) ?? 10);
}

/** Text of a tick on the value axis. */
export function tickText(kind: 'error' | 'size', value: number): string {
  return kind === 'error' ? String(Math.round(value)) : value === 0 ? '0' : formatBytes(value).replace('.00', '');
}
