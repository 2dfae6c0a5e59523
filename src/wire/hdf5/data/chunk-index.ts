/** Where the chunks of a dataset lie: the four kinds of indexes that Python's h5py writes for arrays of fixed size. */
import { type Cursor, damaged } from '#wire/hdf5/structure/cursor.ts';
import { readNewTree, readOldTree } from '#wire/hdf5/structure/btree.ts';
import { type Hdf5Bytes, readBlock, verify } from '#wire/hdf5/structure/file.ts';
import { MAX_LINKS } from '#wire/hdf5/structure/limits.ts';
import type { Layout } from './layout.ts';

export interface ChunkPlace {
  /** First element of the chunk along each axis. */
  readonly start: readonly number[];
  readonly address: number;
  readonly storedBytes: number;
  /** Filters that were left out for this chunk. */
  readonly mask: number;
}

type Chunked = Extract<Layout, { kind: 'chunked' }>;

/** All chunks that were written. */
export async function readChunkPlaces(
  file: Hdf5Bytes,
  layout: Chunked,
  shape: readonly number[],
  chunkBytes: number,
): Promise<readonly ChunkPlace[]> {
  const { address, chunk, index } = layout;
  if (address === null) return [];
  const grid = shape.map((size, axis) => Math.ceil(size / (chunk[axis] ?? 1)));
  const startOf = (number: number): number[] => {
    const start: number[] = [];
    for (let axis = grid.length - 1; axis >= 0; axis--) {
      const count = grid[axis] ?? 1;
      start.unshift((number % count) * (chunk[axis] ?? 1));
      number = Math.floor(number / count);
    }
    return start;
  };
  switch (index.kind) {
    case 'single':
      return [{ start: shape.map(() => 0), address, storedBytes: index.storedBytes ?? chunkBytes, mask: index.mask }];
    case 'implicit': {
      const count = grid.reduce((all, one) => all * one, 1);
      if (count > MAX_LINKS)
        throw damaged(file.name, address, `A dataset has ${count} chunks, which is more than are read.`);
      return Array.from({ length: count }, (_, number) => ({
        start: startOf(number),
        address: address + number * chunkBytes,
        storedBytes: chunkBytes,
        mask: 0,
      }));
    }
    case 'old-tree':
      return readFromOldTree(file, address, shape.length);
    case 'new-tree':
      return readFromNewTree(file, address, chunk, chunkBytes);
    case 'fixed-array':
      return (await readFixedArray(file, address, chunkBytes)).flatMap((place, number) =>
        place === null ? [] : [{ ...place, start: startOf(number) }],
      );
  }
}

async function readFromOldTree(file: Hdf5Bytes, address: number, rank: number): Promise<readonly ChunkPlace[]> {
  // The key of a chunk: bytes stored, filters left out, its first element along each axis and inside an element.
  const entries = await readOldTree(file, address, 1, 8 + 8 * (rank + 1), MAX_LINKS);
  return entries.map(({ key, child }) => {
    const storedBytes = key.u32();
    const mask = key.u32();
    return { storedBytes, mask, address: child, start: Array.from({ length: rank }, () => key.uint(8)) };
  });
}

async function readFromNewTree(
  file: Hdf5Bytes,
  address: number,
  chunk: readonly number[],
  chunkBytes: number,
): Promise<readonly ChunkPlace[]> {
  const { type, records } = await readNewTree(file, address, MAX_LINKS);
  return records.map((record) => {
    const place = record.place();
    let [storedBytes, mask] = [chunkBytes, 0];
    if (type === 11) {
      storedBytes = record.uint(sizeWidth(record, record.left - 8 * chunk.length - 4));
      mask = record.u32();
    } else if (type !== 10) {
      throw record.broken('An index of chunks is a tree of something else.', address);
    }
    return { address: place, storedBytes, mask, start: chunk.map((size) => size * record.uint(8)) };
  });
}

async function readFixedArray(
  file: Hdf5Bytes,
  address: number,
  chunkBytes: number,
): Promise<readonly (Omit<ChunkPlace, 'start'> | null)[]> {
  const { offsetBytes, lengthBytes } = file;
  const head = await readBlock(file, address, 8 + lengthBytes + offsetBytes + 4);
  verify(head);
  head.expect('FAHD');
  head.skip(1);
  const filtered = head.u8() === 1;
  const entryBytes = head.u8();
  const pageBits = head.u8();
  const count = head.length();
  const data = head.maybePlace();
  if (data === null) return [];
  if (count > MAX_LINKS || pageBits > 32) throw head.broken('An index of chunks is too large.', address);

  const entry = (block: Cursor): Omit<ChunkPlace, 'start'> | null => {
    const part = block.part(entryBytes);
    const place = part.maybePlace();
    const storedBytes = filtered ? part.uint(sizeWidth(part, part.left - 4)) : chunkBytes;
    const mask = filtered ? part.u32() : 0;
    return place === null ? null : { address: place, storedBytes, mask };
  };

  const pageEntries = 2 ** pageBits;
  const prefixBytes = 6 + offsetBytes;
  if (count <= pageEntries) {
    const block = await readBlock(file, data, prefixBytes + count * entryBytes + 4);
    verify(block);
    block.expect('FADB');
    block.skip(prefixBytes - 4);
    return Array.from({ length: count }, () => entry(block));
  }
  const pages = Math.ceil(count / pageEntries);
  const bitmapBytes = Math.ceil(pages / 8);
  const block = await readBlock(file, data, prefixBytes + bitmapBytes + 4);
  verify(block);
  block.expect('FADB');
  block.skip(prefixBytes - 4);
  const written = block.take(bitmapBytes);
  const places: (Omit<ChunkPlace, 'start'> | null)[] = [];
  let pageAt = data + prefixBytes + bitmapBytes + 4;
  for (let page = 0; page < pages; page++) {
    const entries = Math.min(pageEntries, count - page * pageEntries);
    const pageBytes = entries * entryBytes + 4;
    // Pages that were never written have a place, but nothing in it.
    const there = ((written[page >> 3] ?? 0) & (0x80 >> (page & 7))) !== 0;
    if (there) {
      const body = await readBlock(file, pageAt, pageBytes);
      verify(body);
      for (let index = 0; index < entries; index++) places.push(entry(body));
    } else {
      for (let index = 0; index < entries; index++) places.push(null);
    }
    pageAt += pageBytes;
  }
  return places;
}

function sizeWidth(record: Cursor, width: number): number {
  if (width >= 1 && width <= 8) return width;
  throw record.broken('An entry of an index of chunks is of an impossible size.');
}
