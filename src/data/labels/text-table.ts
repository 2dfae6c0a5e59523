/** Small tables of text, such as tables of labels: separators, quotes, byte order marks and headers as they come. */
import Papa from 'papaparse';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { MOST_TEXT_BYTES } from '#data/limits.ts';

export interface TextTable {
  readonly file: string;
  /** Of the first row where that is a header, else `column 1`, `column 2`. */
  readonly columns: readonly string[];
  readonly hasHeader: boolean;
  readonly rows: readonly (readonly string[])[];
}

/** A file of text, whole: UTF-8 with or without a mark, or UTF-16 with one. */
export async function readText(source: ByteSource): Promise<string> {
  if (source.sizeBytes > MOST_TEXT_BYTES) {
    throw new PareError({
      code: 'data/text-too-big',
      file: source.name,
      problem: `It is ${source.sizeBytes} bytes long; tables of labels and lists of names are read up to ${MOST_TEXT_BYTES}.`,
      hint: 'Keep only the columns that matter.',
    });
  }
  return decodeText(await source.read(0, source.sizeBytes));
}

export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  return new TextDecoder().decode(bytes);
}

export async function readTextTable(source: ByteSource): Promise<TextTable> {
  const parsed = parseRows(await readText(source));
  if (parsed.length === 0) {
    throw new PareError({ code: 'data/empty-table', file: source.name, problem: 'The table has no rows.' });
  }
  const hasHeader = looksLikeHeader(parsed);
  const [head = []] = parsed;
  const width = parsed.reduce((most, row) => Math.max(most, row.length), 0);
  const columns = Array.from({ length: width }, (_, index) => {
    const name = hasHeader ? (head[index] ?? '').trim() : '';
    return name === '' ? `column ${index + 1}` : name;
  });
  return { file: source.name, columns, hasHeader, rows: hasHeader ? parsed.slice(1) : parsed };
}

export function parseRows(text: string): readonly (readonly string[])[] {
  return Papa.parse<string[]>(text, { skipEmptyLines: 'greedy' }).data;
}

const HEADER_WORDS =
  /^(files?|file_?names?|paths?|images?|image_?(id|path|name)|names?|ids?|rows?|index|labels?|class(es|_?(index|id|name))?|categor(y|ies)|targets?|y|split)$/i;

/** A first row of words above numbers, or of words that only headers have. */
export function looksLikeHeader(rows: readonly (readonly string[])[]): boolean {
  const [head, next] = rows;
  if (head === undefined) return false;
  if (head.some((cell) => isNumber(cell))) return false;
  if (head.some((cell) => HEADER_WORDS.test(cell.trim()))) return true;
  return next !== undefined && next.some((cell) => isNumber(cell));
}

export function isNumber(cell: string): boolean {
  const text = cell.trim();
  return text !== '' && !Number.isNaN(Number(text));
}
