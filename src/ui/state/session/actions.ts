/** What the person can do: open, tune, undo, make a result, compare it, take it home. */
import type { DroppedFile, ModelSummary, PresetInfo, Recipe } from '#studio/jobs.ts';
import { patchSettings, settingsOf, type SettingsPart } from '#ui/state/data/settings.ts';
import {
  EMPTY_RECIPE,
  forResult,
  isExcluded,
  needsRanges,
  recipeKey,
  setData,
  setExcluded,
} from '#ui/state/recipe/edit.ts';
import { raiseLayer } from '#ui/state/recipe/raise.ts';
import { amend, commit, redo, startHistory, undo, type History } from '#ui/state/recipe/history.ts';
import {
  activeModel,
  activeWork,
  changeLooks,
  changeWork,
  tell,
  useStudio,
  type MadeResult,
  type Work,
} from '#ui/state/store.ts';
import {
  closeData,
  dataInUse,
  evaluateResult,
  measureLatency as measureResultLatency,
  measureLayers,
  openDataFiles,
  requestFit,
  sameSettings,
  withSettings,
} from './data.ts';
import { offerDownload } from './download.ts';
import { call, runTask } from './engine-calls.ts';
import type { KeptWork } from './keep.ts';
import { isCurrent, requestPreview } from './previews.ts';
import { noteMade, noteOutputs } from './variants.ts';

export { closeData };

/** The recipe a model starts with: small, safe, and shows at once what the studio does. */
const FIRST_PRESET = 'int8-channel';

export async function openFiles(files: readonly DroppedFile[]): Promise<void> {
  if (files.length === 0) return;
  const first = files[0]?.path ?? 'files';
  const label = files.length === 1 ? `Opening ${first}` : `Opening ${files.length} files`;
  const model = await runTask(label, (options) => call('open', { files }, options));
  if (model !== null) showModel(model);
}

/** Opens another entry point of a model beside it. */
export async function openSignature(modelId: string, signature: string): Promise<void> {
  const model = await runTask(`Opening ${signature}`, (options) =>
    call('openSignature', { modelId, signature }, options),
  );
  if (model !== null) showModel(model);
}

export async function openSample(file: string): Promise<void> {
  const blob = await runTask(`Loading ${file}`, async ({ signal }) => {
    const response = await fetch(`./samples/${file}`, { signal });
    if (!response.ok)
      throw new Error(`${file}: the sample could not be loaded (HTTP ${response.status}). Reload the page.`);
    return response.blob();
  });
  if (blob !== null) await openFiles([{ path: file, file: blob }]);
}

/** Adds a model to the list, with what is known of earlier work on it, and shows it. */
export function showModel(model: ModelSummary, kept?: KeptWork): void {
  const { info } = useStudio.getState();
  const preset = info?.presets.find((one) => one.id === FIRST_PRESET) ?? info?.presets[0];
  const work: Work = {
    history: kept
      ? { past: kept.past, present: kept.present, future: [] }
      : startHistory(preset?.recipe ?? EMPTY_RECIPE),
    preview: null,
    previewProblem: null,
    previewing: false,
    variants: kept?.variants ?? [],
    result: null,
    data: null,
    baseline: null,
    calibratedFor: null,
    pair: [null, null],
    selected: kept?.selected ?? null,
  };
  useStudio.setState((studio) => ({
    models: [...studio.models.filter((one) => one.id !== model.id), model],
    works: { ...studio.works, [model.id]: studio.works[model.id] ?? work },
    // Hints about what to do first have been followed.
    messages: studio.messages.filter((message) => message.level !== 'info'),
  }));
  if (model.notWritable !== undefined) tell('warning', model.notWritable);
  activate(model.id);
}

export function activate(modelId: string): void {
  useStudio.setState({ activeId: modelId, search: '' });
  const { looks } = useStudio.getState();
  changeLooks({ phoneTab: looks.phoneTab === 'models' ? 'layers' : looks.phoneTab, view: 'layers' });
  requestPreview();
}

export async function closeModel(modelId: string): Promise<void> {
  useStudio.setState((studio) => {
    const models = studio.models.filter((model) => model.id !== modelId);
    const { [modelId]: _closed, ...works } = studio.works;
    const activeId = studio.activeId === modelId ? (models.at(-1)?.id ?? null) : studio.activeId;
    return { models, works, activeId };
  });
  requestPreview();
  await call('close', { modelId }).catch(() => null);
}

/** Copies a large model into the browser's private storage, so that a reload brings it back. */
export async function keepModel(model: ModelSummary): Promise<void> {
  const answer = await runTask(`Keeping ${model.name}`, (options) => call('keep', { modelId: model.id }, options));
  if (answer === null) return;
  if (!answer.kept) tell('warning', `${model.name} was not kept: ${answer.notKept ?? 'the browser gave no reason.'}`);
  useStudio.setState(({ models }) => ({
    models: models.map((one) => (one.id === model.id ? { ...one, kept: answer.kept } : one)),
  }));
}

/** Edits the recipe. `merge` puts the edit into the undo step before it, for a control that is being dragged. */
export function editRecipe(edit: (recipe: Recipe) => Recipe, merge: boolean = false): void {
  move((history) => {
    const next = edit(history.present);
    if (recipeKey(next) === recipeKey(history.present) && next.name === history.present.name) return history;
    return merge ? amend(history, next) : commit(history, next);
  });
}

export function undoEdit(): void {
  move(undo);
}

export function redoEdit(): void {
  move(redo);
}

export function loadPreset(preset: PresetInfo): void {
  editRecipe(({ layers, data }) => ({
    ...preset.recipe,
    ...(layers === undefined ? {} : { layers }),
    ...(data === undefined ? {} : { data }),
  }));
}

/** Goes back to a recipe that was tried; the settings of the data stay unless it has its own. */
export function restoreRecipe(recipe: Recipe): void {
  editRecipe((now) => setData(recipe, recipe.data ?? now.data));
}

export function excludeLayer(layer: string): void {
  editRecipe((recipe) => setExcluded(recipe, [layer], true));
}

/** Gives the activations of one layer 16 bits. */
export function raise(layer: string): void {
  const passes = useStudio.getState().info?.passes ?? [];
  editRecipe((recipe) => raiseLayer(recipe, passes, layer));
}

/** Opens files as data of the active model; `more` adds them to the data that is open. The recipe takes its settings. */
export async function openData(files: readonly DroppedFile[], more: boolean = false): Promise<void> {
  const opened = await openDataFiles(files, more);
  if (opened !== null) editRecipe((recipe) => withSettings(recipe, opened.settings));
}

export function editData(part: SettingsPart, change: Readonly<Record<string, unknown>>): void {
  const data = activeWork(useStudio.getState())?.data ?? null;
  if (data === null) return;
  editRecipe((recipe) => withSettings(recipe, patchSettings(settingsOf(recipe, data), part, change)));
}

export function toggleExcluded(layer: string): void {
  editRecipe((recipe) => setExcluded(recipe, [layer], !isExcluded(recipe, layer)));
}

function move(step: (history: History<Recipe>) => History<Recipe>): void {
  const { activeId, works } = useStudio.getState();
  if (activeId === null) return;
  const before = works[activeId]?.history.present.data;
  changeWork(activeId, (work) => ({ history: step(work.history) }));
  if (!sameSettings(before, useStudio.getState().works[activeId]?.history.present.data)) requestFit(activeId);
  requestPreview();
}

export function selectLayer(layer: string | null): void {
  const { activeId } = useStudio.getState();
  if (activeId !== null) changeWork(activeId, () => ({ selected: layer }));
}

/** Makes the result of the current recipe, unless it is made already; with data open, it is evaluated at once. */
export async function optimize(): Promise<void> {
  const result = await makeResult();
  if (result === null || !useStudio.getState().looks.autoEvaluate) return;
  if (result.evaluation?.dataKey !== dataInUse()?.key) await evaluateResult(result);
}

async function makeResult(): Promise<MadeResult | null> {
  const studio = useStudio.getState();
  const model = activeModel(studio);
  const work = activeWork(studio);
  if (model === null || work === null) return null;
  const passes = studio.info?.passes ?? [];
  const recipe = work.history.present;
  if (work.result !== null && isCurrent(work.result.recipe, recipe)) {
    showResult();
    return work.result;
  }
  const data = dataInUse();
  const calibrates = needsRanges(recipe, passes);
  if (calibrates && data === null) {
    changeLooks({ view: 'data', phoneTab: 'data' });
    tell('warning', work.data?.summary.problem ?? 'This recipe measures ranges on data: open data first.');
    return null;
  }
  const made = await runTask(`Optimizing ${model.name}`, (options) =>
    call('optimize', { modelId: model.id, recipe, ...(data === null ? {} : { data: data.choice }) }, options),
  );
  if (made === null) return null;
  const result: MadeResult = {
    ...made,
    recipe: forResult(recipe, passes),
    comparison: null,
    saved: null,
    evaluation: null,
    layerErrors: null,
    latency: null,
    lint: null,
  };
  changeWork(model.id, (now) => ({
    result,
    variants: noteMade(now.variants, result.recipe, made.report.after.fileBytes.value),
    ...(calibrates && data !== null ? { calibratedFor: data.key } : {}),
  }));
  showResult();
  return result;
}

function showResult(): void {
  changeLooks({ view: 'result', phoneTab: 'result' });
}

/** Original and result on the evaluation part of the data. */
export async function evaluate(): Promise<void> {
  if (!hasData()) return;
  const result = await makeResult();
  if (result !== null) await evaluateResult(result);
}

export async function evaluateOriginal(): Promise<void> {
  if (hasData()) await evaluateResult(null);
}

/** Original and result against the clock; needs no data. */
export async function measureLatency(): Promise<void> {
  const result = await makeResult();
  if (result !== null) await measureResultLatency(result);
}

/** Error of every layer's output; shown in the chart of activation errors. */
export async function measureErrors(): Promise<void> {
  if (!hasData()) return;
  const { looks } = useStudio.getState();
  const result = await makeResult();
  if (result === null) return;
  // Whoever looks at the chart on a phone stays there.
  if (looks.phoneTab === 'charts') changeLooks({ phoneTab: 'charts' });
  await measureLayers(result);
}

function hasData(): boolean {
  if (dataInUse() !== null) return true;
  changeLooks({ view: 'data', phoneTab: 'data' });
  tell(
    'warning',
    activeWork(useStudio.getState())?.data?.summary.problem ?? 'Open data first: accuracy is measured on it.',
  );
  return false;
}

/** Runs original and result on the same inputs. */
export async function compareOutputs(runs: number, seed: number, inputs?: DroppedFile): Promise<void> {
  const result = await makeResult();
  const model = activeModel(useStudio.getState());
  if (result === null || model === null) return;
  const comparison = await runTask('Comparing outputs in onnxruntime', (options) =>
    call(
      'compare',
      { modelId: model.id, resultId: result.resultId, runs, seed, ...(inputs === undefined ? {} : { inputs }) },
      options,
    ),
  );
  if (comparison === null) return;
  changeWork(model.id, (work) => ({
    result: work.result === null ? null : { ...work.result, comparison },
    variants: noteOutputs(work.variants, result.recipe, comparison.outputs),
  }));
}

/** Writes the result, has it opened again and compared, and hands the files over. */
export async function download(): Promise<void> {
  const result = await makeResult();
  const model = activeModel(useStudio.getState());
  if (result === null || model === null) return;
  const saved = await runTask(`Writing and verifying ${model.name}`, (options) =>
    call('save', { modelId: model.id, resultId: result.resultId, verify: true }, options),
  );
  if (saved === null) return;
  changeWork(model.id, (work) => ({ result: work.result === null ? null : { ...work.result, saved } }));
  offerDownload(saved.files);
}
