/** The pictures among dropped files, and what is wrong with some of them as far as their first bytes tell. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import { folderOf } from '#data/files/list-files.ts';
import { MOST_PICTURE_BYTES } from '#data/limits.ts';
import { checkPicture } from './picture-head.ts';

export interface PictureFile {
  readonly path: string;
  readonly source: ByteSource;
}

export interface FoundPictures {
  readonly files: readonly PictureFile[];
  readonly label: string;
  readonly notices: readonly Notice[];
}

/** Enough for the signature and, without a long preface, the size. */
const HEAD_BYTES = 1024;
/** Notices name this many files one by one. */
const MOST_NAMED = 20;

export async function findPictures(found: Files, signal: AbortSignal | undefined): Promise<FoundPictures> {
  const files = Array.from(found, ([path, source]): PictureFile => ({ path, source }));
  const problems: Notice[] = [];
  for (const { path, source } of files) {
    checkCancelled(signal);
    try {
      await checkHead(path, source);
    } catch (error) {
      if (!(error instanceof PareError)) throw error;
      problems.push({ level: 'warning', code: error.parts.code, text: error.message, at: path });
    }
  }
  const folders = new Set(files.map(({ path }) => folderOf(path))).size;
  const what = files.length === 1 ? '1 picture' : `${files.length} pictures`;
  const label = folders > 1 ? `${what} in ${folders} folders` : what;
  return { files, label, notices: summed(problems, files.length) };
}

async function checkHead(path: string, source: ByteSource): Promise<void> {
  if (source.sizeBytes > MOST_PICTURE_BYTES) {
    throw new PareError({
      code: 'picture/too-big',
      file: path,
      problem: `It is ${source.sizeBytes} bytes long; pictures up to ${MOST_PICTURE_BYTES} are read.`,
      hint: 'Make it smaller, or take it out.',
    });
  }
  checkPicture(path, await source.read(0, Math.min(HEAD_BYTES, source.sizeBytes)), false);
}

/** A few problems one by one, and a count of the others. */
export function summed(problems: readonly Notice[], of: number): readonly Notice[] {
  if (problems.length === 0) return [];
  const text = `${problems.length} of ${of} files cannot be read and will be skipped.`;
  const named = problems.slice(0, MOST_NAMED);
  return [{ level: 'warning', code: 'data/unreadable-files', text }, ...named];
}
