/** What was done to the bytes of a chunk before they were stored: filter pipeline messages, and undoing them. Specification 3.0, IV.A.2.l. */
import { Unzlib } from 'fflate';
import { PareError } from '#base/failure.ts';
import { type Cursor, damaged, unsupported } from '#wire/hdf5/structure/cursor.ts';
import type { Hdf5Bytes } from '#wire/hdf5/structure/file.ts';
import { MAX_RATIO } from '#wire/hdf5/structure/limits.ts';

export interface Filter {
  readonly id: number;
  readonly values: readonly number[];
}

/** Packed bytes that are handed to the unpacker at a time. */
const STEP = 16 * 1024;
const DEFLATE = 1;
const SHUFFLE = 2;
const FLETCHER32 = 3;
const NAMES: Readonly<Record<number, string>> = {
  4: 'szip',
  5: 'n-bit',
  6: 'scale-offset',
  32000: 'LZF',
  32001: 'Blosc',
};

export function readFilters(body: Cursor): readonly Filter[] {
  const version = body.u8();
  const count = body.u8();
  if (version === 1) body.skip(6);
  if (count > 32 || version > 2) throw body.broken('The list of filters of a dataset is damaged.');
  return Array.from({ length: count }, () => {
    const id = body.u16();
    const nameBytes = version === 1 || id >= 256 ? body.u16() : 0;
    body.skip(2);
    const valueCount = body.u16();
    const from = body.at;
    body.skip(nameBytes);
    if (version === 1) body.align(8, from);
    const values = Array.from({ length: valueCount }, () => body.u32());
    if (version === 1 && valueCount % 2 === 1) body.skip(4);
    return { id, values };
  });
}

/** Refuses filters that cannot be undone, before a byte is read. */
export function checkFilters(file: Hdf5Bytes, filters: readonly Filter[]): void {
  for (const { id } of filters) {
    if (id === DEFLATE || id === SHUFFLE || id === FLETCHER32) continue;
    const problem = `Weights are packed with ${NAMES[id] ?? `filter ${id}`}; only deflate (gzip) is unpacked.`;
    throw unsupported(file.name, file.base, problem, 'Save the model again with Keras, which does not pack weights.');
  }
}

/** The bytes of a chunk as they were before they went through the filters; those whose bit is in `mask` were left out. */
export function undoFilters(
  file: Hdf5Bytes,
  filters: readonly Filter[],
  mask: number,
  stored: Uint8Array,
  chunkBytes: number,
  address: number,
): Uint8Array {
  let bytes = stored;
  for (let index = filters.length - 1; index >= 0; index--) {
    const filter = filters[index];
    if (filter === undefined || (mask & (1 << index)) !== 0) continue;
    if (filter.id === DEFLATE) bytes = inflate(file, bytes, chunkBytes, address);
    else if (filter.id === SHUFFLE) bytes = unshuffle(bytes, filter.values[0] ?? 1);
    else bytes = bytes.subarray(0, Math.max(0, bytes.byteLength - 4));
  }
  if (bytes.byteLength === chunkBytes) return bytes;
  throw damaged(file.name, address, `A chunk unpacks to ${bytes.byteLength} bytes instead of ${chunkBytes}.`);
}

function inflate(file: Hdf5Bytes, stored: Uint8Array, chunkBytes: number, address: number): Uint8Array {
  // Checksums of filters before this one are at most 4 bytes each.
  const most = chunkBytes + 4 * 32;
  if (chunkBytes > stored.byteLength * MAX_RATIO + 64) {
    throw damaged(file.name, address, `A chunk of ${chunkBytes} bytes cannot unpack from ${stored.byteLength}.`);
  }
  const out = new Uint8Array(most);
  let size = 0;
  const stream = new Unzlib((piece) => {
    if (size + piece.byteLength > most) {
      throw damaged(file.name, address, `A chunk unpacks to more than its ${chunkBytes} bytes.`);
    }
    out.set(piece, size);
    size += piece.byteLength;
  });
  try {
    // In small steps, so that one that unpacks to far too much is stopped before it takes long.
    for (let at = 0; at < stored.byteLength; at += STEP) {
      stream.push(stored.subarray(at, at + STEP), at + STEP >= stored.byteLength);
    }
  } catch (error) {
    if (error instanceof PareError) throw error;
    throw damaged(file.name, address, 'The packed bytes of a chunk are damaged.');
  }
  return out.subarray(0, size);
}

/** Bytes of equal rank in their elements were put together; what is left over at the end was not moved. */
function unshuffle(bytes: Uint8Array, elementBytes: number): Uint8Array {
  if (elementBytes < 2 || elementBytes > bytes.byteLength) return bytes;
  const count = Math.floor(bytes.byteLength / elementBytes);
  const out = new Uint8Array(bytes.byteLength);
  for (let byte = 0; byte < elementBytes; byte++) {
    const from = byte * count;
    for (let index = 0; index < count; index++) out[index * elementBytes + byte] = bytes[from + index] ?? 0;
  }
  out.set(bytes.subarray(count * elementBytes), count * elementBytes);
  return out;
}
