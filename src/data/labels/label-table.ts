/** Tables of labels beside data: which column names the items, and which could hold their labels. */
import { PareError } from '#base/failure.ts';
import { baseName, folderOf, stemOf } from '#data/files/list-files.ts';
import type { LabelColumn } from './label-column.ts';
import { columnOf, couldBeLabels } from './label-column.ts';
import type { TextTable } from './text-table.ts';

/** What labels are given to. */
export interface LabelledItems {
  readonly count: number;
  /** Paths of the items, where each is a file; null: rows of an array or a table. */
  readonly paths: readonly string[] | null;
}

export interface MatchedTable {
  /** The likeliest first. */
  readonly columns: readonly LabelColumn[];
  readonly names: readonly string[] | null;
  readonly unmatchedRows: number;
}

/** null: the table says nothing about these items. */
export function matchTable(
  table: TextTable,
  items: LabelledItems,
  names: readonly string[] | null,
): MatchedTable | null {
  const rowOf = items.paths === null ? rowsInOrder(table, items.count) : rowsByPath(table, items.paths);
  if (rowOf === null) return null;
  const found: { readonly column: LabelColumn; readonly cells: readonly (string | null)[]; readonly rank: number }[] =
    [];
  const orders = rowOf.rows.map((row) => (row === -1 ? undefined : table.rows[row]));
  table.columns.forEach((name, index) => {
    if (index === rowOf.column) return;
    const cells = orders.map((row) => row?.[index] ?? null);
    if (!couldBeLabels(cells, isNamedLabel(name))) return;
    const column = columnOf(name, cells, names);
    found.push({ column, cells, rank: rankOf(name, cells, column) });
  });
  const best = found.toSorted((a, b) => b.rank - a.rank);
  const named = best.filter(({ rank }) => rank >= NAMED);
  const columns = (named.length > 0 ? named : best).map(({ column }) => column);
  if (columns.length === 0) return null;
  const matched = rowOf.rows.filter((row) => row !== -1).length;
  return { columns, names: names ?? pairedNames(best), unmatchedRows: table.rows.length - matched };
}

const NAMED = 4;

function rankOf(name: string, cells: readonly (string | null)[], column: LabelColumn): number {
  const constant = new Set(cells).size === 1;
  return (isNamedLabel(name) ? NAMED : 0) + (column.sorted === null ? 2 : 0) + (constant ? -3 : 0);
}

export function isNamedLabel(column: string): boolean {
  const words = column.toLowerCase().split(/[^a-z]+/);
  return words.some((word) => /^(labels?|class(es)?|targets?|y|categor(y|ies)|accepted|truth)$/.test(word));
}

/** Names by index from two columns of the same table: each index has one name and each name one index. */
function pairedNames(
  found: readonly { readonly column: LabelColumn; readonly cells: readonly (string | null)[]; readonly rank: number }[],
): readonly string[] | null {
  const [best] = found;
  if (best === undefined || best.column.sorted !== null) return null;
  const partner = found.find(({ column, rank }) => column.sorted !== null && rank >= NAMED);
  if (partner === undefined) return null;
  const names: string[] = [];
  const indexOf = new Map<string, number>();
  for (let item = 0; item < best.cells.length; item++) {
    const classes = best.column.classes(item);
    const text = partner.column.text(item);
    if (classes === null || text === null) continue;
    const [index] = classes;
    if (index === undefined || classes.length > 1 || index > 100_000) return null;
    if ((names[index] ?? text) !== text || (indexOf.get(text) ?? index) !== index) return null;
    names[index] = text;
    indexOf.set(text, index);
  }
  return Array.from(names, (name, index) => name ?? `class ${index}`);
}

interface Rows {
  /** Column that names the items; -1: rows stand in order. */
  readonly column: number;
  /** By item: its row, or -1. */
  readonly rows: readonly number[];
}

/** A column of row numbers where there is one, else as many rows as items. */
function rowsInOrder(table: TextTable, count: number): Rows | null {
  const numbered = table.columns.findIndex((name) => /^(row|index|id|sample)$/i.test(name.trim()));
  if (numbered !== -1) {
    const rows = Array.from({ length: count }, () => -1);
    const fits = table.rows.every((cells, row) => {
      const item = Number(cells[numbered]);
      if (!Number.isInteger(item) || item < 0 || item >= count) return false;
      rows[item] = row;
      return true;
    });
    if (fits) return { column: numbered, rows };
  }
  return table.rows.length === count ? { column: -1, rows: table.rows.map((_, row) => row) } : null;
}

/** The column whose cells name most of the files: by path, by path from the table's own folder, by name, by name without ending. */
function rowsByPath(table: TextTable, paths: readonly string[]): Rows | null {
  const lookup = pathLookup(paths, folderOf(table.file));
  let best: Rows | null = null;
  let most = 0;
  for (let column = 0; column < table.columns.length; column++) {
    const rows = paths.map(() => -1);
    let matched = 0;
    table.rows.forEach((cells, row) => {
      const item = lookup(cells[column] ?? '');
      if (item === undefined || rows[item] !== -1) return;
      rows[item] = row;
      matched += 1;
    });
    if (matched > most) {
      best = { column, rows };
      most = matched;
    }
  }
  return best;
}

function pathLookup(paths: readonly string[], folder: string): (cell: string) => number | undefined {
  const whole = new Map(paths.map((path, item): [string, number] => [path, item]));
  const short = uniqueNames(paths, baseName);
  const stems = uniqueNames(paths, stemOf);
  return (cell) => {
    const path = cell.trim().replaceAll('\\', '/').replace(/^\.\//, '');
    if (path === '') return undefined;
    const direct = whole.get(path) ?? (folder === '' ? undefined : whole.get(`${folder}/${path}`));
    return direct ?? short.get(baseName(path)) ?? (path.includes('/') ? undefined : stems.get(path));
  };
}

/** Names that one file alone has. */
function uniqueNames(paths: readonly string[], nameOf: (path: string) => string): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  const twice = new Set<string>();
  paths.forEach((path, item) => {
    const name = nameOf(path);
    if (names.has(name)) twice.add(name);
    names.set(name, item);
  });
  for (const name of twice) names.delete(name);
  return names;
}

/** What to say of a table of labels that was asked for and says nothing about the data. */
export function noMatch(table: TextTable, items: LabelledItems): PareError {
  const rows = `${table.rows.length} row${table.rows.length === 1 ? '' : 's'}`;
  return new PareError({
    code: 'data/labels-match-nothing',
    file: table.file,
    problem:
      items.paths === null
        ? `It has ${rows}, and the data has ${items.count}; no column holds row numbers.`
        : `None of its ${rows} names a file of the data, such as ${items.paths[0] ?? '(none)'}.`,
    hint:
      items.paths === null
        ? 'Give one label a row, in the order of the data.'
        : 'Give the path of each file in one column and its label in another.',
  });
}
