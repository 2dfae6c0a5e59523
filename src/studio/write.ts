/** Use case: a model as files, and files made ready for a runtime. Nothing untouched is copied before a runtime needs it. */
import type { Files, OutputFile } from '#base/bytes.ts';
import { isRange, readChunk, sizeOfChunks } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { ByteSource, Chunk } from '#base/bytes.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import type { WriteOptions } from '#formats/format.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

/** The model first, then files that belong to it. Refuses what `check` calls a blocker, before anything is written. */
export async function writeModel(
  made: { readonly model: Model; readonly weights: WeightStore },
  options: WriteOptions = {},
): Promise<readonly OutputFile[]> {
  const blocker = onnx.check(made.model).find((notice) => notice.level === 'blocker');
  if (blocker !== undefined) {
    throw new PareError({
      code: blocker.code,
      file: made.model.source.file,
      problem: `it cannot be written: ${blocker.text}`,
      ...(blocker.at === undefined ? {} : { place: blocker.at }),
    });
  }
  return onnx.write(made.model, made.weights, options);
}

/** Our own output as files that can be opened again, without writing or joining it. */
export function filesOf(outputs: readonly OutputFile[]): Files {
  return new Map(outputs.map((file) => [file.path, chunkedSource(file.path, file.chunks)]));
}

/** The whole of an output as a Blob: pieces of dropped files are named, not read. */
export async function blobOf(file: OutputFile): Promise<Blob> {
  const parts: BlobPart[] = [];
  for (const chunk of file.chunks) {
    const part = isRange(chunk) ? chunk.source.blob?.(chunk.offset, chunk.length) : undefined;
    parts.push(part ?? ((await readChunk(chunk)) as Uint8Array<ArrayBuffer>));
  }
  return new Blob(parts, { type: 'application/octet-stream' });
}

function chunkedSource(name: string, chunks: readonly Chunk[]): ByteSource {
  const sizeBytes = sizeOfChunks(chunks);
  const starts: number[] = [];
  let end = 0;
  for (const chunk of chunks) {
    starts.push(end);
    end += isRange(chunk) ? chunk.length : chunk.byteLength;
  }
  return {
    name,
    sizeBytes,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > sizeBytes) {
        throw new PareError({ code: 'bytes/out-of-range', file: name, problem: 'a read goes beyond the end.' });
      }
      const bytes = new Uint8Array(length);
      for (let i = lastAtMost(starts, offset); i < chunks.length; i += 1) {
        const start = starts[i] as number;
        if (start >= offset + length) break;
        const piece = await readPart(chunks[i] as Chunk, Math.max(0, offset - start), offset + length - start);
        bytes.set(piece, Math.max(0, start - offset));
      }
      return bytes;
    },
  };
}

/** Index of the last number that is at most `limit`; `starts` is sorted. */
function lastAtMost(starts: readonly number[], limit: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= limit) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Bytes `from` (inclusive) to `to` (exclusive, may lie beyond the end) of a chunk. */
async function readPart(chunk: Chunk, from: number, to: number): Promise<Uint8Array> {
  if (!isRange(chunk)) return chunk.subarray(from, to);
  const end = Math.min(chunk.length, to);
  return end <= from ? new Uint8Array() : chunk.source.read(chunk.offset + from, end - from);
}
