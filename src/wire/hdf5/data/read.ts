/** All bytes of a dataset, row-major and little endian, however they are stored. */
import { PareError } from '#base/failure.ts';
import { swapBytes } from '#wire/elements.ts';
import { damaged } from '#wire/hdf5/structure/cursor.ts';
import { freshBudget, type Hdf5Bytes } from '#wire/hdf5/structure/file.ts';
import { MAX_DATASET_RATIO, MAX_FILLED_BYTES, MAX_OVERHANG, MAX_UNPACKED_BYTES } from '#wire/hdf5/structure/limits.ts';
import { type ChunkPlace, readChunkPlaces } from './chunk-index.ts';
import { elementsOf, type Dataspace } from './dataspace.ts';
import type { Datatype } from './datatype.ts';
import { checkFilters, type Filter, undoFilters } from './filters.ts';
import type { Layout } from './layout.ts';

export interface Stored {
  readonly type: Datatype;
  readonly space: Dataspace;
  readonly layout: Layout;
  readonly filters: readonly Filter[];
  readonly fill: Uint8Array;
}

/** The range of the file that holds the elements as they are, where there is one. */
export function placeOf(
  file: Hdf5Bytes,
  stored: Stored,
): { readonly offset: number; readonly length: number } | undefined {
  const { layout, type } = stored;
  if (layout.kind !== 'contiguous' || layout.address === null || stored.filters.length > 0) return undefined;
  if (type.kind === 'text' || type.kind === 'heap-text') return undefined;
  if (type.kind === 'number' && type.bigEndian && type.sizeBytes > 1) return undefined;
  const length = checkContiguous(file, stored, layout.address, layout.length);
  return { offset: file.base + layout.address, length };
}

export async function readStored(opened: Hdf5Bytes, stored: Stored): Promise<Uint8Array> {
  const { type, space, layout, fill } = stored;
  const file = { ...opened, budget: freshBudget() };
  const length = elementsOf(space) * type.sizeBytes;
  let bytes: Uint8Array;
  if (length === 0) return new Uint8Array(0);
  if (layout.kind === 'compact') {
    if (layout.bytes.byteLength < length) throw short(file, file.base, length, layout.bytes.byteLength);
    bytes = layout.bytes.slice(0, length);
  } else if (layout.kind === 'contiguous') {
    if (layout.address === null) {
      bytes = filled(file, length, length, fill);
    } else {
      checkContiguous(file, stored, layout.address, layout.length);
      bytes = (await file.source.read(file.base + layout.address, length)).slice();
    }
  } else {
    bytes = await readChunked(file, stored, layout, length);
  }
  if (type.kind === 'number' && type.bigEndian) swapBytes(bytes, type.sizeBytes);
  return bytes;
}

async function readChunked(
  file: Hdf5Bytes,
  stored: Stored,
  layout: Extract<Layout, { kind: 'chunked' }>,
  length: number,
): Promise<Uint8Array> {
  const shape = stored.space ?? [];
  const { chunk } = layout;
  const elementBytes = stored.type.sizeBytes;
  checkFilters(file, stored.filters);
  if (chunk.length !== shape.length || chunk.some((size) => size < 1)) {
    throw damaged(
      file.name,
      file.base,
      `Chunks of shape [${chunk.join(', ')}] are not parts of [${shape.join(', ')}].`,
    );
  }
  const chunkBytes = chunk.reduce((all, size) => all * size, elementBytes);
  if (chunkBytes > MAX_UNPACKED_BYTES) throw tooBig(file, chunkBytes);
  const places = await readChunkPlaces(file, layout, shape, chunkBytes);
  const inside = places.filter(({ start }) => start.every((at, axis) => at < (shape[axis] ?? 0)));
  if (inside.length * chunkBytes > MAX_OVERHANG * length + MAX_FILLED_BYTES) throw tooBig(file, length);
  const bytes = filled(file, length, Math.max(0, length - inside.length * chunkBytes), stored.fill);
  const seen = new Set<string>();
  for (const place of inside) {
    const { start, address, mask } = place;
    const key = start.join();
    if (seen.has(key) || start.some((at, axis) => at % (chunk[axis] ?? 1) !== 0)) {
      throw damaged(file.name, address, 'Chunks of a dataset lie over each other.');
    }
    seen.add(key);
    const packed = await readChunk(file, place, chunkBytes);
    const unpacked = undoFilters(file, stored.filters, mask, packed, chunkBytes, address);
    copyChunk(unpacked, bytes, { shape, chunk, start, elementBytes });
  }
  return bytes;
}

async function readChunk(
  file: Hdf5Bytes,
  { address, storedBytes }: ChunkPlace,
  chunkBytes: number,
): Promise<Uint8Array> {
  // Packing never makes bytes much more, and HDF5 leaves them as they are when it would.
  if (storedBytes > chunkBytes * 1.01 + 4096) {
    throw damaged(file.name, address, `A chunk of ${chunkBytes} bytes cannot take ${storedBytes} when it is packed.`);
  }
  return file.source.read(file.base + address, storedBytes);
}

interface Block {
  readonly shape: readonly number[];
  readonly chunk: readonly number[];
  readonly start: readonly number[];
  readonly elementBytes: number;
}

/** Puts the rows of a chunk at their place; what hangs over the edge of the dataset is left out. */
function copyChunk(from: Uint8Array, to: Uint8Array, { shape, chunk, start, elementBytes }: Block): void {
  const rank = shape.length;
  const sizes = shape.map((size, axis) => Math.min(chunk[axis] ?? 0, size - (start[axis] ?? 0)));
  const rowBytes = (sizes[rank - 1] ?? 1) * elementBytes;
  const index = shape.map(() => 0);
  for (;;) {
    let source = 0;
    let target = 0;
    for (let axis = 0; axis < rank; axis++) {
      source = source * (chunk[axis] ?? 1) + (index[axis] ?? 0);
      target = target * (shape[axis] ?? 1) + (start[axis] ?? 0) + (index[axis] ?? 0);
    }
    to.set(from.subarray(source * elementBytes, source * elementBytes + rowBytes), target * elementBytes);
    let axis = rank - 2;
    for (; axis >= 0; axis--) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < (sizes[axis] ?? 0) ? next : 0;
      if (index[axis] !== 0) break;
    }
    if (axis < 0) return;
  }
}

/** Bytes of the fill value; `alone` of them are nothing else, which a small file may not ask for without end. */
function filled(file: Hdf5Bytes, length: number, alone: number, fill: Uint8Array): Uint8Array {
  const most = Math.min(MAX_UNPACKED_BYTES, MAX_DATASET_RATIO * file.source.sizeBytes + MAX_FILLED_BYTES);
  if (length > most || alone > MAX_FILLED_BYTES) throw tooBig(file, length);
  const bytes = new Uint8Array(length);
  if (fill.some((byte) => byte !== 0)) {
    for (let at = 0; at < length; at += fill.byteLength) bytes.set(fill.subarray(0, length - at), at);
  }
  return bytes;
}

/** Length of the range, once it is known to lie in the file. */
function checkContiguous(file: Hdf5Bytes, { type, space }: Stored, address: number, stored: number | null): number {
  const length = elementsOf(space) * type.sizeBytes;
  if (stored !== null && stored < length) throw short(file, file.base + address, length, stored);
  if (file.base + address + length <= file.source.sizeBytes) return length;
  throw short(file, file.base + address, length, Math.max(0, file.source.sizeBytes - file.base - address));
}

function short(file: Hdf5Bytes, address: number, length: number, there: number): PareError {
  return damaged(file.name, address, `A dataset takes ${length} bytes, but ${there} are stored.`);
}

function tooBig(file: Hdf5Bytes, length: number): PareError {
  return new PareError({
    code: 'hdf5/too-big',
    file: file.name,
    problem: `A dataset would unpack to ${length} bytes, most of which the file does not hold.`,
    hint: 'The file is damaged or hostile; if it is neither, save the model again without compression.',
  });
}
