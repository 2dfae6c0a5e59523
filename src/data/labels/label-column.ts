/** Labels of a data set's items, as one of the columns that could hold them. */

export interface LabelColumn {
  /** Header of the column, name of the array or file, or `folder`. */
  readonly name: string;
  /** Class indices that count as right, before any offset; null: not labelled. */
  classes(item: number): readonly number[] | null;
  /** As it stands in the data. */
  text(item: number): string | null;
  readonly labelled: number;
  /** Smallest and largest index; -1 without any. */
  readonly smallest: number;
  readonly largest: number;
  /** Names that were numbered by sorting them, since nothing said which index each has: null where indices were given. */
  readonly sorted: readonly string[] | null;
  /** Index of the column in the table of data itself. */
  readonly place?: number;
}

/** A cell may hold several accepted indices: `3`, `3|7`, `3;7`, `3 7`. -1 and an empty cell stand for no label. */
const INDICES = /^\s*\d+(\.0+)?(\s*[|;\s]\s*\d+(\.0+)?)*\s*$/;
const MOST_CLASS = 2 ** 31 - 1;

function isUnlabelled(cell: string): boolean {
  const text = cell.trim();
  return text === '' || text === '-1' || text === '-1.0';
}

/**
 * A column from its cells: of indices where every cell is one or several, else of names. `names` by class index, where the data
 * tells them; names that it does not know are sorted and numbered, as Keras and torchvision number folders.
 */
export function columnOf(
  name: string,
  cells: readonly (string | null)[],
  names: readonly string[] | null,
): LabelColumn {
  const given = cells.map((cell) => (cell === null || isUnlabelled(cell) ? null : cell.trim()));
  const distinct = new Set(given.filter((cell) => cell !== null));
  const byIndex = [...distinct].every((cell) => INDICES.test(cell));
  const known = names === null ? null : new Map(names.map((text, index): [string, number] => [text.trim(), index]));
  let sorted: readonly string[] | null = null;
  const classesOf = new Map<string, readonly number[]>();
  if (byIndex) {
    for (const cell of distinct) classesOf.set(cell, indicesIn(cell));
  } else if (known !== null && [...distinct].every((cell) => known.has(cell))) {
    for (const cell of distinct) classesOf.set(cell, [known.get(cell) ?? 0]);
  } else {
    sorted = [...distinct].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
    sorted.forEach((cell, index) => classesOf.set(cell, [index]));
  }
  const indices = [...classesOf.values()].flat();
  return {
    name,
    classes: (item) => classesOf.get(given[item] ?? '') ?? null,
    text: (item) => given[item] ?? null,
    labelled: given.filter((cell) => cell !== null).length,
    smallest: indices.reduce((least, index) => Math.min(least, index), indices[0] ?? -1),
    largest: indices.reduce((most, index) => Math.max(most, index), -1),
    sorted,
  };
}

function indicesIn(cell: string): readonly number[] {
  const indices = cell
    .split(/[|;\s]+/)
    .filter((part) => part !== '')
    .map(Number);
  return [...new Set(indices)].filter((index) => index <= MOST_CLASS);
}

/**
 * Whether cells could be labels: indices or names, never fractions. Where the column is not `named` as one, its values must also be
 * few for many items, and no row numbers.
 */
export function couldBeLabels(cells: readonly (string | null)[], named: boolean): boolean {
  const given = cells.filter((cell) => cell !== null && !isUnlabelled(cell)).map((cell) => cell?.trim() ?? '');
  const distinct = new Set(given);
  if (distinct.size === 0) return false;
  if ([...distinct].every((cell) => INDICES.test(cell))) return named || !isCount(given, distinct.size);
  const numbers = [...distinct].filter((cell) => Number.isFinite(Number(cell))).length;
  if (numbers > distinct.size / 2) return false;
  return named || distinct.size <= Math.max(2, given.length / 2);
}

/** Rows numbered from 0 or 1 are no labels. */
function isCount(given: readonly string[], distinct: number): boolean {
  if (distinct < given.length || given.length < 3) return false;
  const first = Number(given[0]);
  return (first === 0 || first === 1) && given.every((cell, index) => Number(cell) === first + index);
}
