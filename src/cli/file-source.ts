/** Files on disk as byte sources, read on demand through one descriptor each. */
import { closeSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import type { ByteSource } from '#base/bytes.ts';
import { checkRange } from '#base/sources.ts';

const readAsync = promisify(read);

/** One read call takes at most 2^31 - 1 bytes; longer ranges are read in several. */
const MOST_PER_READ = 1024 * 1024 * 1024;

export interface FileSource extends ByteSource {
  readonly path: string;
  /** Device and inode: the same file under any name has the same. */
  readonly identity: string;
  readInto(target: Uint8Array, offset: number): Promise<void>;
  close(): void;
}

export function isFileSource(source: ByteSource): source is FileSource {
  return 'identity' in source;
}

/** Opens a file; throws the system's error when it is absent or not readable. `name` is how people know it. */
export function openFileSource(path: string, name: string): FileSource {
  const descriptor = openSync(path, 'r');
  const stat = fstatSync(descriptor);
  const sizeBytes = stat.size;

  async function readInto(target: Uint8Array, offset: number): Promise<void> {
    checkRange(name, sizeBytes, offset, target.byteLength);
    for (let at = 0; at < target.byteLength;) {
      const length = Math.min(MOST_PER_READ, target.byteLength - at);
      const { bytesRead } = await readAsync(descriptor, target, at, length, offset + at);
      // The file became shorter since it was opened.
      if (bytesRead === 0) checkRange(name, offset + at, offset, target.byteLength);
      at += bytesRead;
    }
  }

  return {
    path,
    name,
    sizeBytes,
    identity: `${stat.dev}:${stat.ino}`,
    readInto,
    async read(offset, length) {
      checkRange(name, sizeBytes, offset, length);
      const bytes = new Uint8Array(length);
      // A small read costs less than a trip through the thread pool.
      if (length <= 65_536 && readSync(descriptor, bytes, 0, length, offset) === length) return bytes;
      await readInto(bytes, offset);
      return bytes;
    },
    close: () => closeSync(descriptor),
  };
}
