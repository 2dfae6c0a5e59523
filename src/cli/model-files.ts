/** What MODEL may be: a file with its external data beside it, a folder, or a zip. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import type { ByteSource, Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { openFileSource } from './file-source.ts';

/** A folder with more files than this is not a model's. */
const MOST_FILES = 10_000;

export interface ModelFiles {
  readonly files: Files;
  /** Looks for a file that the model names (external data) in the model's own folder. */
  readonly find: (path: string) => Promise<ByteSource | undefined>;
}

/** The files of a model by path, slashes forward. Nothing is read yet. */
export function modelFiles(path: string): ModelFiles {
  if (!existsSync(path)) {
    throw new PareError({
      code: 'cli/no-file',
      file: path,
      problem: 'there is no such file or folder.',
      hint: 'Check the path.',
    });
  }
  const stat = statSync(path);
  if (stat.isDirectory()) return { files: folderFiles(path), find: async () => undefined };
  if (!stat.isFile()) {
    throw new PareError({ code: 'cli/no-file', file: path, problem: 'it is neither a file nor a folder.' });
  }
  const name = basename(path);
  return {
    files: new Map([[name, openOrExplain(path, name)]]),
    find: async (other) => neighbour(dirname(path), other),
  };
}

/** A file may only name what lies in its own folder: anything else could be any file of this machine. */
function neighbour(folder: string, name: string): ByteSource | undefined {
  const path = join(folder, name);
  if (relative(folder, path).startsWith('..') || !existsSync(path) || !statSync(path).isFile()) return undefined;
  return openOrExplain(path, name);
}

/** Opens a file with a sentence for people when the system refuses. */
export function openOrExplain(path: string, name: string): ByteSource {
  try {
    return openFileSource(path, name);
  } catch (error) {
    const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    const problem =
      reason === 'EACCES' || reason === 'EPERM' ? 'it may not be read.' : `it could not be opened (${reason}).`;
    throw new PareError({ code: 'cli/unreadable', file: path, problem }, { cause: error });
  }
}

function folderFiles(folder: string): Files {
  const files = new Map<string, ByteSource>();
  const paths = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
  if (paths.length > MOST_FILES) {
    throw new PareError({
      code: 'cli/too-many-files',
      file: folder,
      problem: `the folder holds ${paths.length} files, which is too many for a model.`,
      hint: 'Give the model file itself.',
    });
  }
  for (const path of paths) {
    // As a browser names what is dropped: the folder in front.
    const name = [basename(resolve(folder)), ...path.split(sep)].join('/');
    files.set(name, openOrExplain(join(folder, path), name));
  }
  return files;
}
