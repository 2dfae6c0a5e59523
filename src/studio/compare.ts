/** Use case: original and result run on the same inputs, and how far their outputs are apart. */
import type { NdArray } from '#base/nd-array.ts';
import type { OutputFile } from '#base/bytes.ts';
import { checkCancelled } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Model } from '#ir/model.ts';
import { compareSessions } from '#measure/compare.ts';
import { feedsFromArrays } from '#measure/given-inputs.ts';
import { idLimits } from '#measure/id-limits.ts';
import type { GivenFeeds } from '#measure/random-inputs.ts';
import { workableFeeds } from '#measure/workable-feeds.ts';
import type { Runtime, Session } from '#runtimes/runtime.ts';
import type { Comparison } from './jobs.ts';
import type { OpenModel } from './workshop.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import { writeModel } from './write.ts';

/** Where inputs come from: the person's arrays by name, or seeded random ones. */
export type InputChoice =
  | { readonly arrays: ReadonlyMap<string, NdArray>; readonly file: string }
  | { readonly runs: number; readonly seed: number };

export interface CompareContext {
  readonly runtime: Runtime;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** `model` is the original: it tells how large the ids of integer inputs may be. */
export async function compareModels(
  original: { readonly model: Model; readonly files: readonly OutputFile[] },
  result: readonly OutputFile[],
  inputs: InputChoice,
  context: CompareContext,
): Promise<Comparison> {
  const { runtime, signal, onProgress } = context;
  const tell = (label: string, done: number): void => onProgress?.({ label, done, of: 4 });
  tell('Loading the original into onnxruntime', 0);
  const before = await runtime.load(await runnableOf(original.files));
  checkCancelled(signal);
  tell('Loading the result into onnxruntime', 1);
  const after = await runtime.load(await runnableOf(result));
  checkCancelled(signal);
  const given = await feedsFor(before, inputs, original.model, signal);
  const compared = await compareSessions(before, after, given.feeds, {
    signal,
    onProgress: ({ label, done, of }) => tell(label, 2 + (2 * done) / Math.max(1, of)),
  });
  await before.close();
  await after.close();
  return {
    outputs: compared.outputs,
    method: given.method,
    runtime: runtime.description,
    notices: [...compared.notices, ...notMeasured(inputs)],
  };
}

async function feedsFor(
  session: Session,
  inputs: InputChoice,
  model: Model,
  signal: AbortSignal | undefined,
): Promise<GivenFeeds> {
  if ('arrays' in inputs) return feedsFromArrays(session.inputs, inputs.arrays, inputs.file);
  const { runs, seed } = inputs;
  return workableFeeds(session, { runs, seed, limits: idLimits(model), signal });
}

function notMeasured(inputs: InputChoice): readonly Notice[] {
  if ('arrays' in inputs) return [];
  const text =
    'Random inputs show how far the outputs moved, not whether the model still does its job: give real inputs for that.';
  return [{ level: 'info', code: 'compare/random-inputs', text }];
}

/**
 * The opened model as onnxruntime takes it: the files themselves of an ONNX model, else what it was converted to. A data file
 * that was dropped without its folder gets the place where the model looks for it.
 */
export async function originalFiles(open: OpenModel): Promise<readonly OutputFile[]> {
  const [main = ''] = open.files.keys();
  if (open.model.source.format !== 'onnx') return writeModel(open, { path: `${open.name}.onnx` });
  const folder = main.slice(0, main.lastIndexOf('/') + 1);
  const location = open.files.size === 2 ? open.model.source.externalData : undefined;
  return [...open.files].map(([path, source]) => ({
    path: path === main || location === undefined ? path : folder + location,
    chunks: [{ source, offset: 0, length: source.sizeBytes }],
    sizeBytes: source.sizeBytes,
  }));
}
