/** Classes that a confusion matrix needs to show: of a thousand, those that are labels or predictions of some sample. */
import type { Classification } from '#studio/jobs.ts';

export interface Involved {
  readonly names: readonly string[];
  /** counts[label][prediction]. */
  readonly counts: readonly (readonly number[])[];
}

export function involvedClasses({ rows, confusion }: Classification): Involved {
  const used = rows.map((_row, at) =>
    confusion.some((line, label) => (line[at] ?? 0) > 0 || (label === at && line.some((count) => count > 0))),
  );
  const kept = rows.flatMap((_row, at) => (used[at] === true ? [at] : []));
  return {
    names: kept.map((at) => rows[at]?.name ?? String(at)),
    counts: kept.map((label) => kept.map((prediction) => confusion[label]?.[prediction] ?? 0)),
  };
}
