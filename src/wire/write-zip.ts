/**
 * Composes a zip archive of stored files. Contents are passed on by reference; they are read once, piece by piece, for
 * their checksums. Archives past 4 GiB get 64-bit fields.
 */
import type { Chunk, OutputFile } from '#base/bytes.ts';
import { isRange, sizeOfChunks } from '#base/bytes.ts';
import type { OnProgress } from '#base/progress.ts';
import { crc32 } from './crc32.ts';

const PIECE = 4 * 1024 * 1024;
const FULL = 0xffffffff;
/** The first moment a zip file can name, so that the same contents give the same archive. */
const DATE = (1 << 5) | 1;
const UTF8_NAMES = 0x0800;

/** The archive as one output file. */
export async function writeZip(
  path: string,
  files: readonly OutputFile[],
  onProgress?: OnProgress,
): Promise<OutputFile> {
  const of = files.reduce((total, file) => total + file.sizeBytes, 0);
  let done = 0;
  const chunks: Chunk[] = [];
  const directory: Uint8Array[] = [];
  let at = 0;
  for (const file of files) {
    let crc = 0;
    for (const chunk of file.chunks) {
      const size = isRange(chunk) ? chunk.length : chunk.byteLength;
      for (let from = 0; from < size; from += PIECE) {
        const length = Math.min(PIECE, size - from);
        const bytes = isRange(chunk)
          ? await chunk.source.read(chunk.offset + from, length)
          : chunk.subarray(from, from + length);
        crc = crc32(bytes, crc);
        done += length;
        onProgress?.({ label: `Packing ${file.path}`, done, of });
      }
    }
    const entry = { name: new TextEncoder().encode(file.path), crc, sizeBytes: file.sizeBytes, headerAt: at };
    const header = localHeader(entry);
    chunks.push(header, ...file.chunks);
    at += header.byteLength + file.sizeBytes;
    directory.push(directoryEntry(entry));
  }
  const length = directory.reduce((total, entry) => total + entry.byteLength, 0);
  chunks.push(...directory, endRecords(files.length, length, at));
  return { path, chunks, sizeBytes: sizeOfChunks(chunks) };
}

interface Entry {
  readonly name: Uint8Array;
  readonly crc: number;
  readonly sizeBytes: number;
  readonly headerAt: number;
}

function localHeader({ name, crc, sizeBytes }: Entry): Uint8Array {
  const wide = sizeBytes >= FULL;
  const extra = wide ? 20 : 0;
  const bytes = new Uint8Array(30 + name.byteLength + extra);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x04034b50, true);
  view.setUint16(4, wide ? 45 : 20, true);
  view.setUint16(6, UTF8_NAMES, true);
  view.setUint16(12, DATE, true);
  view.setUint32(14, crc, true);
  view.setUint32(18, wide ? FULL : sizeBytes, true);
  view.setUint32(22, wide ? FULL : sizeBytes, true);
  view.setUint16(26, name.byteLength, true);
  view.setUint16(28, extra, true);
  bytes.set(name, 30);
  if (wide) wideFields(view, 30 + name.byteLength, [sizeBytes, sizeBytes]);
  return bytes;
}

function directoryEntry({ name, crc, sizeBytes, headerAt }: Entry): Uint8Array {
  const wideSize = sizeBytes >= FULL;
  const wideAt = headerAt >= FULL;
  const fields = [...(wideSize ? [sizeBytes, sizeBytes] : []), ...(wideAt ? [headerAt] : [])];
  const extra = fields.length === 0 ? 0 : 4 + 8 * fields.length;
  const bytes = new Uint8Array(46 + name.byteLength + extra);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x02014b50, true);
  view.setUint16(4, fields.length > 0 ? 45 : 20, true);
  view.setUint16(6, fields.length > 0 ? 45 : 20, true);
  view.setUint16(8, UTF8_NAMES, true);
  view.setUint16(14, DATE, true);
  view.setUint32(16, crc, true);
  view.setUint32(20, wideSize ? FULL : sizeBytes, true);
  view.setUint32(24, wideSize ? FULL : sizeBytes, true);
  view.setUint16(28, name.byteLength, true);
  view.setUint16(30, extra, true);
  view.setUint32(42, wideAt ? FULL : headerAt, true);
  bytes.set(name, 46);
  if (extra > 0) wideFields(view, 46 + name.byteLength, fields);
  return bytes;
}

function wideFields(view: DataView, at: number, fields: readonly number[]): void {
  view.setUint16(at, 1, true);
  view.setUint16(at + 2, 8 * fields.length, true);
  fields.forEach((field, index) => view.setBigUint64(at + 4 + 8 * index, BigInt(field), true));
}

function endRecords(count: number, length: number, at: number): Uint8Array {
  const wide = count >= 0xffff || length >= FULL || at >= FULL;
  const bytes = new Uint8Array((wide ? 76 : 0) + 22);
  const view = new DataView(bytes.buffer);
  if (wide) {
    view.setUint32(0, 0x06064b50, true);
    view.setBigUint64(4, 44n, true);
    view.setUint16(12, 45, true);
    view.setUint16(14, 45, true);
    view.setBigUint64(24, BigInt(count), true);
    view.setBigUint64(32, BigInt(count), true);
    view.setBigUint64(40, BigInt(length), true);
    view.setBigUint64(48, BigInt(at), true);
    view.setUint32(56, 0x07064b50, true);
    view.setBigUint64(64, BigInt(at + length), true);
    view.setUint32(72, 1, true);
  }
  const end = wide ? 76 : 0;
  view.setUint32(end, 0x06054b50, true);
  view.setUint16(end + 8, Math.min(count, 0xffff), true);
  view.setUint16(end + 10, Math.min(count, 0xffff), true);
  view.setUint32(end + 12, Math.min(length, FULL), true);
  view.setUint32(end + 16, Math.min(at, FULL), true);
  return bytes;
}
