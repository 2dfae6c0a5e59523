/** Samples of a data set as a model is fed with them: read and prepared one at a time, when they are asked for. */
import { countOf } from '#base/dtype.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { NdArray, NdData } from '#base/nd-array.ts';
import { shapeText } from '#base/nd-array.ts';
import { permuteRow, scaleNumbers } from './arrays/reorder.ts';
import type { Misfit, Numbers } from './arrays/numbers.ts';
import { castNumbers, isMisfit, numbersOf } from './arrays/numbers.ts';
import { createInputReader } from './audio/read-input.ts';
import { digestOf } from './files/digest.ts';
import { decodePicture } from './image/decode-picture.ts';
import { createPicturePreparer } from './image/prepare-picture.ts';
import type { ModelSlots } from './model-slots.ts';
import type { OpenDataset } from './open.ts';
import type { Feed, Plan, PlannedLabels } from './feeds.ts';
import { planData } from './plan.ts';
import type { InputSlot, Sample, Samples } from './samples.ts';
import type { DataSettings } from './settings.ts';

export { splitSamples, takeSamples } from './split.ts';

/** Where a sample lies: which item of the data, and which part of it. */
export interface Place {
  readonly item: number;
  readonly part: number;
}

/** Throws a `PareError` where the data does not fit the model under these settings: `fitData` tells so beforehand. */
export function samplesOf(dataset: OpenDataset, model: ModelSlots, settings: DataSettings): Samples {
  const { plan, problem } = planData(dataset, model, settings);
  if (plan === null) {
    throw new PareError({
      code: 'data/misfit',
      file: dataset.info.name,
      problem,
      hint: 'Change how the data is prepared.',
    });
  }
  const place = placesOf(plan);
  const feeds = plan.feeds.map((feed) => ({ name: feed.slot.name, read: readerFor(feed, dataset) }));
  const carry = new Map(Object.entries(settings.carry ?? {}));
  const { split, ...preparation } = settings;
  void split;
  return {
    length: plan.samples,
    description: `${plan.samples} sample${plan.samples === 1 ? '' : 's'} of ${dataset.info.name}`,
    fingerprint: digestOf(dataset.fingerprint, JSON.stringify(preparation), slotsText(model)),
    carry,
    grouping: {
      group: (index) => (carry.size > 0 && plan.counts === null ? 0 : place(index).item),
      stratum: (index) => (dataset.labels.length === 0 ? null : (plan.labels?.column.text(place(index).item) ?? null)),
    },
    async read(index, signal) {
      checkCancelled(signal);
      if (!Number.isInteger(index) || index < 0 || index >= plan.samples)
        throw new RangeError(`there is no sample ${index}`);
      const at = place(index);
      const name = nameOf(dataset, plan, at);
      const classes = classesAt(plan.labels, at.item, name);
      const fed = new Map<string, NdArray>();
      for (const feed of feeds) {
        fed.set(feed.name, await feed.read(at, name));
        checkCancelled(signal);
      }
      const expected = await goldenAt(plan, at.item);
      return {
        name,
        feeds: fed,
        classes,
        ...(expected.size === 0 ? {} : { expected }),
        ...(carry.size === 0 ? {} : { sequence: sequenceOf(dataset, plan, at) }),
      } satisfies Sample;
    },
  };
}

function slotsText({ inputs, outputs }: ModelSlots): string {
  return [...inputs, ...outputs].map(({ name, dtype, shape }) => `${name} ${dtype} ${shapeText(shape)}`).join('\n');
}

/** From the number of a sample to the item it is part of. */
export function placesOf({ counts }: Plan): (index: number) => Place {
  if (counts === null) return (item) => ({ item, part: 0 });
  const starts: number[] = [];
  let next = 0;
  for (const count of counts) {
    starts.push(next);
    next += count;
  }
  return (index) => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    return { item: low, part: index - (starts[low] ?? 0) };
  };
}

export function nameOf({ content }: OpenDataset, plan: Plan, { item, part }: Place): string {
  if (content.kind === 'images') return content.files[item]?.path ?? '';
  if (content.kind !== 'audio') return `row ${item}`;
  const path = content.recordings[item]?.path ?? '';
  const feed = plan.feeds.find((one) => one.from === 'recordings');
  if (feed === undefined || (plan.counts?.[item] ?? 1) === 1) return path;
  const { hop, frameHop, sampleRate, feature } = feed.plan.audio;
  const seconds = (part * hop * (feature === 'waveform' ? 1 : frameHop)) / sampleRate;
  return `${path} at ${Number(seconds.toFixed(3))} s`;
}

function sequenceOf({ content, info }: OpenDataset, plan: Plan, { item }: Place): string {
  return content.kind === 'audio'
    ? (content.recordings[item]?.path ?? '')
    : plan.counts === null
      ? info.name
      : String(item);
}

function classesAt(labels: PlannedLabels | null, item: number, sample: string): readonly number[] | null {
  if (labels === null || !labels.count) return null;
  const given = labels.column.classes(item);
  if (given === null) return null;
  const classes = given.map((index) => index + labels.offset);
  const wrong = classes.find((index) => index < 0 || (labels.classes !== null && index >= labels.classes));
  if (wrong === undefined) return classes;
  throw new PareError({
    code: 'data/label-outside',
    file: sample,
    place: `label ${wrong} of ${labels.column.name}`,
    problem: `the model has the classes 0 to ${(labels.classes ?? 0) - 1}.`,
    hint: 'Correct the label, or the number that is added to labels.',
  });
}

async function goldenAt({ golden, samples }: Plan, item: number): Promise<ReadonlyMap<string, NdArray>> {
  const expected = new Map<string, NdArray>();
  for (const { name, array, shape, each } of golden) {
    const { dtype, data } = each === 'whole' || samples === 0 ? await array.whole() : await array.rows(item, 1);
    expected.set(name, { dtype, shape, data });
  }
  return expected;
}

type Reader = (place: Place, sample: string) => Promise<NdArray>;

function readerFor(feed: Feed, { content }: OpenDataset): Reader {
  const { slot, shape } = feed;
  switch (feed.from) {
    case 'constant': {
      const values = new Float64Array(countOf(shape)).fill(feed.value);
      return async (_, sample) => stored(slot, shape, values, sample, false);
    }
    case 'array': {
      const { array, each, order, scale } = feed;
      return async ({ item }, sample) => {
        const row = each === 'whole' ? await array.whole() : await array.rows(item, 1);
        const turned = order === null ? row : permuteRow(row, array.shape.slice(1), order);
        if (scale === null && row.dtype === slot.dtype && !turned.dtype.startsWith('f'))
          return { dtype: slot.dtype, shape, data: turned.data };
        const numbers = numbersOf(turned);
        if (numbers === null) throw new TypeError(`${array.name} holds texts`);
        return stored(slot, shape, scale === null ? numbers : scaleNumbers(numbers, scale), sample, scale !== null);
      };
    }
    case 'table': {
      const { columns, scale } = feed;
      return async ({ item }, sample) => {
        if (content.kind !== 'table') throw new TypeError('the data is no table');
        const numbers = await content.table.read(item, columns);
        return stored(slot, shape, scale === null ? numbers : scaleNumbers(numbers, scale), sample, scale !== null);
      };
    }
    case 'pictures': {
      const prepare = createPicturePreparer(feed.plan);
      return async ({ item }, sample) => {
        if (content.kind !== 'images') throw new TypeError('the data is not of pictures');
        const picture = await decodePicture(content.files[item], content.decode);
        return stored(slot, shape, prepare(picture), sample, true);
      };
    }
    default: {
      const reader = createInputReader(feed.plan);
      const { scale } = feed.plan;
      return async ({ item, part }, sample) => {
        const recording = content.kind === 'audio' ? content.recordings[item] : undefined;
        if (recording === undefined) throw new TypeError('the data is not of recordings');
        const values = await reader.read(recording, part);
        return stored(slot, shape, scale === null ? values : scaleNumbers(values, scale), sample, true);
      };
    }
  }
}

/** Numbers in the slot's element type; refused with the sample and the input named where they do not fit. */
function stored(slot: InputSlot, shape: readonly number[], values: Numbers, sample: string, round: boolean): NdArray {
  const data: NdData | Misfit | null = castNumbers(values, slot.dtype, { round });
  if (data !== null && !isMisfit(data)) return { dtype: slot.dtype, shape, data };
  const refuse = (problem: string, hint: string): PareError =>
    new PareError({ code: 'data/value', file: sample, place: `input ${slot.name}`, problem, hint });
  if (data === null) throw refuse(`numbers cannot be given as ${slot.dtype}.`, 'This model takes other data.');
  const value = values[data.index] ?? 0;
  const at = `element ${data.index}`;
  switch (data.problem) {
    case 'nan':
      throw refuse(`${at} is not a number (NaN).`, 'Correct the data, or take the sample out.');
    case 'fraction':
      throw refuse(
        `${at} is ${value}, and the input takes whole numbers (${slot.dtype}).`,
        'Round the data, or scale it.',
      );
    default:
      throw refuse(`${at} is ${value}, which ${slot.dtype} does not hold.`, 'Set mean and deviation so that it does.');
  }
}
