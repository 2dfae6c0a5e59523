/** Where the rows of a large text table start, found in one pass over the file. */
import type { ByteSource } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';

const PIECE_BYTES = 1024 * 1024;
const MOST_ROW_BYTES = 16 * 1024 * 1024;
const QUOTE = 0x22;
const NEWLINE = 0x0a;
const RETURN = 0x0d;

export interface RowFormat {
  /** One character of ASCII. */
  readonly delimiter: string;
  readonly parse: (text: string) => readonly (readonly string[])[];
}

/** Start of each row that holds anything, in bytes; `visit` gets each in order, parsed. */
export async function readRowStarts(
  file: string,
  source: ByteSource,
  { delimiter, parse }: RowFormat,
  signal: AbortSignal | undefined,
  visit: (row: readonly string[]) => void,
): Promise<ArrayLike<number>> {
  const between = delimiter.charCodeAt(0);
  let starts = new Float64Array(1024);
  let count = 0;
  const decoder = new TextDecoder();
  const mark = await source.read(0, Math.min(3, source.sizeBytes));
  let at = mark[0] === 0xef && mark[1] === 0xbb && mark[2] === 0xbf ? 3 : 0;
  let carried = new Uint8Array(0);
  while (at < source.sizeBytes) {
    checkCancelled(signal);
    const fresh = await source.read(at, Math.min(PIECE_BYTES, source.sizeBytes - at));
    const first = at - carried.byteLength;
    at += fresh.byteLength;
    const bytes = carried.byteLength === 0 ? fresh : joined(carried, fresh);
    const rows = rowsIn(bytes, between, at >= source.sizeBytes);
    if (bytes.byteLength - rows.end > MOST_ROW_BYTES) throw tooLong(file, first + rows.end);
    for (const { from, to } of rows.list) {
      if (isBlank(bytes, between, from, to)) continue;
      if (count === starts.length) starts = grown(starts);
      starts[count++] = first + from;
    }
    visitRows(bytes, rows, between, (text) => parse(decoder.decode(text)), visit);
    carried = bytes.slice(rows.end);
  }
  return starts.subarray(0, count);
}

interface Rows {
  readonly list: readonly { readonly from: number; readonly to: number }[];
  /** Where the last whole row ends. */
  readonly end: number;
}

/** A line break inside quotes ends no row. Quotes count where a cell starts with one, as the parser has it: 5" pipe is text. */
function rowsIn(bytes: Uint8Array, delimiter: number, isLast: boolean): Rows {
  const list: { readonly from: number; readonly to: number }[] = [];
  let quoted = false;
  let from = 0;
  for (let at = 0; at < bytes.byteLength; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      if (!quoted) quoted = at === from || bytes[at - 1] === delimiter;
      else if (bytes[at + 1] === QUOTE) at += 1;
      else quoted = false;
      continue;
    }
    if (byte !== NEWLINE || quoted) continue;
    list.push({ from, to: at });
    from = at + 1;
  }
  if (isLast && from < bytes.byteLength) {
    list.push({ from, to: bytes.byteLength });
    from = bytes.byteLength;
  }
  return { list, end: from };
}

/** Many rows are parsed at once; one by one where quotes make another number of them. */
function visitRows(
  bytes: Uint8Array,
  rows: Rows,
  delimiter: number,
  parse: (bytes: Uint8Array) => readonly (readonly string[])[],
  visit: (row: readonly string[]) => void,
): void {
  const full = rows.list.filter(({ from, to }) => !isBlank(bytes, delimiter, from, to));
  const parsed = parse(bytes.subarray(0, rows.end));
  if (parsed.length === full.length) {
    for (const row of parsed) visit(row);
    return;
  }
  for (const { from, to } of full) visit(parse(bytes.subarray(from, to))[0] ?? []);
}

/** What the parser skips as empty: nothing but spaces, and, as it has it, separators without anything between. */
function isBlank(bytes: Uint8Array, delimiter: number, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x20 && byte !== delimiter) return false;
    if (byte !== RETURN && byte < 0x09) return false;
  }
  return true;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const all = new Uint8Array(a.byteLength + b.byteLength);
  all.set(a);
  all.set(b, a.byteLength);
  return all;
}

function grown(starts: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(starts.length * 2);
  larger.set(starts);
  return larger;
}

function tooLong(file: string, at: number): PareError {
  return new PareError({
    code: 'data/row-too-long',
    file,
    place: `byte ${at}`,
    problem: `A row is longer than ${MOST_ROW_BYTES} bytes.`,
    hint: 'A quotation mark may be missing its partner.',
  });
}
