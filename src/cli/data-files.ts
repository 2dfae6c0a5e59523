/** What --data may be: a file, a zip, or a folder. Files of a folder are opened one at a time, when they are read. */
import { closeSync, existsSync, openSync, readSync, readdirSync, statSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import type { ByteSource, Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { checkRange } from '#base/sources.ts';
import { openOrExplain } from './model-files.ts';

/** Names alone of more than this would take longer to list than a person waits. */
const MOST_FILES = 1_000_000;

/** By path below the folder, slashes forward; a single file under its own name. Nothing is read yet. */
export function dataFiles(path: string): Files {
  if (!existsSync(path)) {
    throw new PareError({
      code: 'cli/no-data',
      file: path,
      problem: 'there is no such file or folder.',
      hint: 'Check the path after --data.',
    });
  }
  if (!statSync(path).isDirectory()) return new Map([[basename(path), openOrExplain(path, basename(path))]]);
  const entries = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  if (entries.length > MOST_FILES) {
    throw new PareError({
      code: 'cli/too-many-files',
      file: path,
      problem: `the folder holds ${entries.length} files, more than the ${MOST_FILES} that are looked through.`,
      hint: 'Give a folder with the samples that matter.',
    });
  }
  const files = entries.map((entry) => join(entry.parentPath, entry.name)).toSorted();
  return new Map(
    files.map((file) => {
      const name = relative(path, file).split(sep).join('/');
      return [name, briefSource(file, name)];
    }),
  );
}

/** Holds no descriptor between reads: a folder may have more files than a process may open. */
function briefSource(path: string, name: string): ByteSource {
  const { size } = statSync(path);
  return {
    name,
    sizeBytes: size,
    async read(offset, length) {
      checkRange(name, size, offset, length);
      const bytes = new Uint8Array(length);
      const descriptor = openExplained(path);
      try {
        for (let at = 0; at < length;) {
          const count = readSync(descriptor, bytes, at, length - at, offset + at);
          if (count === 0) checkRange(name, offset + at, offset, length);
          at += count;
        }
      } finally {
        closeSync(descriptor);
      }
      return bytes;
    },
  };
}

function openExplained(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    throw new PareError(
      { code: 'cli/unreadable', file: path, problem: `it could not be opened (${reason}).` },
      { cause: error },
    );
  }
}
