/** Use case: data beside a model. Opens what was dropped, fits its preparation to the model, and splits it in two. */
import type { Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { SampleView } from '#data/dataset.ts';
import { fitData, type Fit } from '#data/fit.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import { openDataset, type OpenDataset } from '#data/open.ts';
import type { DecodePicture, InputSlot, Samples } from '#data/samples.ts';
import { samplesOf } from '#data/prepare.ts';
import type { DataSettings } from '#data/settings.ts';
import { splitSamples } from '#data/split.ts';
import { viewSample } from '#data/view-sample.ts';
import type { Model, ValueId } from '#ir/model.ts';
import type { DataSummary } from './jobs.ts';
import type { OpenModel } from './workshop.ts';

export interface OpenDataOptions {
  readonly decode: DecodePicture | null;
  /** Where labels lie apart from the samples. */
  readonly labels?: Files | undefined;
  /** As the person knows the data; absent: made from the paths. */
  readonly name?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

export function openData(files: Files, options: OpenDataOptions): Promise<OpenDataset> {
  return openDataset(files, options);
}

/** Data as one model is fed with it. */
export interface PreparedData {
  readonly dataset: OpenDataset;
  readonly fit: Fit;
  /** All samples, in order. */
  readonly all: Samples;
  /** Ranges are measured on these. */
  readonly calibration: Samples;
  /** Accuracy is measured on these. */
  readonly evaluation: Samples;
  readonly notices: readonly Notice[];
}

/** Throws a `PareError` with the reason where the data cannot be fed to the model. */
export async function prepareData(
  open: OpenModel,
  dataset: OpenDataset,
  settings?: DataSettings,
): Promise<PreparedData> {
  const slots = slotsOf(open);
  return prepareFitted(dataset, slots, fitData(dataset, slots, settings));
}

/** How the data would be prepared for the model, with what is given over what is guessed; reads no sample. */
export function fitTo(open: OpenModel, dataset: OpenDataset, settings?: DataSettings): Fit {
  return fitData(dataset, slotsOf(open), settings);
}

async function prepareFitted(dataset: OpenDataset, slots: ModelSlots, fit: Fit): Promise<PreparedData> {
  if (fit.problem !== null) {
    throw new PareError({ code: 'data/misfit', file: dataset.info.name, problem: fit.problem });
  }
  const all = samplesOf(dataset, slots, fit.settings);
  const { calibration, evaluation, notices } = await splitSamples(all, fit.settings.split);
  return { dataset, fit, all, calibration, evaluation, notices };
}

export async function summarizeData(
  open: OpenModel,
  dataset: OpenDataset,
  settings?: DataSettings,
): Promise<DataSummary> {
  const slots = slotsOf(open);
  const guessed = fitData(dataset, slots);
  const fit = settings === undefined ? guessed : fitData(dataset, slots, settings);
  const summary = { ...dataset.info, settings: fit.settings, guesses: guessesOf(guessed, fit) };
  if (fit.problem !== null) return { ...summary, samples: 0, calibration: 0, evaluation: 0, problem: fit.problem };
  const { all, calibration, evaluation, notices } = await prepareFitted(dataset, slots, fit);
  return {
    ...summary,
    notices: [...dataset.info.notices, ...notices],
    samples: all.length,
    calibration: calibration.length,
    evaluation: evaluation.length,
    problem: null,
  };
}

/** Settings that are still as they were guessed keep the sentences that say why. */
function guessesOf(guessed: Fit, fit: Fit): readonly string[] {
  const text = ({ split: _split, ...preparation }: DataSettings): string => JSON.stringify(preparation);
  return text(guessed.settings) === text(fit.settings) ? guessed.guesses : fit.guesses;
}

export function sampleView(
  open: OpenModel,
  dataset: OpenDataset,
  settings: DataSettings,
  index: number,
): Promise<SampleView> {
  return viewSample(dataset, slotsOf(open), settings, index);
}

function slotsOf({ name, model }: OpenModel): ModelSlots {
  const constant = (id: ValueId): boolean => model.graph.values.get(id)?.constant !== undefined;
  return {
    name,
    inputs: model.graph.inputs.filter((id) => !constant(id)).flatMap((id) => slotOf(model, id)),
    outputs: model.graph.outputs.flatMap((id) => slotOf(model, id)),
  };
}

/** Sequences and other values that are no tensors take no data. */
function slotOf(model: Model, id: ValueId): InputSlot[] {
  const value = model.graph.values.get(id);
  if (value?.dtype == null || value.shape === null) return [];
  return [{ name: value.name, dtype: value.dtype, shape: value.shape }];
}
