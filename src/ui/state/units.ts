/** How figures are written: bytes, counts, decibels, shares and durations, always with their unit. */

const THIN = '\u202f';

/** Decimal units, as file managers and stores count them: `3.48 MB`. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${bytes}${THIN}B`;
  return scaled(bytes, ['kB', 'MB', 'GB', 'TB']);
}

/** Large counts in three digits: `1.28 M`; small ones in full. */
export function formatCount(count: number): string {
  return count < 10_000 ? String(count) : scaled(count, ['k', 'M', 'G', 'T']);
}

/** Signal-to-noise in dB; equal weights have no noise at all, which is said instead of a number. */
export function formatDb(db: number | null): string {
  if (db === null || Number.isNaN(db)) return '–';
  if (db === Infinity) return 'exact';
  if (db === -Infinity) return 'lost';
  return `${db.toFixed(1)}${THIN}dB`;
}

/** A share between 0 and 1 as percent; anything above zero never reads as zero. */
export function formatShare(share: number): string {
  const percent = share * 100;
  if (percent === 0) return `0${THIN}%`;
  if (percent > 0 && percent < 0.1) return `<${THIN}0.1${THIN}%`;
  return `${percent.toFixed(percent < 10 ? 1 : 0)}${THIN}%`;
}

/** Change from `before` to `after` in percent with its sign: `−74 %`. */
export function formatChange(before: number, after: number): string {
  if (before === 0) return '–';
  const percent = ((after - before) / before) * 100;
  if (Math.abs(percent) < 0.05) return `±0${THIN}%`;
  const digits = Math.abs(percent) < 10 ? 1 : 0;
  return `${percent < 0 ? '−' : '+'}${Math.abs(percent).toFixed(digits)}${THIN}%`;
}

export function formatDuration(ms: number): string {
  if (ms < 1) return `<${THIN}1${THIN}ms`;
  return ms < 1000 ? `${Math.round(ms)}${THIN}ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)}${THIN}s`;
}

/** Sizes of a tensor: `64 × 3 × 3 × 3`; named sizes keep their name, unknown ones read `?`. */
export function formatShape(shape: readonly (number | string | null)[] | null | undefined): string {
  if (shape === null || shape === undefined) return 'unknown';
  return shape.length === 0 ? 'scalar' : shape.map((size) => size ?? '?').join('×');
}

/** Small errors such as a mean square, in three digits. */
export function formatSmall(value: number): string {
  if (value === 0) return '0';
  const size = Math.abs(value);
  return size >= 0.001 && size < 10_000 ? String(Number(value.toPrecision(3))) : value.toExponential(2);
}

function scaled(value: number, units: readonly string[]): string {
  let rest = value / 1000;
  let at = 0;
  while (rest >= 999.5 && at < units.length - 1) {
    rest /= 1000;
    at += 1;
  }
  const digits = rest < 9.995 ? 2 : rest < 99.95 ? 1 : 0;
  return `${rest.toFixed(digits)}${THIN}${units[at]}`;
}
