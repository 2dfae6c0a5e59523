/** Fits data to a model: settings that nobody gave are guessed from the model and the data, each with a sentence that says so. */
import { fitArray } from './arrays/plan-arrays.ts';
import { shapeText } from '#base/nd-array.ts';
import { guessAudio } from './guess/guess-audio.ts';
import { guessLabels } from './guess/guess-labels.ts';
import { guessPictures } from './guess/guess-pictures.ts';
import { guessState } from './guess/guess-state.ts';
import type { ModelSlots } from './model-slots.ts';
import { sameName } from './model-slots.ts';
import type { OpenDataset } from './open.ts';
import type { Feed, Plan, Planned } from './feeds.ts';
import { planData } from './plan.ts';
import type { InputSlot } from './samples.ts';
import type { DataSettings } from './settings.ts';
import { dataSettings } from './settings.ts';

export interface Fit {
  readonly settings: DataSettings;
  /** Why these settings, in a sentence each. */
  readonly guesses: readonly string[];
  /** What keeps the data from being fed to the model; null when nothing does. */
  readonly problem: string | null;
  /** Samples that the settings make of the items. */
  readonly samples: number;
}

const DEFAULT_RATE = 16_000;

export function fitData(dataset: OpenDataset, model: ModelSlots, given: Partial<DataSettings> = {}): Fit {
  const guesses: string[] = [];
  const known = defined(given);
  const rate = known.audio?.sampleRate ?? DEFAULT_RATE;
  const state = guessState(model, (slot) => isFed(dataset, slot), rate);
  const constants = { ...state.constants, ...known.constants };
  const carry = known.carry ?? state.carry;
  for (const { input, text } of state.guesses) {
    const isGiven = known.constants?.[input] !== undefined && (known.carry !== undefined || carry[input] === undefined);
    if (!isGiven) guesses.push(text);
  }
  const open: ModelSlots = { ...model, inputs: model.inputs.filter(({ name }) => !(name in constants)) };
  const prepared = guessPreparation(dataset, open, known);
  guesses.push(...prepared.guesses);
  const labels = guessLabels(dataset.labels, model, known.labels);
  const settings = dataSettings.parse({
    ...prepared.settings,
    ...known,
    ...(prepared.settings.image === undefined ? {} : { image: prepared.settings.image }),
    ...(prepared.settings.audio === undefined ? {} : { audio: prepared.settings.audio }),
    ...(Object.keys(constants).length === 0 ? {} : { constants }),
    ...(Object.keys(carry).length === 0 ? {} : { carry }),
    ...(labels.labels === null ? {} : { labels: labels.labels }),
  });
  const { plan, problem, used } = planOrUnlabelled(dataset, model, settings, known.labels?.column === undefined);
  if (used === settings) guesses.push(...labels.guesses);
  if (plan === null) return { settings, guesses, problem, samples: 0 };
  guesses.push(...plan.feeds.flatMap((feed) => sayFeed(feed)), ...sayLabels(dataset, plan));
  return { settings: used, guesses, problem: labelProblem(plan), samples: plan.samples };
}

/** What looked like the labels of a table may be numbers that the model takes. `guessed`: nobody asked for that column. */
function planOrUnlabelled(
  dataset: OpenDataset,
  model: ModelSlots,
  settings: DataSettings,
  guessed: boolean,
): Planned & { readonly used: DataSettings } {
  const planned = planData(dataset, model, settings);
  if (planned.plan === null && guessed && dataset.content.kind === 'table') {
    const { labels: _labels, ...used } = settings;
    const again = planData(dataset, model, used);
    if (again.plan !== null) return { ...again, used };
  }
  return { ...planned, used: settings };
}

/** Settings without the ones that are there and undefined. */
function defined(given: Partial<DataSettings>): Partial<DataSettings> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<DataSettings>;
}

function isFed({ content }: OpenDataset, slot: InputSlot): boolean {
  return content.kind === 'arrays' && content.arrays.some(({ name }) => sameName(name, slot.name));
}

function guessPreparation(
  dataset: OpenDataset,
  model: ModelSlots,
  given: Partial<DataSettings>,
): { readonly settings: Partial<DataSettings>; readonly guesses: readonly string[] } {
  const { content } = dataset;
  if (content.kind === 'images') return guessPictures(model, given);
  if (content.kind === 'audio') return guessAudio(content.recordings, model, given);
  if (given.mean !== undefined || given.std !== undefined) return { settings: {}, guesses: [] };
  return { settings: {}, guesses: ['Numbers go in as they are: no mean and no deviation.'] };
}

/** What was met otherwise than by name and shape. */
function sayFeed(feed: Feed): readonly string[] {
  const takes = `${feed.slot.name} ${shapeText(feed.slot.shape)}`;
  if (feed.from === 'table') return [`${feed.columns.length} columns of numbers go to ${takes}.`];
  if (feed.from !== 'array') return [];
  const { array, each, order } = feed;
  const row = array.shape.slice(1).join(' x ') || 'one number';
  const said: string[] = [];
  if (!sameName(array.name, feed.slot.name)) said.push(`The array ${array.name} goes to ${takes}.`);
  if (each === 'whole') said.push(`The whole array ${array.name} goes to ${takes}, the same for every sample.`);
  if (order !== null)
    said.push(`Rows of ${row} are turned to ${shapeText(feed.shape)}: the channels lie at the other end.`);
  else if (
    fitArray(feed.slot, array) !== null &&
    array.shape.length === 2 &&
    feed.shape.filter((size) => size !== 1).length > 1
  ) {
    said.push(`Rows of ${row} are read as ${shapeText(feed.shape)}.`);
  }
  return said;
}

function sayLabels(dataset: OpenDataset, { labels, feeds }: Plan): readonly string[] {
  const [first] = dataset.labels;
  if (labels === null) {
    if (first === undefined) return [];
    const all = feeds.some(({ from }) => from === 'table');
    return all ? ['All columns are inputs, so no column is left for labels.'] : [];
  }
  const { column, classes, count } = labels;
  if (!count) {
    return [
      `The ${column.sorted?.length ?? 0} names in ${column.name} cannot be told apart by the model's ${classes ?? 0} classes, so labels serve the split and count no hits. Give indices, or a file of class names.`,
    ];
  }
  if (column.sorted !== null) {
    return [
      `The ${column.sorted.length} names in ${column.name} are numbered in the order of the alphabet, ${column.sorted[0] ?? ''} first.`,
    ];
  }
  const over = outside(dataset, labels);
  if (over === 0) return [];
  return [
    `${over} of ${column.labelled} labels in ${column.name} are not among the model's ${classes ?? 0} classes; those samples are refused.`,
  ];
}

function outside(dataset: OpenDataset, { column, classes, offset }: NonNullable<Plan['labels']>): number {
  if (classes === null || column.largest + offset < classes) return 0;
  let count = 0;
  for (let item = 0; item < dataset.info.items; item++) {
    if (column.classes(item)?.some((index) => index + offset >= classes || index + offset < 0) === true) count += 1;
  }
  return count;
}

/** Labels of another task: not one of them is a class of the model. */
function labelProblem({ labels }: Plan): string | null {
  if (labels === null || !labels.count || labels.classes === null || labels.column.largest < 0) return null;
  const { column, offset, classes } = labels;
  const smallest = column.smallest + offset;
  if (smallest < classes) return null;
  return `The labels in ${column.name} are ${smallest} to ${column.largest + offset}, and the model has classes 0 to ${classes - 1}.`;
}
