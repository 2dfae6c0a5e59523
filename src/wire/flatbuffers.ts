/**
 * FlatBuffers, read lazily over any byte source: a table is fetched when it is asked for, a vector stays a place in the file
 * until its elements are wanted, and small reads share cached pages, so that a file of gigabytes costs the memory of its tables.
 *
 * Every offset, vtable and length is held against the size of the file. The npm package `flatbuffers` is not used for reading:
 * it checks no bounds and needs the whole file in memory.
 *
 * Format: https://flatbuffers.dev/internals/ (little endian; offsets are relative to where they stand).
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';

const PAGE = 64 * 1024;
/** Pages kept: 4 MiB. */
const PAGES_KEPT = 64;
/** No honest file describes itself with more tables than this. */
const MAX_TABLES = 2_000_000;
/** Bytes of structure that are read at most: some times the file, since tables share vtables and vectors. */
const MAX_STRUCTURE_BYTES = 1024 * 1024 * 1024;
const MAX_TEXT_BYTES = 1024 * 1024;

/** A vector's place: the first byte of its elements and their number. */
export interface FlatVector {
  readonly offset: number;
  readonly length: number;
}

/** Opens the root table of a source whose bytes 4 to 8 are `identifier`. */
export async function openFlatBuffer(source: ByteSource, identifier: string): Promise<FlatTable> {
  const reader = new Reader(source);
  const head = await reader.read(0, 8);
  const found = String.fromCharCode(...head.subarray(4, 8));
  if (found !== identifier) {
    throw reader.refuse('identifier', 4, `The file says ${JSON.stringify(found)} where ${identifier} belongs.`);
  }
  return reader.table(await reader.target(0));
}

/** One table: scalars are read at once, everything that lies elsewhere is fetched when asked for. */
export class FlatTable {
  /** Place of the table in the file: two fields that share a table share this. */
  readonly offset: number;
  readonly #reader: Reader;
  readonly #fields: DataView;
  readonly #inline: DataView;

  constructor(reader: Reader, offset: number, fields: DataView, inline: DataView) {
    this.offset = offset;
    this.#reader = reader;
    this.#fields = fields;
    this.#inline = inline;
  }

  get file(): string {
    return this.#reader.source.name;
  }

  has(slot: number): boolean {
    return this.#at(slot, 1) !== undefined;
  }

  bool(slot: number, fallback = false): boolean {
    const at = this.#at(slot, 1);
    return at === undefined ? fallback : this.#inline.getUint8(at) !== 0;
  }

  int8(slot: number, fallback = 0): number {
    const at = this.#at(slot, 1);
    return at === undefined ? fallback : this.#inline.getInt8(at);
  }

  uint8(slot: number, fallback = 0): number {
    const at = this.#at(slot, 1);
    return at === undefined ? fallback : this.#inline.getUint8(at);
  }

  int32(slot: number, fallback = 0): number {
    const at = this.#at(slot, 4);
    return at === undefined ? fallback : this.#inline.getInt32(at, true);
  }

  uint32(slot: number, fallback = 0): number {
    const at = this.#at(slot, 4);
    return at === undefined ? fallback : this.#inline.getUint32(at, true);
  }

  float32(slot: number, fallback = 0): number {
    const at = this.#at(slot, 4);
    return at === undefined ? fallback : this.#inline.getFloat32(at, true);
  }

  /** A 64-bit number that a place or a count can be; others are refused. */
  uint64(slot: number, fallback = 0): number {
    const at = this.#at(slot, 8);
    if (at === undefined) return fallback;
    const value = this.#inline.getBigUint64(at, true);
    if (value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
    throw this.#reader.refuse('number', this.offset + at, `The number ${value} is no place in a file.`);
  }

  async table(slot: number): Promise<FlatTable | undefined> {
    const target = await this.#target(slot);
    return target === undefined ? undefined : this.#reader.table(target);
  }

  /** A vector of tables; `limit` is how many the reader takes. */
  async tables(slot: number, limit: number): Promise<readonly FlatTable[]> {
    const vector = await this.vector(slot, 4);
    if (vector === undefined) return [];
    const offsets = await this.#elements(vector, 4, limit);
    const tables: FlatTable[] = [];
    for (let i = 0; i < vector.length; i++) {
      const at = vector.offset + 4 * i;
      tables.push(await this.#reader.table(this.#reader.resolve(at, offsets.getUint32(4 * i, true))));
    }
    return tables;
  }

  /** A vector's place without its elements, checked to lie in the file. */
  async vector(slot: number, elementBytes: number): Promise<FlatVector | undefined> {
    const target = await this.#target(slot);
    return target === undefined ? undefined : this.#reader.vector(target, elementBytes);
  }

  async bytes(slot: number, limit: number): Promise<Uint8Array> {
    const view = await this.#vectorView(slot, 1, limit);
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  }

  async int32s(slot: number, limit: number): Promise<readonly number[]> {
    const view = await this.#vectorView(slot, 4, limit);
    return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getInt32(4 * i, true));
  }

  async uint16s(slot: number, limit: number): Promise<readonly number[]> {
    const view = await this.#vectorView(slot, 2, limit);
    return Array.from({ length: view.byteLength / 2 }, (_, i) => view.getUint16(2 * i, true));
  }

  async float32s(slot: number, limit: number): Promise<readonly number[]> {
    const view = await this.#vectorView(slot, 4, limit);
    return Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  async int64s(slot: number, limit: number): Promise<readonly bigint[]> {
    const view = await this.#vectorView(slot, 8, limit);
    return Array.from({ length: view.byteLength / 8 }, (_, i) => view.getBigInt64(8 * i, true));
  }

  /** A string; names that are not UTF-8 keep what can be read of them, as their own runtimes do not mind either. */
  async text(slot: number): Promise<string | undefined> {
    if (!this.has(slot)) return undefined;
    return new TextDecoder().decode(await this.bytes(slot, MAX_TEXT_BYTES));
  }

  async #vectorView(slot: number, elementBytes: number, limit: number): Promise<DataView> {
    const vector = await this.vector(slot, elementBytes);
    return vector === undefined ? new DataView(new ArrayBuffer(0)) : this.#elements(vector, elementBytes, limit);
  }

  async #elements(vector: FlatVector, elementBytes: number, limit: number): Promise<DataView> {
    const { offset, length } = vector;
    if (length > limit) {
      throw this.#reader.refuse('too-many', offset, `A list here has ${length} entries; at most ${limit} are read.`);
    }
    return viewOf(await this.#reader.read(offset, length * elementBytes));
  }

  async #target(slot: number): Promise<number | undefined> {
    const at = this.#at(slot, 4);
    return at === undefined ? undefined : this.#reader.resolve(this.offset + at, this.#inline.getUint32(at, true));
  }

  /** Where a field lies in the table, or undefined where it has its default. */
  #at(slot: number, width: number): number | undefined {
    const entry = 4 + 2 * slot;
    if (entry + 2 > this.#fields.byteLength) return undefined;
    const at = this.#fields.getUint16(entry, true);
    if (at === 0) return undefined;
    if (at >= 4 && at + width <= this.#inline.byteLength) return at;
    throw this.#reader.refuse('field', this.offset, `Field ${slot} of the table here lies outside of the table.`);
  }
}

/** Bounds-checked reads through cached pages. */
class Reader {
  readonly source: ByteSource;
  readonly #pages = new Map<number, Promise<Uint8Array>>();
  #tables = 0;
  #bytes = 0;

  constructor(source: ByteSource) {
    this.source = source;
  }

  async table(offset: number): Promise<FlatTable> {
    if (++this.#tables > MAX_TABLES) {
      throw this.refuse('too-many', offset, `The file describes itself with more than ${MAX_TABLES} tables.`);
    }
    const back = viewOf(await this.read(offset, 4)).getInt32(0, true);
    const fieldsAt = offset - back;
    const sizes = viewOf(await this.read(fieldsAt, 4));
    const fieldsLength = sizes.getUint16(0, true);
    const length = sizes.getUint16(2, true);
    if (fieldsLength < 4 || fieldsLength % 2 !== 0 || length < 4) {
      throw this.refuse('table', offset, 'There is no table here, where one belongs.');
    }
    const fields = viewOf(await this.read(fieldsAt, fieldsLength));
    return new FlatTable(this, offset, fields, viewOf(await this.read(offset, length)));
  }

  async vector(offset: number, elementBytes: number): Promise<FlatVector> {
    const length = viewOf(await this.read(offset, 4)).getUint32(0, true);
    if (offset + 4 + length * elementBytes > this.source.sizeBytes) {
      throw this.refuse('vector', offset, `A list of ${length} entries here reaches beyond the end of the file.`);
    }
    return { offset: offset + 4, length };
  }

  /** What the offset that stands at `at` points to. */
  async target(at: number): Promise<number> {
    return this.resolve(at, viewOf(await this.read(at, 4)).getUint32(0, true));
  }

  resolve(at: number, distance: number): number {
    const target = at + distance;
    if (distance >= 4 && target + 4 <= this.source.sizeBytes) return target;
    throw this.refuse('offset', at, 'An offset here points outside of the file.');
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || offset + length > this.source.sizeBytes) {
      throw this.refuse(
        'truncated',
        offset,
        `The structure goes on here, but the file ends at ${this.source.sizeBytes}.`,
      );
    }
    this.#bytes += length;
    if (this.#bytes > Math.min(16 * this.source.sizeBytes + PAGE, MAX_STRUCTURE_BYTES)) {
      throw this.refuse('too-long', offset, 'The structure refers to the same places over and over.');
    }
    if (this.source.bytes !== undefined) return this.source.bytes.subarray(offset, offset + length);
    if (length > PAGE) return this.source.read(offset, length);
    const first = Math.floor(offset / PAGE);
    const from = offset - first * PAGE;
    const page = await this.#page(first);
    if (from + length <= page.byteLength) return page.subarray(from, from + length);
    const joined = new Uint8Array(length);
    joined.set(page.subarray(from));
    joined.set((await this.#page(first + 1)).subarray(0, length - (page.byteLength - from)), page.byteLength - from);
    return joined;
  }

  refuse(code: string, offset: number, problem: string): PareError {
    return new PareError({
      code: `flatbuffers/${code}`,
      file: this.source.name,
      place: `byte ${offset}`,
      problem,
      hint: 'The file is damaged or cut short: get it again.',
    });
  }

  #page(index: number): Promise<Uint8Array> {
    const kept = this.#pages.get(index);
    if (kept !== undefined) {
      // Used last stands last, so that the first is the one to let go.
      this.#pages.delete(index);
      this.#pages.set(index, kept);
      return kept;
    }
    const start = index * PAGE;
    const fresh = this.source.read(start, Math.min(PAGE, this.source.sizeBytes - start));
    fresh.catch(() => this.#pages.delete(index));
    this.#pages.set(index, fresh);
    const oldest = this.#pages.size > PAGES_KEPT ? this.#pages.keys().next().value : undefined;
    if (oldest !== undefined) this.#pages.delete(oldest);
    return fresh;
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
