/**
 * Use case: hands a result over only after it was opened again: by our own reader for its structure, and by onnxruntime,
 * in a worker that is thrown away, for its outputs. Untouched weights are parts of the dropped file, never copies.
 */
import { sizeOfChunks, sizeOfFiles, type OutputFile } from '#base/bytes.ts';
import { Cancelled, checkCancelled, PareError } from '#base/failure.ts';
import { zippedBytesFigure } from '#measure/sizes.ts';
import { compareModels, originalFiles } from './compare.ts';
import type { Comparison, Saved } from './jobs.ts';
import { openModel } from './open.ts';
import type { OpenRuntime } from '#runtimes/runtime.ts';
import type { OpenModel, Optimized, WorkContext } from './workshop.ts';
import { blobOf, filesOf, writeModel } from './write.ts';

export { originalFiles } from './compare.ts';

/** Larger results are not deflated just to know a size: that would take longer than a person waits. */
const MOST_ZIPPED_BYTES = 200e6;
/** Both models together; a runtime in a tab needs up to 2.6 times a model's bytes. */
const MOST_VERIFIED_BYTES = 1e9;

const VERIFY_INPUTS = { runs: 2, seed: 1 };

export async function saveResult(
  open: OpenModel,
  result: Optimized,
  wish: { readonly verify: boolean },
  context: WorkContext & { readonly openRuntime: OpenRuntime | null },
): Promise<Saved> {
  const tell = (label: string, done: number): void => context.onProgress?.({ label, done, of: 10 });
  tell('Writing the model', 0);
  const files = await writeModel(result, { path: resultName(open) });
  checkCancelled(context.signal);
  tell('Opening it again', 1);
  await reopened(files, result);
  checkCancelled(context.signal);
  const verified = wish.verify
    ? await verify(open, files, context)
    : { verified: null, notVerified: 'It was not asked for.' };
  const sizeBytes = sizeOfFiles(files);
  tell('Measuring its size when zipped', 8);
  const zippedBytes = sizeBytes > MOST_ZIPPED_BYTES ? null : await zippedBytesFigure(files, context.signal);
  tell('Handing it over', 9);
  const saved = [];
  for (const file of files) {
    saved.push({ path: file.path, blob: await blobOf(file), sizeBytes: sizeOfChunks(file.chunks) });
  }
  return { files: saved, ...verified, zippedBytes };
}

/** `model.onnx` becomes `model.pared.onnx`, so that a download never hides the original; a folder goes by its model's name. */
export function resultName(open: Pick<OpenModel, 'name' | 'files'>): string {
  const [path = 'model.onnx'] = open.files.keys();
  const file = path.slice(path.lastIndexOf('/') + 1);
  return `${/\.onnx$/i.test(file) ? file.replace(/\.onnx$/i, '') : open.name}.pared.onnx`;
}

/** What we write, we must be able to read: same inputs, same outputs, no lost layer. */
async function reopened(files: readonly OutputFile[], result: Optimized): Promise<void> {
  const again = await openModel(filesOf(files));
  const names = (model: OpenModel['model'], side: 'inputs' | 'outputs'): string =>
    model.graph[side]
      .map((id) => model.graph.values.get(id))
      .filter((value) => side === 'outputs' || value?.constant === undefined)
      .map((value) => value?.name)
      .join(', ');
  for (const side of ['inputs', 'outputs'] as const) {
    if (names(again.model, side) === names(result.model, side)) continue;
    throw new PareError({
      code: 'studio/written-wrong',
      file: files[0]?.path ?? 'result',
      problem: `opened again it has the ${side} ${names(again.model, side)} instead of ${names(result.model, side)}.`,
      hint: 'This is a fault in Pare: nothing was saved; please report it with the model.',
    });
  }
}

async function verify(
  open: OpenModel,
  files: readonly OutputFile[],
  context: WorkContext & { readonly openRuntime: OpenRuntime | null },
): Promise<{ readonly verified: Comparison | null; readonly notVerified?: string }> {
  const { openRuntime, signal } = context;
  if (openRuntime === null) return { verified: null, notVerified: 'There is no runtime here to run it with.' };
  const bytes = open.fileBytes + sizeOfFiles(files);
  if (bytes > MOST_VERIFIED_BYTES) {
    const size = `${(bytes / 1e9).toFixed(1)} GB`;
    return { verified: null, notVerified: `Original and result take ${size} together: too much to run in a tab.` };
  }
  let hosted: Awaited<ReturnType<OpenRuntime>> | undefined;
  try {
    hosted = await openRuntime(signal);
    const original = { model: open.model, files: await originalFiles(open) };
    const verified = await compareModels(original, files, VERIFY_INPUTS, {
      runtime: hosted.runtime,
      signal,
      onProgress: ({ label, done, of }) => context.onProgress?.({ label, done: 2 + (6 * done) / of, of: 10 }),
    });
    return { verified };
  } catch (error) {
    if (error instanceof Cancelled || signal?.aborted === true) throw new Cancelled();
    if (!(error instanceof PareError)) throw error;
    return { verified: null, notVerified: error.message };
  } finally {
    hosted?.end();
  }
}
