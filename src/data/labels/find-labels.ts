/** Where the labels of a data set are: given apart, in a table beside it, in the data itself, or in the names of its folders. */
import type { Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import { createHolding, openIdx, openNpy, openNpz } from '#data/arrays/data-array.ts';
import type { DataArray } from '#data/arrays/data-array.ts';
import { baseName, commonFolder, listFiles, stemOf } from '#data/files/list-files.ts';
import type { SortedFiles } from '#data/files/sort-files.ts';
import { hasLabelShape, isNamedLabels, labelsOf } from './label-array.ts';
import type { LabelColumn } from './label-column.ts';
import { columnOf } from './label-column.ts';
import type { LabelledItems } from './label-table.ts';
import { isNamedLabel, matchTable, noMatch } from './label-table.ts';
import { readText, readTextTable } from './text-table.ts';

export interface FoundLabels {
  /** The likeliest first. */
  readonly columns: readonly LabelColumn[];
  /** By class index. */
  readonly names: readonly string[] | null;
  readonly notices: readonly Notice[];
}

interface Items extends LabelledItems {
  readonly rowLabels: FoundLabels;
}

export async function findLabels(
  sorted: SortedFiles,
  items: Items,
  given: Files | undefined,
  signal: AbortSignal | undefined,
): Promise<FoundLabels> {
  const notices: Notice[] = [...items.rowLabels.notices];
  const columns: LabelColumn[] = [];
  const listed = await namesFrom(sorted.names, items.count);
  let names = listed.names ?? items.rowLabels.names;
  if (given !== undefined && given.size > 0) {
    const apart = await labelsApart(await listFiles(given, signal), items, names);
    columns.push(...apart.columns);
    names ??= apart.names;
  }
  columns.push(...named(items.rowLabels.columns, names));
  if (listed.lines !== null) columns.push(columnOf(listed.file, listed.lines, names));
  for (const [path, source] of sorted.tables) {
    checkCancelled(signal);
    const table = await readTextTable(source);
    const match = matchTable({ ...table, file: path }, items, names);
    const useful = match !== null && columns.length === 0;
    if (useful) {
      columns.push(...match.columns);
      names ??= match.names;
    } else {
      const why = match === null ? `it says nothing about these ${items.count} items` : 'there are labels already';
      notices.push({ level: 'info', code: 'data/table-ignored', text: `${path} is not used: ${why}.`, at: path });
    }
    const unmatched = match?.unmatchedRows ?? 0;
    if (useful && unmatched > 0) {
      const text = `${unmatched} of ${table.rows.length} rows of ${path} name no file of the data.`;
      notices.push({ level: 'warning', code: 'data/unmatched-rows', text, at: path });
    }
  }
  const folders = items.paths === null ? null : folderLabels(items.paths, names);
  if (folders !== null) {
    columns.push(folders);
    names ??= columns.length === 1 ? folders.sorted : null;
  }
  return { columns, names, notices: [...notices, ...missing(columns, items.count)] };
}

function missing(columns: readonly LabelColumn[], count: number): readonly Notice[] {
  const [first] = columns;
  if (first === undefined || first.labelled === count) return [];
  // The outer columns of a table without a header may be numbers like the others: the model decides.
  if (first.place !== undefined && !isNamedLabel(first.name)) return [];
  const text = `${count - first.labelled} of ${count} have no label in ${first.name}.`;
  return [{ level: 'warning', code: 'data/unlabelled', text }];
}

/** Columns of names are numbered anew once a list of names is known. */
function named(columns: readonly LabelColumn[], names: readonly string[] | null): readonly LabelColumn[] {
  if (names === null) return columns;
  return columns.map((column) => {
    if (column.sorted === null || !column.sorted.every((text) => names.includes(text))) return column;
    const index = new Map(names.map((text, at): [string, readonly number[]] => [text, [at]]));
    const used = column.sorted.map((text) => names.indexOf(text));
    return {
      ...column,
      sorted: null,
      smallest: Math.min(...used),
      largest: Math.max(...used),
      classes: (at) => index.get(column.text(at) ?? '') ?? null,
    };
  });
}

interface Listed {
  readonly names: readonly string[] | null;
  /** A file called as a list of names that holds one index for each item: labels. */
  readonly lines: readonly string[] | null;
  readonly file: string;
}

async function namesFrom(files: Files, count: number): Promise<Listed> {
  for (const [path, source] of files) {
    const lines = (await readText(source)).split(/\r?\n/).map((line) => line.trim());
    while (lines.at(-1) === '') lines.pop();
    if (lines.length === 0) continue;
    const numbers = lines.every((line) => /^\d+$/.test(line));
    if (numbers && lines.length === count && count > 1) return { names: null, lines, file: baseName(path) };
    return { names: lines, lines: null, file: path };
  }
  return { names: null, lines: null, file: '' };
}

/** A file of labels that the person named: what does not fit is refused, not passed over. */
async function labelsApart(files: Files, items: Items, names: readonly string[] | null): Promise<FoundLabels> {
  const [entry] = files;
  if (entry === undefined) return { columns: [], names: null, notices: [] };
  const [path, source] = entry;
  const array = await labelArray(path, source);
  if (array !== null) {
    const column = await labelsOf(array, names);
    if ((array.shape[0] ?? 0) !== items.count) throw wrongCount(path, array.shape[0] ?? 0, items.count);
    return { columns: [column], names: null, notices: [] };
  }
  if (/\.(txt|lst)$/i.test(path)) {
    const lines = (await readText(source)).split(/\r?\n/);
    while (lines.at(-1)?.trim() === '') lines.pop();
    const single = lines.every((line) => !/[,\t]/.test(line));
    if (single && lines.length === items.count) {
      return { columns: [columnOf(baseName(path), lines, names)], names: null, notices: [] };
    }
  }
  const table = { ...(await readTextTable(source)), file: path };
  const match = matchTable(table, items, names);
  if (match === null) throw noMatch(table, items);
  return { ...match, notices: [] };
}

async function labelArray(path: string, source: Parameters<typeof openNpy>[1]): Promise<DataArray | null> {
  const holding = createHolding();
  if (/\.npy$/i.test(path)) return openNpy(stemOf(path), source, holding);
  if (/\.npz$/i.test(path)) {
    const arrays = (await openNpz(source, holding)).filter(hasLabelShape);
    const only = arrays.length === 1 ? arrays[0] : arrays.find(({ name }) => isNamedLabels(name));
    if (only !== undefined) return only;
    const problem = 'It holds no array that looks like labels.';
    throw new PareError({ code: 'data/no-labels', file: path, problem, hint: 'Call one of its arrays labels.' });
  }
  return /(idx\d|ubyte|\.idx)/i.test(path) ? openIdx(stemOf(path), source, holding) : null;
}

function wrongCount(file: string, rows: number, count: number): PareError {
  return new PareError({
    code: 'data/label-count',
    file,
    problem: `It has ${rows} labels for ${count} items.`,
    hint: 'Give one label for each, in the order of the data.',
  });
}

/** Names of the folders that files lie in, where there are several and every file lies in one. */
function folderLabels(paths: readonly string[], names: readonly string[] | null): LabelColumn | null {
  const root = commonFolder(paths);
  const skip = root === '' ? 0 : root.length + 1;
  const folders = paths.map((path) => {
    const inner = path.slice(skip);
    const slash = inner.indexOf('/');
    return slash === -1 ? null : inner.slice(0, slash);
  });
  const distinct = new Set(folders);
  return distinct.has(null) || distinct.size < 2 ? null : columnOf('folder', folders, names);
}
