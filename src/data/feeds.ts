/** What a plan of data says: which part of the data feeds which input, in which shape and scaled how. */
import type { DataArray } from './arrays/data-array.ts';
import { shapeText } from '#base/nd-array.ts';
import type { PicturePlan } from './image/prepare-picture.ts';
import type { LabelColumn } from './labels/label-column.ts';
import type { InputSlot } from './samples.ts';
import type { AudioSettings, DataSettings } from './settings.ts';

export interface FeaturePlan {
  readonly audio: AudioSettings;
  /** The input has bands first and time second. */
  readonly turned: boolean;
  readonly scale: Scale | null;
}

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
