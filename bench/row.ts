/** What a benchmark reports: one figure with its unit, how it was taken, and the limit it is held to where there is one. */

export interface BenchRow {
  /** What was measured, in a few words that stay the same from run to run. */
  readonly name: string;
  /** null: it could not be measured here; `method` says why. */
  readonly value: number | null;
  /** `x` for a ratio of two figures of the same run, else `GB/s`, `ms`, `kB`. */
  readonly unit: string;
  readonly limit?: { readonly atLeast: number } | { readonly atMost: number };
  /** How it was taken: sizes, repetitions, which of them counts. */
  readonly method: string;
}

/** Every `bench/*.bench.ts` exports this. */
export interface Bench {
  run(): Promise<readonly BenchRow[]>;
}

/** Whether the figure keeps its limit; null where there is no limit or no figure. */
export function isMet(row: BenchRow): boolean | null {
  if (row.limit === undefined || row.value === null) return null;
  return 'atLeast' in row.limit ? row.value >= row.limit.atLeast : row.value <= row.limit.atMost;
}
