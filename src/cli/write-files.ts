/** Writes outputs piece by piece into a temporary folder and moves them when all are complete: nobody ever sees half a file. */
import { closeSync, existsSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isRange } from '#base/bytes.ts';
import type { Chunk, Files, OutputFile } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
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
