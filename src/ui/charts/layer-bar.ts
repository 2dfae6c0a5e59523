/** What the bar charts draw for one layer, and how they say it. */
import type { ErrorBand } from '#ui/state/table/error-bands.ts';
import { formatBytes, formatChange } from '#ui/state/units.ts';

export interface LayerBar {
  readonly name: string;
  /** Name on the axis. */
  readonly short: string;
  readonly op: string;
  /** SQNR in dB, or bytes after. */
  readonly value: number;
  /** Bytes before, in the chart of sizes. */
  readonly before: number | null;
  readonly excluded: boolean;
  /** No error at all. */
  readonly exact: boolean;
  readonly band: ErrorBand | null;
  /** What the error consists of, each part by itself. */
  readonly parts?: readonly BarPart[];
  /** What the bar means, where it is not an error of weights or a size. */
  readonly says?: string;
}

export interface BarPart {
  readonly kind: 'weights' | 'clipping' | 'rounding';
  /** SQNR in dB as it is drawn. */
  readonly value: number;
}

export interface BarsProps {
  readonly bars: readonly LayerBar[];
  readonly kind: 'error' | 'size';
  readonly selected: string | null;
  /** How the figures were come by, in a few words. */
  readonly how: string;
  readonly onPick: (layer: string) => void;
}

export function describeBar(bar: LayerBar): string {
  if (bar.says !== undefined) return bar.says;
  if (bar.before !== null) {
    return `${formatBytes(bar.before)} → ${formatBytes(bar.value)} (${formatChange(bar.before, bar.value)})`;
  }
  if (bar.excluded) return 'excluded, stays as it is';
  return bar.exact ? 'exact: no error' : `${bar.value.toFixed(1)} dB SQNR`;
}

/** The highest thing drawn for a layer. */
export function topOf(bar: LayerBar): number {
  return Math.max(bar.before ?? bar.value, ...(bar.parts ?? []).map((part) => part.value));
}

/** Round ticks from zero to just above the highest value, four to six of them; the last is the top of the axis. */
export function ticksTo(most: number): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const unit = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.25, 0.5, 1, 2].map((part) => part * unit).find((size) => most / size <= 5) ?? unit * 2;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_one, at) => at * step);
}

/** Round ticks between two values, three to six of them. */
export function ticksBetween(low: number, high: number): readonly number[] {
  if (!(high > low)) return [low];
  const unit = 10 ** Math.floor(Math.log10(high - low));
  const step = [0.1, 0.2, 0.5, 1].map((part) => part * unit).find((size) => (high - low) / size <= 5) ?? unit * 2;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_one, at) => Number(((first + at) * step).toPrecision(12)));
}

/** Text of a tick on the value axis. */
export function tickText(kind: 'error' | 'size', value: number): string {
  return kind === 'error' ? String(Math.round(value)) : value === 0 ? '0' : formatBytes(value).replace('.00', '');
}
