/** What a model takes: on disk, and after deflate as a download or an app package would take it. */
import { isRange, sizeOfFiles } from '#base/bytes.ts';
import type { Chunk, OutputFile } from '#base/bytes.ts';
import { checkCancelled } from '#base/failure.ts';
import type { Figure } from '#base/figure.ts';

/** Ranges are read in pieces of this size, so that memory stays small whatever the size of the file. */
const PIECE_BYTES = 4 * 1024 * 1024;

export function fileBytesFigure(files: readonly { readonly sizeBytes: number }[]): Figure {
  const value = sizeOfFiles(files);
  return {
    value,
    unit: 'bytes',
    how: 'counted',
    method: files.length === 1 ? 'the file' : `${files.length} files together`,
  };
}

/** Size after deflate (RFC 1951) at the platform's default level, all files together, without the headers of a zip file. */
export async function zippedBytesFigure(files: readonly OutputFile[], signal?: AbortSignal): Promise<Figure> {
  let value = 0;
  for (const file of files) value += await deflatedSize(file.chunks, signal);
  return { value, unit: 'bytes', how: 'measured', method: 'deflate at the default level, without zip headers' };
}

async function deflatedSize(chunks: readonly Chunk[], signal?: AbortSignal): Promise<number> {
  const deflate = new CompressionStream('deflate-raw');
  const writer = deflate.writable.getWriter();
  const reader = deflate.readable.getReader();
  const counted = (async () => {
    let size = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return size;
      size += (value as Uint8Array).byteLength;
    }
  })();
  const written = (async () => {
    try {
      for await (const piece of pieces(chunks)) {
        checkCancelled(signal);
        await writer.write(piece as Uint8Array<ArrayBuffer>);
      }
      await writer.close();
    } catch (error) {
      // Ends the reading side too.
      await writer.abort(error);
      throw error;
    }
  })();
  const [size] = await Promise.all([counted, written]);
  return size;
}

async function* pieces(chunks: readonly Chunk[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    if (!isRange(chunk)) {
      yield chunk;
      continue;
    }
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
      yield await chunk.source.read(chunk.offset + at, Math.min(PIECE_BYTES, chunk.length - at));
    }
  }
}
