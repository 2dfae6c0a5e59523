/**
 * Where bytes come from and how outputs are composed. A `ByteSource` is read on demand, so a model of any size is opened
 * by reading its structure only; a `Chunk` is either bytes we made or a range of a source that is never copied.
 */

/** Random access to a file's bytes: a dropped `File`, an open descriptor, bytes in memory. */
export interface ByteSource {
  /** Name as the person knows it: a file name or a path inside a folder or zip. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Reads exactly `length` bytes from `offset`; rejects with a `PareError` when they are not there. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** The range as a Blob without reading it, where the source is Blob-backed; otherwise undefined. */
  blob?(offset: number, length: number): Blob;
  /** The bytes themselves where they already lie in memory; lets readers avoid a copy. */
  readonly bytes?: Uint8Array;
}

export interface SourceRange {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
}

/** One piece of an output: bytes made here, or a range of a source that is passed through uncopied. */
export type Chunk = Uint8Array | SourceRange;

/** Path to lazy bytes. A model may be one file, a file with external data, or a folder. */
export type Files = ReadonlyMap<string, ByteSource>;

/** An output file as the list of its pieces in order. */
export interface OutputFile {
  readonly path: string;
  readonly chunks: readonly Chunk[];
  readonly sizeBytes: number;
}

export function isRange(chunk: Chunk): chunk is SourceRange {
  return !(chunk instanceof Uint8Array);
}

export function sizeOfChunks(chunks: readonly Chunk[]): number {
  let size = 0;
  for (const chunk of chunks) size += isRange(chunk) ? chunk.length : chunk.byteLength;
  return size;
}

/** Bytes of files together, dropped or written ones. */
export function sizeOfFiles(files: Iterable<{ readonly sizeBytes: number }>): number {
  let size = 0;
  for (const file of files) size += file.sizeBytes;
  return size;
}

/** Bytes of one chunk, read if they are not in memory. */
export async function readChunk(chunk: Chunk): Promise<Uint8Array> {
  return isRange(chunk) ? chunk.source.read(chunk.offset, chunk.length) : chunk;
}

/** All pieces as one array: only for outputs that are known to be small enough to hold. */
export async function joinChunks(chunks: readonly Chunk[]): Promise<Uint8Array> {
  const all = new Uint8Array(sizeOfChunks(chunks));
  let at = 0;
  for (const chunk of chunks) {
    const bytes = await readChunk(chunk);
    all.set(bytes, at);
    at += bytes.byteLength;
  }
  return all;
}
