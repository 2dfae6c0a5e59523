/**
 * A table of numbers (CSV, TSV): one sample a row. The file is looked through once, to find where rows start and which are broken;
 * rows are then read and parsed when they are asked for, so that a table of any size takes 8 bytes a row.
 */
import Papa from 'papaparse';
import type { ByteSource, Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { FoundLabels } from '#data/labels/find-labels.ts';
import { columnOf, couldBeLabels } from '#data/labels/label-column.ts';
import { isNamedLabel } from '#data/labels/label-table.ts';
import { isNumber, looksLikeHeader } from '#data/labels/text-table.ts';
import { readRowStarts } from './row-starts.ts';

export interface DataTable {
  readonly file: string;
  readonly columns: readonly string[];
  /** Columns of numbers by index; the others are text. */
  readonly numeric: readonly number[];
  /** Columns that could hold the label, by index in the order of `FoundLabels.columns`. */
  readonly labelColumns: readonly number[];
  readonly rows: number;
  /** Numbers of one row in these columns; rejects where the row is broken or a cell holds none. */
  read(row: number, columns: readonly number[]): Promise<Float64Array<ArrayBuffer>>;
}

export interface FoundTable {
  readonly table: DataTable;
  readonly labels: FoundLabels;
  readonly label: string;
  readonly notices: readonly Notice[];
}

const MOST_COLUMNS = 100_000;
const MOST_NAMED = 20;

export async function openTable(files: Files, signal: AbortSignal | undefined): Promise<FoundTable> {
  const [entry] = files;
  if (entry === undefined) throw new PareError({ code: 'data/no-table', problem: 'There is no table.' });
  const [path, source] = entry;
  const shape = await shapeOf(path, source);
  const { columns, delimiter, hasHeader } = shape;
  const parse = (text: string): readonly (readonly string[])[] => parseWith(text, delimiter);
  const candidates = labelCandidates(columns, hasHeader);
  const cells = new Map(candidates.map((column): [number, (string | null)[]] => [column, []]));
  const numbers = new Float64Array(columns.length);
  const problems: Notice[] = [];
  let broken = 0;
  let rows = 0;
  const starts = await readRowStarts(path, source, { delimiter, parse }, signal, (row) => {
    const index = rows - (hasHeader ? 1 : 0);
    rows += 1;
    if (index < 0) return;
    if (row.length !== columns.length) {
      broken += 1;
      if (problems.length < MOST_NAMED) problems.push(wrongWidth(path, index, row.length, columns.length));
    }
    for (let column = 0; column < columns.length; column++) {
      const cell = row[column] ?? '';
      if (isNumber(cell)) numbers[column] = (numbers[column] ?? 0) + 1;
      cells.get(column)?.push(cell);
    }
  });
  checkCancelled(signal);
  const count = rows - (hasHeader ? 1 : 0);
  if (count < 1) throw new PareError({ code: 'data/empty-table', file: path, problem: 'The table has no rows.' });
  const numeric = columns.map((_, index) => index).filter((index) => (numbers[index] ?? 0) > count / 2);
  const labelColumns = candidates.filter((column) => {
    const texts = cells.get(column) ?? [];
    return (
      couldBeLabels(texts, isNamedLabel(columns[column] ?? '')) &&
      !texts.some((text) => /^\s*\d+\.\d*\s*$/.test(text ?? ''))
    );
  });
  const found = labelColumns.map((column) => ({
    ...columnOf(columns[column] ?? '', cells.get(column) ?? [], null),
    place: column,
  }));
  const skip = hasHeader ? 1 : 0;
  const table: DataTable = {
    file: path,
    columns,
    numeric,
    labelColumns,
    rows: count,
    async read(row, wanted) {
      const from = starts[row + skip] ?? 0;
      const to = starts[row + skip + 1] ?? source.sizeBytes;
      const [parsed = []] = parse(new TextDecoder().decode(await source.read(from, to - from)));
      return numbersIn(parsed, { file: path, row, columns, wanted });
    },
  };
  const notices: Notice[] = [];
  if (broken > 0) {
    const text = `${broken} of ${count} rows do not have ${columns.length} cells and will be skipped.`;
    notices.push({ level: 'warning', code: 'data/broken-rows', text, at: path }, ...problems);
  }
  const label = `${count} rows of ${columns.length} columns`;
  return { table, labels: { columns: found, names: null, notices: [] }, label, notices };
}

interface TableShape {
  readonly columns: readonly string[];
  readonly delimiter: string;
  readonly hasHeader: boolean;
}

const HEAD_BYTES = 256 * 1024;

/** Separator, header and width from the first rows. */
async function shapeOf(path: string, source: ByteSource): Promise<TableShape> {
  const head = await source.read(0, Math.min(HEAD_BYTES, source.sizeBytes));
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) {
    const problem = 'It is written in UTF-16, and tables of numbers are read in UTF-8.';
    throw new PareError({ code: 'data/encoding', file: path, problem, hint: 'Save it again as UTF-8.' });
  }
  const parsed = Papa.parse<string[]>(new TextDecoder().decode(head), { skipEmptyLines: 'greedy', preview: 50 });
  if (parsed.meta.linebreak === '\r') {
    const problem = 'Its lines end with a carriage return alone, as on old Macintoshes.';
    throw new PareError({ code: 'data/line-ends', file: path, problem, hint: 'Save it again with Unix line ends.' });
  }
  const rows = parsed.data;
  const hasHeader = looksLikeHeader(rows);
  const [first = []] = rows;
  const width = (hasHeader ? first : mostCommonWidth(rows)).length;
  if (width === 0) throw new PareError({ code: 'data/empty-table', file: path, problem: 'The table has no rows.' });
  if (width > MOST_COLUMNS) {
    const problem = `It has ${width} columns; up to ${MOST_COLUMNS} are read.`;
    throw new PareError({ code: 'data/too-wide', file: path, problem, hint: 'Save it as an array (.npy).' });
  }
  const columns = Array.from({ length: width }, (_, index) => {
    const name = hasHeader ? (first[index] ?? '').trim() : '';
    return name === '' ? `column ${index + 1}` : name;
  });
  return { columns, delimiter: parsed.meta.delimiter, hasHeader };
}

function mostCommonWidth(rows: readonly (readonly string[])[]): readonly string[] {
  const counts = new Map<number, number>();
  for (const { length } of rows) counts.set(length, (counts.get(length) ?? 0) + 1);
  const [width = 0] = [...counts].toSorted(([, a], [, b]) => b - a)[0] ?? [];
  return rows.find(({ length }) => length === width) ?? [];
}

function parseWith(text: string, delimiter: string): readonly (readonly string[])[] {
  return Papa.parse<string[]>(text, { skipEmptyLines: 'greedy', delimiter }).data;
}

/** Columns that a header calls labels; without those the first and the last, where labels stand when nothing says so. */
function labelCandidates(columns: readonly string[], hasHeader: boolean): readonly number[] {
  const named = columns.flatMap((name, index) => (isNamedLabel(name) ? [index] : []));
  if (hasHeader && named.length > 0) return named;
  return columns.length < 2 ? [] : [0, columns.length - 1];
}

function wrongWidth(file: string, row: number, cells: number, columns: number): Notice {
  const text = `${file}: row ${row} has ${cells} cells instead of ${columns}.`;
  return { level: 'warning', code: 'data/row-width', text, at: `row ${row}` };
}

function numbersIn(
  cells: readonly string[],
  place: {
    readonly file: string;
    readonly row: number;
    readonly columns: readonly string[];
    readonly wanted: readonly number[];
  },
): Float64Array<ArrayBuffer> {
  const { file, row, columns, wanted } = place;
  const refuse = (problem: string): PareError =>
    new PareError({
      code: 'data/bad-row',
      file,
      place: `row ${row}`,
      problem,
      hint: 'Correct it, or take the row out.',
    });
  if (cells.length !== columns.length) throw refuse(`It has ${cells.length} cells instead of ${columns.length}.`);
  const values = new Float64Array(wanted.length);
  wanted.forEach((column, at) => {
    const cell = cells[column] ?? '';
    if (!isNumber(cell)) {
      const what = cell.trim() === '' ? 'is empty' : `holds "${cell.trim().slice(0, 40)}"`;
      throw refuse(`${columns[column] ?? ''} ${what} where a number should be.`);
    }
    values[at] = Number(cell);
  });
  return values;
}
