/** The actions that the first page offers, loaded when the first of them is taken: their code is not needed before. */
import type { DroppedFile, ModelSummary } from '#studio/jobs.ts';
import type { KeptWork } from './keep.ts';

const load = () => import('./actions.ts');

export async function openFiles(files: readonly DroppedFile[]): Promise<void> {
  await (await load()).openFiles(files);
}

/** What a window takes: model files, data beside the open model, or both; asks where names do not tell. */
export async function openDrop(files: readonly DroppedFile[]): Promise<void> {
  await (await import('./drop.ts')).openDrop(files);
}

export async function openSample(file: string): Promise<void> {
  await (await load()).openSample(file);
}

export async function showModels(
  models: readonly { readonly model: ModelSummary; readonly kept: KeptWork | undefined }[],
): Promise<void> {
  if (models.length === 0) return;
  const { showModel } = await load();
  for (const { model, kept } of models) showModel(model, kept);
}

export async function undoEdit(): Promise<void> {
  (await load()).undoEdit();
}

export async function redoEdit(): Promise<void> {
  (await load()).redoEdit();
}

export async function optimize(): Promise<void> {
  await (await load()).optimize();
}
