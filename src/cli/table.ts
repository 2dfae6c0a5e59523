/** Aligned tables and numbers with units, for people at a terminal. */
import { shapeText as sizesText } from '#base/nd-array.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Longer texts are cut in the middle. */
  readonly maxWidth?: number;
}

/** Lines of a table with a head; columns are two spaces apart and no line ends in spaces. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const cells = rows.map((row) => columns.map((column, i) => shorten(row[i] ?? '', column.maxWidth)));
  const widths = columns.map((column, i) =>
    Math.max(column.title.length, ...cells.map((row) => (row[i] ?? '').length)),
  );
  const line = (row: readonly string[]): string =>
    columns
      .map((column, i) => {
        const width = widths[i] ?? 0;
        return column.align === 'right' ? (row[i] ?? '').padStart(width) : (row[i] ?? '').padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), ...cells.map(line)];
}

function shorten(text: string, maxWidth: number | undefined): string {
  if (maxWidth === undefined || text.length <= maxWidth) return text;
  const keep = maxWidth - 3;
  return `${text.slice(0, Math.ceil(keep / 2))}...${text.slice(text.length - Math.floor(keep / 2))}`;
}

const BYTE_UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'];
const COUNT_UNITS = ['', 'k', 'M', 'G', 'T'];

/** `512 bytes`, `1.27 MB`: powers of 1000. */
export function bytesText(bytes: number): string {
  if (bytes === 1) return '1 byte';
  return scaled(bytes, BYTE_UNITS);
}

/** `981`, `25.6 M`. */
export function countText(count: number): string {
  return scaled(count, COUNT_UNITS).trim();
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value;
  let step = 0;
  while (Math.abs(rest) >= 999.5 && step < units.length - 1) {
    rest /= 1000;
    step++;
  }
  const digits = step === 0 ? rest.toString() : rest.toPrecision(3);
  return `${digits} ${units[step] ?? ''}`;
}

/** `27.3 %` */
export function shareText(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)} %` : '';
}

/** `38.21 dB`; equal values have infinite SQNR, and an unknown one is a dash. */
export function decibelText(decibels: number | null): string {
  if (decibels === null || Number.isNaN(decibels)) return '-';
  if (decibels === Infinity) return 'equal';
  return `${decibels.toFixed(2)} dB`;
}

/** `[1, 3, N]`; `?` for a size that is not known, `unknown` for a rank that is not. */
export function shapeText(shape: readonly (number | string | null)[] | null): string {
  return shape === null ? 'unknown' : sizesText(shape);
}
