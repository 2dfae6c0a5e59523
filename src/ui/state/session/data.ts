/** Opening data beside a model, trying settings on it, and evaluating models on it. */
import type { DataSettings, DroppedFile, Evaluation, LayerErrors, Lint } from '#studio/jobs.ts';
import { choiceOf, dataKey, settingsOf, stable, type OpenData } from '#ui/state/data/settings.ts';
import { recipeKey, setData } from '#ui/state/recipe/edit.ts';
import { activeModel, activeWork, changeLooks, changeWork, tell, useStudio, type MadeResult } from '#ui/state/store.ts';
import { call, isCancelled, runTask, sentenceOf } from './engine-calls.ts';
import { noteEvaluation, noteLayers } from './variants.ts';

/** Layers are measured on so many samples: errors are averages over elements, of which one sample has many. */
const LAYER_SAMPLES = 16;

/** Files of the data that is open, so that labels can be added to it later. Files are references, not bytes. */
const filesOf = new Map<string, readonly DroppedFile[]>();

export interface Opened {
  readonly modelId: string;
  readonly settings: DataSettings;
}

/** Opens files as data of the active model. Gives the settings that the recipe should now hold. */
export async function openDataFiles(files: readonly DroppedFile[], more: boolean): Promise<Opened | null> {
  const studio = useStudio.getState();
  const model = activeModel(studio);
  const work = activeWork(studio);
  if (files.length === 0) return null;
  if (model === null || work === null) {
    tell('info', 'Data is opened beside a model: open the model first, then drop the data again.');
    return null;
  }
  const modelId = model.id;
  const before = work.data;
  const all = more && before !== null ? merge(filesOf.get(before.summary.id) ?? [], files) : files;
  const wished = work.history.present.data;
  const label = all.length === 1 ? `Opening ${all[0]?.path ?? 'data'}` : `Opening ${all.length} files of data`;
  const summary = await runTask(label, async (options) => {
    const opened = await call(
      'openData',
      { modelId, files: all, ...(wished === undefined ? {} : { settings: wished }) },
      options,
    );
    // Settings of pictures say nothing about sound: another kind of data is guessed afresh.
    return before !== null && wished !== undefined && before.summary.kind !== opened.kind
      ? call('openData', { modelId, files: all }, options)
      : opened;
  });
  if (summary === null) return null;
  if (before !== null && before.summary.id !== summary.id) forget(before.summary.id);
  filesOf.set(summary.id, all);
  const data: OpenData = { summary, guessed: summary.settings, fitting: false };
  changeWork(modelId, () => ({ data }));
  changeLooks({ view: 'data', phoneTab: 'data' });
  return { modelId, settings: summary.settings };
}

export function closeData(): void {
  const { activeId } = useStudio.getState();
  const data = activeWork(useStudio.getState())?.data ?? null;
  if (activeId === null || data === null) return;
  changeWork(activeId, () => ({ data: null, baseline: null, calibratedFor: null }));
  forget(data.summary.id);
}

function forget(dataId: string): void {
  // Another model may have the same data open.
  if (Object.values(useStudio.getState().works).some((work) => work.data?.summary.id === dataId)) return;
  filesOf.delete(dataId);
  void call('closeData', { dataId }).catch(() => null);
}

function merge(old: readonly DroppedFile[], added: readonly DroppedFile[]): readonly DroppedFile[] {
  const paths = new Set(added.map((file) => file.path));
  return [...old.filter((file) => !paths.has(file.path)), ...added];
}

const REST_MS = 120;
let fitTimer: ReturnType<typeof setTimeout> | undefined;
let fitAbort: AbortController | null = null;

/** Tries the recipe's settings on the data that is open: once the person rests, and the newest only. */
export function requestFit(modelId: string): void {
  clearTimeout(fitTimer);
  fitAbort?.abort();
  if (useStudio.getState().works[modelId]?.data === null) return;
  const abort = new AbortController();
  fitAbort = abort;
  changeData(modelId, { fitting: true });
  fitTimer = setTimeout(() => void fit(modelId, abort.signal), REST_MS);
}

async function fit(modelId: string, signal: AbortSignal): Promise<void> {
  const work = useStudio.getState().works[modelId];
  if (work === undefined || work.data === null) return;
  const dataId = work.data.summary.id;
  try {
    const settings = settingsOf(work.history.present, work.data);
    const summary = await call('fitData', { modelId, dataId, settings }, { signal });
    if (!signal.aborted) changeData(modelId, { summary, fitting: false });
  } catch (error) {
    if (signal.aborted || isCancelled(error)) return;
    const data = useStudio.getState().works[modelId]?.data;
    if (data != null) changeData(modelId, { summary: { ...data.summary, problem: sentenceOf(error) }, fitting: false });
  }
}

function changeData(modelId: string, change: Partial<OpenData>): void {
  changeWork(modelId, ({ data }) => (data === null ? {} : { data: { ...data, ...change } }));
}

export function sameSettings(a: DataSettings | undefined, b: DataSettings | undefined): boolean {
  return stable(a ?? null) === stable(b ?? null);
}

/** The data of the active model as jobs take it, and its key; null while none is open that suits it. */
export function dataInUse(modelId: string | null = useStudio.getState().activeId) {
  const work = modelId === null ? undefined : useStudio.getState().works[modelId];
  const choice = work === undefined ? null : choiceOf(work.history.present, work.data);
  return choice === null ? null : { choice, key: dataKey(choice) };
}

/** Evaluates a result against its original; without a result, the original alone. */
export async function evaluateResult(result: MadeResult | null): Promise<Evaluation | null> {
  const model = activeModel(useStudio.getState());
  const data = dataInUse();
  if (model === null || data === null) return null;
  const input = {
    modelId: model.id,
    resultId: result?.resultId ?? null,
    data: data.choice,
    latency: result !== null,
  };
  const evaluation = await runTask(`Evaluating ${model.name}`, (options) => call('evaluate', input, options));
  if (evaluation === null) return null;
  const measured = { value: evaluation, dataKey: data.key };
  changeWork(model.id, (work) => ({
    baseline: { value: evaluation.before, dataKey: data.key },
    ...(result === null || work.result?.resultId !== result.resultId
      ? {}
      : {
          result: { ...work.result, evaluation: measured },
          variants: noteEvaluation(work.variants, result.recipe, evaluation, data.key),
        }),
  }));
  return evaluation;
}

/** Measures the error of every layer's output in a result. */
export async function measureLayers(result: MadeResult): Promise<LayerErrors | null> {
  const model = activeModel(useStudio.getState());
  const work = activeWork(useStudio.getState());
  const data = dataInUse();
  if (model === null || work === null || data === null) return null;
  const samples = Math.max(1, Math.min(LAYER_SAMPLES, work.data?.summary.evaluation ?? LAYER_SAMPLES));
  const errors = await runTask('Measuring the error of every layer', (options) =>
    call('layerErrors', { modelId: model.id, resultId: result.resultId, data: data.choice, samples }, options),
  );
  if (errors === null) return null;
  changeWork(model.id, (now) =>
    now.result?.resultId !== result.resultId
      ? {}
      : {
          result: { ...now.result, layerErrors: { value: errors, dataKey: data.key } },
          variants: noteLayers(now.variants, result.recipe, errors, data.key),
        },
  );
  return errors;
}

const LATENCY_RUNS = 50;

/** Original and result interleaved, on a sample where data is open, else on a seeded random input. */
export async function measureLatency(result: MadeResult): Promise<void> {
  const model = activeModel(useStudio.getState());
  if (model === null) return;
  const data = dataInUse();
  const input = {
    modelId: model.id,
    resultId: result.resultId,
    runs: LATENCY_RUNS,
    ...(data === null ? {} : { data: data.choice }),
  };
  const latency = await runTask('Measuring latency', (options) => call('latency', input, options));
  if (latency === null) return;
  changeWork(model.id, (now) =>
    now.result?.resultId === result.resultId ? { result: { ...now.result, latency } } : {},
  );
}

/** How the runtime will run each node of a result; asked for once. */
export async function lintResult(modelId: string, result: MadeResult): Promise<Lint> {
  const lint = await call('lint', { modelId, resultId: result.resultId });
  changeWork(modelId, (now) => (now.result?.resultId === result.resultId ? { result: { ...now.result, lint } } : {}));
  return lint;
}

/** Calibrates on the data for the recipe as it stands, so that its ranges can be looked at. */
export async function calibrate(): Promise<void> {
  const model = activeModel(useStudio.getState());
  const work = activeWork(useStudio.getState());
  const data = dataInUse();
  if (model === null || work === null || data === null) return;
  const recipe = work.history.present;
  const views = await runTask('Calibrating', (options) =>
    call('activations', { modelId: model.id, recipe, data: data.choice }, options),
  );
  if (views !== null) changeWork(model.id, () => ({ calibratedFor: data.key }));
}

/** The recipe with the settings of the data in it. */
export function withSettings(recipe: Parameters<typeof recipeKey>[0], settings: DataSettings): typeof recipe {
  return sameSettings(recipe.data, settings) ? recipe : setData(recipe, settings);
}
