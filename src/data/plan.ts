/** Which part of the data feeds which input of the model, and in which shape; or why it cannot. Settings are taken as they are. */
import { planArrays, planTable } from './arrays/plan-arrays.ts';
import { planRecordings } from './audio/plan-recordings.ts';
import { planPictures } from './image/plan-pictures.ts';
import type { Feed, Plan, PlannedLabels, Planned, DataPlan, DataPlanned } from './feeds.ts';
import type { LabelColumn } from './labels/label-column.ts';
import type { ModelSlots } from './model-slots.ts';
import { classesOf } from './model-slots.ts';
import type { OpenDataset } from './open.ts';
import type { InputSlot } from './samples.ts';
import type { DataSettings } from './settings.ts';
import { closedShape } from './arrays/fill-shape.ts';
import { shapeText } from '#base/nd-array.ts';

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
