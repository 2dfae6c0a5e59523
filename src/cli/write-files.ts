/** Writes outputs piece by piece into a temporary folder and moves them when all are complete: nobody ever sees half a file. */
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isRange } from '#base/bytes.ts';
import type { Chunk, Files, OutputFile } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { OpenModel } from '#studio/workshop.ts';
import { isFileSource } from './file-source.ts';

/** Ranges of the original are copied in pieces of this size. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** Refuses outputs that would overwrite a file of the model that they are made from. */
export function refuseOverwriting(paths: readonly string[], originals: Files): void {
  const identities = new Set([...originals.values()].filter(isFileSource).map((source) => source.identity));
  for (const path of paths) {
    if (!existsSync(path)) continue;
    const stat = statSync(path);
    if (stat.isDirectory()) {
      throw new PareError({ code: 'cli/output-folder', file: path, problem: 'it is a folder, not a file.' });
    }
    if (identities.has(`${stat.dev}:${stat.ino}`)) {
      throw new PareError({
        code: 'cli/overwrite',
        file: path,
        problem: 'the output would overwrite the model that it is made from.',
        hint: 'Choose another name with -o.',
      });
    }
  }
}

/** What -o names: a file, or a folder that exists, in which the model gets its own name. */
export function outputPath(output: string, open: Pick<OpenModel, 'files' | 'name' | 'model'>): string {
  if (!existsSync(output) || !statSync(output).isDirectory()) return output;
  const isOnnx = open.model.source.format === 'onnx';
  return join(output, isOnnx ? basename([...open.files.keys()][0] ?? 'model.onnx') : `${open.name}.onnx`);
}

/**
 * Writes into a folder beside the goal, lets `judge` look at the first file there, and moves all to their names when it does not
 * throw: what is refused is not kept.
 */
export async function writeJudged<T>(
  folder: string,
  files: readonly OutputFile[],
  signal: AbortSignal,
  judge: (path: string) => Promise<T>,
): Promise<T> {
  const staging = stagingFolder(folder);
  try {
    await writeFiles(staging, files, signal);
    const verdict = await judge(join(staging, files[0]?.path ?? ''));
    moveFiles(staging, folder, files);
    return verdict;
  } finally {
    rmSync(staging, { recursive: true, force: true });
  }
}

function stagingFolder(folder: string): string {
  try {
    if (!existsSync(folder)) throw new Error('absent');
    return mkdtempSync(join(folder, '.pare-'));
  } catch (error) {
    const problem = existsSync(folder) ? 'nothing may be written there.' : 'there is no such folder.';
    throw new PareError(
      { code: 'cli/write', file: folder, problem, hint: 'Choose another place with -o.' },
      { cause: error },
    );
  }
}

/** Writes all files below `folder`, which should be a temporary one: a failure leaves there what was written so far. */
export async function writeFiles(folder: string, files: readonly OutputFile[], signal?: AbortSignal): Promise<void> {
  for (const file of files) {
    const path = join(folder, file.path);
    try {
      mkdirSync(dirname(path), { recursive: true });
      await writeChunks(path, file.chunks, signal);
    } catch (error) {
      throw explained(error, file.path);
    }
  }
}

/** Moves complete files from the temporary folder to where they belong, replacing what is there. */
export function moveFiles(from: string, to: string, files: readonly OutputFile[]): void {
  for (const file of files) {
    const path = join(to, file.path);
    try {
      mkdirSync(dirname(path), { recursive: true });
      renameSync(join(from, file.path), path);
    } catch (error) {
      throw explained(error, path);
    }
  }
}

async function writeChunks(path: string, chunks: readonly Chunk[], signal?: AbortSignal): Promise<void> {
  const descriptor = openSync(path, 'w');
  try {
    const piece = new Uint8Array(PIECE_BYTES);
    for (const chunk of chunks) {
      checkCancelled(signal);
      if (!isRange(chunk)) {
        writeAll(descriptor, chunk);
        continue;
      }
      const { source } = chunk;
      for (let at = 0; at < chunk.length; at += PIECE_BYTES) {
        checkCancelled(signal);
        const length = Math.min(PIECE_BYTES, chunk.length - at);
        if (isFileSource(source)) {
          await source.readInto(piece.subarray(0, length), chunk.offset + at);
          writeAll(descriptor, piece.subarray(0, length));
        } else {
          writeAll(descriptor, await source.read(chunk.offset + at, length));
        }
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

function writeAll(descriptor: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.byteLength;) at += writeSync(descriptor, bytes, at, bytes.byteLength - at);
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'nothing may be written there.',
  EPERM: 'nothing may be written there.',
  EROFS: 'nothing may be written there.',
  ENOSPC: 'the disk is full.',
  ENOTDIR: 'a part of the path is a file, not a folder.',
  EEXIST: 'a part of the path is a file, not a folder.',
};

function explained(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return error;
  const problem = REASONS[String(error.code)] ?? `writing failed (${String(error.code)}).`;
  return new PareError({ code: 'cli/write', file, problem }, { cause: error });
}
