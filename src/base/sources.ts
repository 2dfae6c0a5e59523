/**
 * Byte sources over memory and over a dropped file. Reading a file's structure means thousands of tiny reads far apart;
 * over a Blob each costs a message to another process, so small reads are served from cached windows. Large ones take the
 * slice at once. Streams (`byob`) are no faster for reads of weights, and in Chromium 156 a read of one sometimes never
 * settles: half of all first previews of a 100 MB model hung until they were replaced.
 */
import type { ByteSource, OutputFile } from './bytes.ts';
import { isRange } from './bytes.ts';
import { PareError } from './failure.ts';

/** Window size for small reads, in bytes. */
const WINDOW = 64 * 1024;
/** Windows kept per source: 4 MiB. */
const WINDOWS_KEPT = 64;
/** Reads up to this size go through windows. */
const SMALL_READ = 16 * 1024;
/** Bytes that already lie in memory. Reads are views into them, never copies. */
export function memorySource(name: string, given: Uint8Array): ByteSource {
  // A subclass may change what the methods mean: `slice` of Node's Buffer does not copy.
  const bytes = new Uint8Array(given.buffer, given.byteOffset, given.byteLength);
  return {
    name,
    sizeBytes: bytes.byteLength,
    bytes,
    read(offset, length) {
      try {
        checkRange(name, bytes.byteLength, offset, length);
      } catch (error) {
        return Promise.reject(error instanceof Error ? error : new Error(String(error)));
      }
      return Promise.resolve(bytes.subarray(offset, offset + length));
    },
  };
}

/** A `Blob` or a dropped `File`, read on demand. Bytes that come back are the caller's own. */
export function blobSource(name: string, blob: Blob): ByteSource {
  const windows = new Map<number, Promise<Uint8Array>>();

  const window = (index: number): Promise<Uint8Array> => {
    const kept = windows.get(index);
    if (kept !== undefined) {
      // Most recently used last, so that the first is the one to let go.
      windows.delete(index);
      windows.set(index, kept);
      return kept;
    }
    const start = index * WINDOW;
    const fresh = sliceBytes(name, blob, start, Math.min(WINDOW, blob.size - start));
    fresh.catch(() => windows.delete(index));
    windows.set(index, fresh);
    const oldest = windows.size > WINDOWS_KEPT ? windows.keys().next().value : undefined;
    if (oldest !== undefined) windows.delete(oldest);
    return fresh;
  };

  const small = async (offset: number, length: number): Promise<Uint8Array> => {
    const out = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const index = Math.floor((offset + at) / WINDOW);
      const bytes = await window(index);
      const from = offset + at - index * WINDOW;
      const piece = bytes.subarray(from, Math.min(from + length - at, bytes.byteLength));
      out.set(piece, at);
      at += piece.byteLength;
    }
    return out;
  };

  return {
    name,
    sizeBytes: blob.size,
    blob: (offset, length) => blob.slice(offset, offset + length),
    async read(offset, length) {
      checkRange(name, blob.size, offset, length);
      if (length <= SMALL_READ) return small(offset, length);
      return sliceBytes(name, blob, offset, length);
    },
  };
}

/** A part of a source as a source of its own, such as a stored member of a zip file. Nothing is copied. */
export function subSource(source: ByteSource, offset: number, length: number, name: string = source.name): ByteSource {
  checkRange(source.name, source.sizeBytes, offset, length);
  const blobOf = source.blob?.bind(source);
  return {
    name,
    sizeBytes: length,
    ...(source.bytes === undefined ? {} : { bytes: source.bytes.subarray(offset, offset + length) }),
    ...(blobOf === undefined ? {} : { blob: (at: number, size: number) => blobOf(offset + at, size) }),
    async read(at, size) {
      checkRange(name, length, at, size);
      return source.read(offset + at, size);
    },
  };
}

/** An output as a source, before it is written anywhere: for opening again what was composed. Nothing is joined. */
export function outputSource(output: OutputFile): ByteSource {
  const { path, sizeBytes, chunks } = output;
  const starts: number[] = [];
  let next = 0;
  for (const chunk of chunks) {
    starts.push(next);
    next += isRange(chunk) ? chunk.length : chunk.byteLength;
  }
  const [only] = chunks;
  const whole = chunks.length === 1 && only !== undefined && !isRange(only) ? { bytes: only } : {};
  return {
    name: path,
    sizeBytes,
    ...whole,
    async read(offset, length) {
      checkRange(path, sizeBytes, offset, length);
      const pieces: Uint8Array[] = [];
      let index = lastNotAfter(starts, offset);
      for (let at = offset; at < offset + length; index++) {
        const chunk = chunks[index];
        if (chunk === undefined) break;
        const from = at - (starts[index] ?? 0);
        const size = Math.min((isRange(chunk) ? chunk.length : chunk.byteLength) - from, offset + length - at);
        if (size <= 0) continue;
        pieces.push(
          isRange(chunk) ? await chunk.source.read(chunk.offset + from, size) : chunk.subarray(from, from + size),
        );
        at += size;
      }
      const [first] = pieces;
      if (pieces.length === 1 && first !== undefined) return first;
      const all = new Uint8Array(length);
      let at = 0;
      for (const piece of pieces) {
        all.set(piece, at);
        at += piece.byteLength;
      }
      return all;
    },
  };
}

/** Index of the last start that is not after `at`; starts ascend. */
function lastNotAfter(starts: readonly number[], at: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Throws unless `length` bytes lie at `offset` of a file of `sizeBytes`. Shared by every kind of source. */
export function checkRange(name: string, sizeBytes: number, offset: number, length: number): void {
  const whole = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (whole && offset + length <= sizeBytes) return;
  throw new PareError({
    code: 'bytes/out-of-range',
    file: name,
    place: `byte ${offset}`,
    problem: `${length} bytes were expected here, but the file ends at byte ${sizeBytes}.`,
    hint: 'The file is cut short or damaged: get it again.',
  });
}

async function sliceBytes(name: string, blob: Blob, offset: number, length: number): Promise<Uint8Array> {
  try {
    const bytes = new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer());
    if (bytes.byteLength === length) return bytes;
  } catch (error) {
    throw unreadable(name, offset, error);
  }
  throw unreadable(name, offset, undefined);
}

function unreadable(name: string, offset: number, cause: unknown): PareError {
  return new PareError(
    {
      code: 'bytes/unreadable',
      file: name,
      place: `byte ${offset}`,
      problem: 'The file can no longer be read.',
      hint: 'It was changed, moved or deleted after it was opened: open it again.',
    },
    { cause },
  );
}
