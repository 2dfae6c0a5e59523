/**
 * The runner: takes a model through the steps of a recipe. Each step gets an editor and a desk; what it returns is
 * verified, compared with what it was given, and entered in the report. A step that leaves the model malformed is refused.
 *
 * Errors are always measured against the weights before the first lossy step. Where a later lossless step makes new
 * weights (a fused Conv), those become what they are measured against, since nothing older has their meaning.
 */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { OnProgress } from '#base/progress.ts';
import { diffModels } from '#ir/diff.ts';
import type { Model, Tensor, ValueId } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import { verifyModel } from '#ir/verify.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { EvidenceSource } from '#measure/calibration/evidence.ts';
import { PASSES } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import { makeDesk } from './desk.ts';
import type { FloatCache } from './float-cache.ts';
import type { Recipe, Step } from './recipe.ts';
import type { StepReport } from './report.ts';

/** A model between two steps. */
export interface RunState {
  readonly model: Model;
  readonly weights: WeightStore;
  /** Weights before the first lossy step, by value; null until one has run. */
  readonly references: ReadonlyMap<ValueId, Tensor> | null;
  readonly steps: readonly StepReport[];
}

export interface RunOptions {
  readonly recipe: Recipe;
  readonly floats: FloatCache;
  /** Steps to run: from the first index up to, not including, the second. */
  readonly range?: readonly [number, number];
  /** Measure only: the model stays as it is. */
  readonly preview?: boolean;
  /** Leaves out every layer but these. */
  readonly onlyLayers?: ReadonlySet<string>;
  readonly passes?: readonly Pass[];
  /** Measures activations for the passes that need it; absent: there is no data. */
  readonly evidence?: EvidenceSource | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export async function runSteps(start: RunState, options: RunOptions): Promise<RunState> {
  const [from, to] = options.range ?? [0, options.recipe.steps.length];
  let state = start;
  for (let index = from; index < to; index += 1) {
    checkCancelled(options.signal);
    const step = options.recipe.steps[index] as Step;
    state = await runStep(state, step, options, index - from, to - from);
  }
  return state;
}

/** A pass by name; refuses a name that no pass has. */
export function passNamed(name: string, passes: readonly Pass[] = PASSES): Pass {
  const pass = passes.find((candidate) => candidate.name === name);
  if (pass !== undefined) return pass;
  throw new PareError({
    code: 'recipe/unknown-pass',
    place: name,
    problem: 'there is no pass of this name.',
    hint: `Passes are ${passes.map((candidate) => candidate.name).join(', ')}.`,
  });
}

/** Whether a pass rounds activations to ranges that are measured on data. */
export function needsRanges(name: string, passes: readonly Pass[] = PASSES): boolean {
  return passNamed(name, passes).needs?.includes('ranges') === true;
}

/** Index of the first step that does more than rewrite the graph, or -1. */
export function firstLossyStep(recipe: Recipe, passes: readonly Pass[] = PASSES): number {
  return recipe.steps.findIndex((step) => passNamed(step.pass, passes).keeps === 'accuracy');
}

/** Index of the last step that does more than rewrite the graph, or -1. */
export function lastLossyStep(recipe: Recipe, passes: readonly Pass[] = PASSES): number {
  return recipe.steps.findLastIndex((step) => passNamed(step.pass, passes).keeps === 'accuracy');
}

async function runStep(
  state: RunState,
  step: Step,
  options: RunOptions,
  position: number,
  count: number,
): Promise<RunState> {
  const pass = passNamed(step.pass, options.passes);
  const lossy = pass.keeps === 'accuracy';
  const references = state.references ?? (lossy ? constantsOf(state.model) : null);
  const parsed = pass.options.parse(step.options ?? {});
  if (pass.needs?.includes('ranges') === true && options.evidence === undefined && options.preview !== true) {
    throw needsData(pass);
  }
  const edit = openEditor(state.model);
  const cacheRun = options.floats.begin();
  const startedAt = performance.now();
  const onProgress = progressOfStep(options.onProgress, pass, position, count);
  try {
    const desk = makeDesk({
      recipe: options.recipe,
      step,
      pass,
      lossy,
      model: state.model,
      weights: state.weights,
      references: references ?? new Map(),
      cache: cacheRun,
      preview: options.preview === true,
      ...(options.onlyLayers === undefined ? {} : { onlyLayers: options.onlyLayers }),
      signal: options.signal,
      evidence: options.evidence?.about(state.model, state.weights, { signal: options.signal, onProgress }) ?? null,
      onProgress,
    });
    options.onProgress?.({ label: pass.title, done: position, of: count });
    const { ledger, notices } = await pass.run(edit, parsed, desk);
    checkCancelled(options.signal);
    const model = options.preview === true ? state.model : verified(edit.finish(), pass);
    const diff = model === state.model ? null : diffModels(state.model, model);
    const report: StepReport = {
      pass: pass.name,
      title: pass.title,
      durationMs: performance.now() - startedAt,
      added: diff?.nodesAdded.length ?? 0,
      removed: diff?.nodesRemoved.length ?? 0,
      ledger,
      notices,
    };
    return {
      model,
      weights: state.weights,
      references: lossy || references === null ? references : renewed(references, state.model, model),
      steps: [...state.steps, report],
    };
  } finally {
    cacheRun.end();
  }
}

function needsData(pass: Pass): PareError {
  return new PareError({
    code: 'recipes/needs-data',
    place: pass.name,
    problem: 'this step rounds activations to ranges that are measured on data, and no data was given.',
    hint: 'Drop a folder of samples beside the model, or give --data on the command line.',
  });
}

function verified(model: Model, pass: Pass): Model {
  const [first] = verifyModel(model);
  if (first === undefined) return model;
  throw new PareError({
    code: 'recipes/malformed',
    file: model.source.file,
    place: first.at ?? pass.name,
    problem: `after ${pass.name} the model is not well formed: ${first.text}`,
    hint: 'This is a fault in Pare: leave the step out, and report it with the model.',
  });
}

function constantsOf(model: Model): ReadonlyMap<ValueId, Tensor> {
  const constants = new Map<ValueId, Tensor>();
  for (const [id, value] of allValues(model.graph)) if (value.constant !== undefined) constants.set(id, value.constant);
  return constants;
}

/** References after a lossless step: a weight that the step made anew is its own reference. */
function renewed(references: ReadonlyMap<ValueId, Tensor>, before: Model, after: Model): ReadonlyMap<ValueId, Tensor> {
  if (before === after) return references;
  const was = constantsOf(before);
  const kept = new Map<ValueId, Tensor>();
  for (const [id, tensor] of constantsOf(after)) {
    const reference = references.get(id);
    kept.set(id, reference !== undefined && was.get(id)?.key === tensor.key ? reference : tensor);
  }
  return kept;
}

function progressOfStep(
  onProgress: OnProgress | undefined,
  pass: Pass,
  position: number,
  count: number,
): OnProgress | undefined {
  if (onProgress === undefined) return undefined;
  return ({ label, done, of }) =>
    onProgress({
      label: label === '' ? pass.title : label,
      done: position + (of > 0 ? Math.min(1, done / of) : 0),
      of: count,
    });
}
