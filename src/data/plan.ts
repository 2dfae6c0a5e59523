/** Which part of the data feeds which input of the model, and in which shape; or why it cannot. Settings are taken as they are. */
import type { DataArray } from './arrays/data-array.ts';
import { planArrays, planTable } from './arrays/plan-arrays.ts';
import { planRecordings } from './audio/plan-recordings.ts';
import type { FeaturePlan } from './audio/plan-recordings.ts';
import { planPictures } from './image/plan-pictures.ts';
import type { PicturePlan } from './image/prepare-picture.ts';
import type { LabelColumn } from './labels/label-column.ts';
import type { ModelSlots } from './model-slots.ts';
import { classesOf } from './model-slots.ts';
import type { OpenDataset } from './open.ts';
import type { InputSlot } from './samples.ts';
import type { DataSettings } from './settings.ts';
import { closedShape, shapeText } from './arrays/fill-shape.ts';

export type Feed =
  | {
      readonly from: 'array';
      readonly slot: InputSlot;
      readonly shape: readonly number[];
      readonly array: DataArray;
      /** The same array for all samples, or one row for each. */
      readonly each: 'row' | 'whole';
      /** Axes of the row in the order of the input's, where the two differ. */
      readonly order: readonly number[] | null;
      readonly scale: Scale | null;
    }
  | {
      readonly from: 'table';
      readonly slot: InputSlot;
      readonly shape: readonly number[];
      readonly columns: readonly number[];
      readonly scale: Scale | null;
    }
  | {
      readonly from: 'pictures';
      readonly slot: InputSlot;
      readonly shape: readonly number[];
      readonly plan: PicturePlan;
    }
  | {
      readonly from: 'recordings';
      readonly slot: InputSlot;
      readonly shape: readonly number[];
      readonly plan: FeaturePlan;
    }
  | { readonly from: 'constant'; readonly slot: InputSlot; readonly shape: readonly number[]; readonly value: number };

/** (x - mean) / std, where every channel has its own in rows of `inner` elements. */
export interface Scale {
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly inner: number;
}

export interface Plan {
  readonly feeds: readonly Feed[];
  /** Golden outputs by output name. */
  readonly golden: readonly {
    readonly name: string;
    readonly array: DataArray;
    readonly shape: readonly number[];
    readonly each: 'row' | 'whole';
  }[];
  /** By item of the data: number of samples. null: one each. */
  readonly counts: readonly number[] | null;
  readonly samples: number;
  readonly labels: PlannedLabels | null;
}

export interface PlannedLabels {
  readonly column: LabelColumn;
  readonly offset: number;
  /** Classes of the model, where they are known. */
  readonly classes: number | null;
  /** False: its names cannot be told apart by the model's indices, so labels serve the split alone. */
  readonly count: boolean;
}

export type Planned =
  | { readonly plan: Plan; readonly problem: null }
  | { readonly plan: null; readonly problem: string };

/** What data of one kind gives. `leftOver`: inputs that nothing feeds yet. */
export interface DataPlan {
  readonly feeds: readonly Feed[];
  readonly golden?: Plan['golden'];
  readonly counts?: readonly number[];
  readonly samples: number;
}

export type DataPlanned = DataPlan | { readonly problem: string };

export function planData(dataset: OpenDataset, model: ModelSlots, settings: DataSettings): Planned {
  const constants = constantFeeds(model, settings);
  if ('problem' in constants) return { plan: null, problem: constants.problem };
  const carry = carryProblem(model, settings);
  if (carry !== null) return { plan: null, problem: carry };
  const open = model.inputs.filter(({ name }) => !constants.feeds.some(({ slot }) => slot.name === name));
  const labels = labelsOf(dataset, model, settings);
  if (labels !== null && 'problem' in labels) return { plan: null, problem: labels.problem };
  const planned = planContent(dataset, model, open, settings, labels?.column ?? null);
  if ('problem' in planned) return { plan: null, problem: planned.problem };
  const fed = new Set(planned.feeds.map(({ slot }) => slot.name));
  const hungry = open.filter(({ name }) => !fed.has(name));
  if (hungry.length > 0) return { plan: null, problem: nothingFeeds(hungry) };
  const plan: Plan = {
    feeds: [...planned.feeds, ...constants.feeds],
    golden: planned.golden ?? [],
    counts: planned.counts ?? null,
    samples: planned.samples,
    labels: usedLabels(planned, labels),
  };
  return plan.samples > 0 ? { plan, problem: null } : { plan: null, problem: 'The data holds no samples.' };
}

/** A column of a table is either a label or a number that the model takes. */
function usedLabels({ feeds }: DataPlan, labels: PlannedLabels | null): PlannedLabels | null {
  const table = feeds.find((feed) => feed.from === 'table');
  return table !== undefined && labels !== null && tableUses(table.columns, labels) ? null : labels;
}

function tableUses(columns: readonly number[], { column }: PlannedLabels): boolean {
  return column.place !== undefined && columns.includes(column.place);
}

function planContent(
  { content, info }: OpenDataset,
  model: ModelSlots,
  open: readonly InputSlot[],
  settings: DataSettings,
  label: LabelColumn | null,
): DataPlanned {
  switch (content.kind) {
    case 'images':
      return planPictures(content.files.length, open, settings);
    case 'audio':
      return planRecordings(content.recordings, open, settings);
    case 'arrays':
      return planArrays(content.arrays, { ...model, inputs: open }, settings);
    default:
      return planTable(content.table, info.name, open, settings, label);
  }
}

function constantFeeds(
  model: ModelSlots,
  settings: DataSettings,
): { readonly feeds: readonly Feed[] } | { readonly problem: string } {
  const feeds: Feed[] = [];
  for (const [name, value] of Object.entries(settings.constants ?? {})) {
    const slot = model.inputs.find((input) => input.name === name);
    if (slot === undefined) {
      const has = model.inputs.map((input) => input.name).join(', ');
      return { problem: `There is a constant for the input ${name}, which the model does not have (it has ${has}).` };
    }
    feeds.push({ from: 'constant', slot, shape: closedShape(slot.shape), value });
  }
  return { feeds };
}

function carryProblem(model: ModelSlots, settings: DataSettings): string | null {
  for (const [input, output] of Object.entries(settings.carry ?? {})) {
    if (!model.inputs.some(({ name }) => name === input))
      return `State is carried to the input ${input}, which the model does not have.`;
    if (!model.outputs.some(({ name }) => name === output))
      return `State is carried from the output ${output}, which the model does not have.`;
  }
  return null;
}

function nothingFeeds(slots: readonly InputSlot[]): string {
  const [first, ...others] = slots;
  const named = first === undefined ? '' : `${first.name} ${shapeText(first.shape)}`;
  const more = others.length === 0 ? '' : `, nor ${others.map(({ name }) => name).join(', ')}`;
  return `Nothing feeds the input ${named}${more}: give an array of that name, or a constant.`;
}

/** The column that holds the labels, and what its indices mean to this model. */
export function labelsOf(
  dataset: OpenDataset,
  model: ModelSlots,
  settings: DataSettings,
): PlannedLabels | { readonly problem: string } | null {
  const wanted = settings.labels?.column;
  const column =
    wanted === undefined
      ? dataset.labels[0]
      : dataset.labels.find(({ name }) => name === wanted.trim() || name === wanted);
  if (column === undefined) {
    if (wanted === undefined) return null;
    const has = dataset.info.labelColumns.join(', ') || 'none';
    return { problem: `There is no label column "${wanted}" (there are ${has}).` };
  }
  const classes = classesOf(model);
  const offset = settings.labels?.offset ?? 0;
  const count = column.sorted === null || classes === null || column.sorted.length + offset === classes;
  return { column, offset, classes, count };
}

/** Mean and deviation one a channel, and the rows that share one; or what keeps them from fitting. */
export function scaleFor(
  shape: readonly number[],
  settings: DataSettings,
  input: string,
): Scale | { readonly problem: string } | null {
  const mean = listOf(settings.mean);
  const std = listOf(settings.std);
  const channels = Math.max(mean.length, std.length);
  if (mean.every((value) => value === 0) && std.every((value) => value === 1)) return null;
  if (std.includes(0)) return { problem: 'The deviation is 0, and every value would be divided by it.' };
  if (channels === 1) return { mean, std, inner: 1 };
  const axis = channelAxis(shape, settings.layout, channels);
  if (axis === -1 || ![1, channels].includes(mean.length) || ![1, channels].includes(std.length)) {
    const problem = `Mean and deviation are given for ${mean.length} and ${std.length} channels, which the input ${input} ${shapeText(shape)} does not have.`;
    return { problem };
  }
  const spread = (list: readonly number[]): readonly number[] =>
    list.length === channels ? list : Array.from({ length: channels }, () => list[0] ?? 0);
  return { mean: spread(mean), std: spread(std), inner: shape.slice(axis + 1).reduce((size, next) => size * next, 1) };
}

function channelAxis(shape: readonly number[], layout: DataSettings['layout'], channels: number): number {
  const last = shape.length - 1;
  if (layout !== 'nhwc' && shape.length > 1 && shape[1] === channels) return 1;
  return layout !== 'nchw' && shape[last] === channels ? last : -1;
}

export function listOf(value: number | readonly number[]): readonly number[] {
  return typeof value === 'number' ? [value] : value;
}
