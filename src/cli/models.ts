/** Opens MODEL arguments for the commands, and makes them ready for the native runtime. */
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { RunnableModel } from '#runtimes/runtime.ts';
import { openModel } from '#studio/open.ts';
import { originalFiles } from '#studio/save.ts';
import type { OpenModel } from '#studio/workshop.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import type { Terminal } from './command.ts';
import { isFileSource } from './file-source.ts';
import { modelFiles } from './model-files.ts';

/** The model at a path; failures name the path as it was given. */
export async function openPath(path: string, signature?: string): Promise<OpenModel> {
  const { files, find } = modelFiles(path);
  try {
    return await openModel(files, { find, signature });
  } catch (error) {
    throw error instanceof PareError ? error.inFile(path) : error;
  }
}

/** For the runtime: by path where it lies on disk, so that it is not read into memory twice; of an archive or another format as bytes. */
export async function runnableAt(open: OpenModel): Promise<RunnableModel> {
  const [main] = open.files.values();
  const isOnnx = open.model.source.format === 'onnx';
  if (isOnnx && main !== undefined && isFileSource(main)) return { name: open.name, model: { path: main.path } };
  return runnableOf(await originalFiles(open));
}

/** Remarks go to stderr, so that stdout holds the answer alone. */
export function printNotices(notices: readonly Notice[], terminal: Terminal): void {
  for (const notice of notices) {
    terminal.note(`${notice.level}: ${notice.at === undefined ? '' : `${notice.at}: `}${notice.text}`);
  }
}
