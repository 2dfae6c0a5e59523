/** Arrays and tables meet a model's inputs: by name, else by what fits. */
import { countOf } from '#base/dtype.ts';
import type { LabelColumn } from '#data/labels/label-column.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import { sameName } from '#data/model-slots.ts';
import type { DataPlanned, Feed, Plan } from '#data/feeds.ts';
import { scaleFor } from '#data/feeds.ts';
import type { InputSlot } from '#data/samples.ts';
import type { DataSettings } from '#data/settings.ts';
import type { DataArray } from './data-array.ts';
import type { DataTable } from './data-table.ts';
import { fillFlat, fillShape } from './fill-shape.ts';
import { shapeText } from '#base/nd-array.ts';

type ArrayFeed = Extract<Feed, { from: 'array' }>;
type Fitted = Pick<ArrayFeed, 'shape' | 'each' | 'order'>;

/** How an array fills a slot: one row a sample, pictures turned to the slot's layout, or all of it for every sample. */
export function fitArray(slot: InputSlot, array: DataArray): Fitted | null {
  if (array.dtype === 'string') return null;
  const [, ...row] = array.shape;
  if (array.shape.length > 0) {
    const shape = fillShape(slot.shape, row);
    if (shape !== null) return { shape, each: 'row', order: null };
    for (const order of turnsOf(row)) {
      const turned = fillShape(
        slot.shape,
        order.map((axis) => row[axis] ?? 1),
      );
      if (turned !== null) return { shape: turned, each: 'row', order };
    }
    const flat = fillFlat(slot.shape, row);
    if (flat !== null && countOf(row) > 1) return { shape: flat, each: 'row', order: null };
  }
  const whole = fillShape(slot.shape, array.shape);
  return whole === null ? null : { shape: whole, each: 'whole', order: null };
}

/** Channels last to channels first and back, where one end looks like channels. */
function turnsOf(row: readonly number[]): readonly (readonly number[])[] {
  if (row.length !== 3) return [];
  const [first = 0, , last = 0] = row;
  return [...(last <= 4 ? [[2, 0, 1]] : []), ...(first <= 4 ? [[1, 2, 0]] : [])];
}

export function planArrays(arrays: readonly DataArray[], model: ModelSlots, settings: DataSettings): DataPlanned {
  const met = meet(arrays, model, settings);
  const feeds: Feed[] = [];
  const main = settings.input ?? [...met.keys()][0]?.name;
  for (const [slot, array] of met) {
    const fitted = fitArray(slot, array);
    if (fitted === null) return { problem: misfit(slot, array) };
    const scale = slot.name === main ? scaleFor(fitted.shape, settings, slot.name) : null;
    if (scale !== null && 'problem' in scale) return scale;
    feeds.push({ from: 'array', slot, array, ...fitted, scale });
  }
  const rows = feeds.flatMap((feed) => (feed.from === 'array' && feed.each === 'row' ? [feed] : []));
  const samples = rows[0]?.array.shape[0] ?? (feeds.length > 0 ? 1 : 0);
  const other = rows.find(({ array }) => array.shape[0] !== samples);
  if (other !== undefined) {
    const problem = `The array ${rows[0]?.array.name ?? ''} has ${samples} rows and ${other.array.name} has ${other.array.shape[0] ?? 0}: give each the same number.`;
    return { problem };
  }
  return { feeds, samples, golden: goldenOf(arrays, model, met, samples) };
}

/** Inputs with the array that feeds each: by name, and the rest by what fits, largest first. */
function meet(
  arrays: readonly DataArray[],
  model: ModelSlots,
  settings: DataSettings,
): ReadonlyMap<InputSlot, DataArray> {
  const met = new Map<InputSlot, DataArray>();
  const used = new Set<DataArray>();
  const give = (slot: InputSlot, array: DataArray | undefined): void => {
    if (array === undefined || met.has(slot)) return;
    met.set(slot, array);
    used.add(array);
  };
  for (const slot of model.inputs) {
    give(slot, arrays.find(({ name }) => name === slot.name) ?? arrays.find(({ name }) => sameName(name, slot.name)));
  }
  const isOutput = (array: DataArray): boolean => model.outputs.some(({ name }) => sameName(name, array.name));
  const free = arrays.filter((array) => !used.has(array) && !isOutput(array)).toSorted(bySize);
  const hungry = model.inputs.filter((slot) => !met.has(slot));
  const [first] = hungry;
  const wanted = hungry.find(({ name }) => name === settings.input) ?? first;
  if (wanted === undefined) return met;
  if (hungry.length === 1 || settings.input !== undefined || free.length === 1) {
    const slot = hungry.find((one) => free.some((array) => fitArray(one, array) !== null)) ?? wanted;
    const target = settings.input === undefined ? slot : wanted;
    give(target, free.find((array) => fitArray(target, array) !== null) ?? free[0]);
    return met;
  }
  for (const slot of hungry) {
    const fitting = free.filter((array) => !used.has(array) && fitArray(slot, array) !== null);
    if (fitting.length === 1) give(slot, fitting[0]);
  }
  return met;
}

function bySize(a: DataArray, b: DataArray): number {
  return countOf(b.shape) - countOf(a.shape);
}

function misfit(slot: InputSlot, array: DataArray): string {
  if (array.dtype === 'string')
    return `The array ${array.name} holds texts, and the input ${slot.name} takes ${slot.dtype}.`;
  const [rows = 0, ...row] = array.shape;
  const sizes = row.length === 0 ? 'single numbers' : row.join(' x ');
  return `The ${rows} rows of ${array.name} are ${sizes}, and the input ${slot.name} takes ${shapeText(slot.shape)}.`;
}

/** Arrays named as outputs, and as no input, are what the model should give. */
function goldenOf(
  arrays: readonly DataArray[],
  { outputs }: ModelSlots,
  met: ReadonlyMap<InputSlot, DataArray>,
  samples: number,
): Plan['golden'] {
  const fed = new Set(met.values());
  return outputs.flatMap((slot): Plan['golden'] => {
    const array = arrays.find((one) => !fed.has(one) && one.dtype !== 'string' && sameName(one.name, slot.name));
    if (array === undefined) return [];
    const [rows, ...row] = array.shape;
    if (rows === samples) {
      const shape = fillShape(slot.shape, row) ?? [1, ...row];
      return [{ name: slot.name, array, shape, each: 'row' as const }];
    }
    const whole = samples === 1 ? fillShape(slot.shape, array.shape) : null;
    return whole === null ? [] : [{ name: slot.name, array, shape: whole, each: 'whole' as const }];
  });
}

/** Columns of numbers in order, without the label. */
export function planTable(
  table: DataTable,
  name: string,
  open: readonly InputSlot[],
  settings: DataSettings,
  label: LabelColumn | null,
): DataPlanned {
  const slot = open.find((input) => input.name === settings.input) ?? open[0];
  if (slot === undefined) return { problem: 'The model has no input that a table could feed.' };
  const chosen = settings.labels?.column === undefined ? null : (label?.place ?? null);
  const without = (left: readonly number[]): readonly number[] =>
    table.numeric.filter((column) => !left.includes(column));
  const choices = chosen === null ? [without([]), without(table.labelColumns)] : [];
  if (label?.place !== undefined) choices.push(without([label.place]));
  if (chosen !== null) choices.push(without(table.labelColumns));
  for (const columns of choices) {
    const shape = fillFlat(slot.shape, [columns.length]) ?? fillShape(slot.shape, [columns.length]);
    if (shape === null) continue;
    const scale = scaleFor(shape, settings, slot.name);
    if (scale !== null && 'problem' in scale) return scale;
    return { feeds: [{ from: 'table', slot, shape, columns, scale }], samples: table.rows };
  }
  const left = table.columns.length - table.numeric.length;
  const texts = left === 0 ? '' : ` besides ${left} of text`;
  const problem = `${name} has ${table.numeric.length} columns of numbers${texts}, and the input ${slot.name} takes ${shapeText(slot.shape)}.`;
  return { problem };
}
