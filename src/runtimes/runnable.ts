/** A written model made ready for a runtime that takes bytes: the file and what lies beside it, joined in memory. */
import { isRange, joinChunks, type OutputFile } from '#base/bytes.ts';
import type { RunnableModel } from './runtime.ts';

/** Files as bytes in memory, which is how a runtime in a browser takes them. */
export async function runnableOf(files: readonly OutputFile[]): Promise<RunnableModel> {
  const [main, ...others] = files;
  if (main === undefined) throw new Error('a model is at least one file');
  const externalData = [];
  for (const file of others) externalData.push({ path: locationOf(file.path, main.path), data: await bytesOf(file) });
  return {
    name: main.path,
    model: await bytesOf(main),
    ...(externalData.length === 0 ? {} : { externalData }),
  };
}

/** Data files are named relative to the model's folder. */
function locationOf(path: string, main: string): string {
  const folder = main.slice(0, main.lastIndexOf('/') + 1);
  return path.startsWith(folder) ? path.slice(folder.length) : path;
}

async function bytesOf(file: OutputFile): Promise<Uint8Array> {
  const [only] = file.chunks;
  if (file.chunks.length === 1 && only !== undefined && !isRange(only)) return only;
  return joinChunks(file.chunks);
}
