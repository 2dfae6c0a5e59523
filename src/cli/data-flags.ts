/** The flags that say which data a model is measured on, and how it is prepared; shared by the commands that need data. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import type { Files } from '#base/bytes.ts';
import type { DataKind } from '#data/dataset.ts';
import { imageSettings, type DataSettings } from '#data/settings.ts';
import type { PreparedData } from '#studio/data.ts';
import type { OpenModel } from '#studio/workshop.ts';
import { UsageError } from './command.ts';
import type { Arguments, FlagSpec, Terminal } from './command.ts';
import { dataFiles } from './data-files.ts';
import { printNotices } from './models.ts';

export const DATA_FLAGS: Readonly<Record<string, FlagSpec>> = {
  data: {
    type: 'string',
    value: 'PATH',
    help: 'samples: a folder, .npy, .npz, IDX, CSV, zip, or a dataset file (JSON)',
  },
  labels: { type: 'string', value: 'FILE', help: 'labels, where they do not lie with the samples' },
  'label-column': { type: 'string', value: 'NAME', help: 'column of the table of labels' },
  'label-offset': { type: 'string', value: 'N', help: 'added to every label: 1 where class 0 is "background"' },
  mean: {
    type: 'string',
    value: 'M',
    help: 'values become (x - mean) / std; one number or one a channel: 127.5 or 123.7,116.3,103.5',
  },
  std: { type: 'string', value: 'S', help: 'likewise' },
  layout: { type: 'string', value: 'nhwc|nchw', help: 'where the model keeps the channels of a picture' },
  fit: { type: 'string', value: 'MODE', help: 'pictures: crop (default), stretch or letterbox' },
  channels: { type: 'string', value: 'ORDER', help: 'pictures: rgb (default), bgr or gray' },
  calibration: {
    type: 'string',
    value: 'N',
    help: 'samples that ranges are measured on (default 100); the others are for accuracy',
  },
  'split-seed': { type: 'string', value: 'N', help: 'seed of that choice (default 1)' },
};

/** The data that the flags name, fitted to the model; null without --data. `settings` are a recipe's own. Remarks go to stderr. */
export async function dataFromFlags(
  args: Arguments,
  open: OpenModel,
  terminal: Terminal,
  settings?: DataSettings,
): Promise<PreparedData | null> {
  const path = args.text('data');
  const given = settingsFromFlags(args);
  if (path === undefined) {
    const other = Object.keys(DATA_FLAGS).find((flag) => flag !== 'data' && args.text(flag) !== undefined);
    if (other !== undefined) throw new UsageError(`--${other} says how data is prepared and needs --data PATH.`);
    return null;
  }
  const { fitTo, openData, prepareData } = await import('#studio/data.ts');
  const { decodePicture } = await import('./picture-decoder.ts');
  const place = await placeOf(path, args.text('labels'));
  const dataset = await openData(place.files, {
    decode: decodePicture,
    labels: place.labels,
    name: basename(path),
    signal: terminal.signal,
  });
  const fixed = place.settings ?? settings;
  const none = Object.keys(given).length === 0;
  const chosen = none ? fixed : over(fitTo(open, dataset, fixed).settings, given, dataset.info.kind);
  const prepared = await prepareData(open, dataset, chosen);
  for (const guess of prepared.fit.guesses) terminal.note(`data: ${guess}`);
  printNotices([...dataset.info.notices, ...prepared.notices], terminal);
  return prepared;
}

interface Place {
  readonly files: Files;
  readonly labels?: Files;
  readonly settings?: DataSettings;
}

/** A dataset file names data and labels relative to itself. */
async function placeOf(path: string, labels: string | undefined): Promise<Place> {
  const labelFiles = labels === undefined ? {} : { labels: dataFiles(labels) };
  if (!/\.json$/i.test(path) || !existsSync(path) || !statSync(path).isFile()) {
    return { files: dataFiles(path), ...labelFiles };
  }
  const { readDatasetFile } = await import('#data/dataset-file.ts');
  const file = readDatasetFile(readFileSync(path, 'utf8'), path);
  const beside = (name: string): Files => dataFiles(resolve(dirname(path), name));
  const files = new Map(file.data.flatMap((name) => [...beside(name)]));
  return {
    files,
    ...(file.settings === undefined ? {} : { settings: file.settings }),
    ...(file.labels === undefined ? {} : { labels: beside(file.labels) }),
    ...labelFiles,
  };
}

function settingsFromFlags(args: Arguments): FlagSettings {
  const mean = numbers(args, 'mean');
  const std = numbers(args, 'std');
  const layout = oneOf(args, 'layout', ['nhwc', 'nchw'] as const);
  const fit = oneOf(args, 'fit', ['crop', 'stretch', 'letterbox'] as const);
  const channels = oneOf(args, 'channels', ['rgb', 'bgr', 'gray'] as const);
  const column = args.text('label-column');
  const offset = args.text('label-offset') === undefined ? undefined : integer(args, 'label-offset');
  return {
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
    ...(layout === undefined ? {} : { layout }),
    ...(fit === undefined ? {} : { fit }),
    ...(channels === undefined ? {} : { channels }),
    ...(column === undefined ? {} : { column }),
    ...(offset === undefined ? {} : { offset }),
    ...(args.text('calibration') === undefined ? {} : { calibration: args.count('calibration', 100, 1) }),
    ...(args.text('split-seed') === undefined ? {} : { seed: args.count('split-seed', 1) }),
  };
}

interface FlagSettings extends Partial<Pick<DataSettings, 'mean' | 'std' | 'layout'>> {
  readonly fit?: 'crop' | 'stretch' | 'letterbox';
  readonly channels?: 'rgb' | 'bgr' | 'gray';
  readonly column?: string;
  readonly offset?: number;
  readonly calibration?: number;
  readonly seed?: number;
}

/** Settings with what the flags say over them; flags about pictures are refused for other data rather than ignored. */
function over(settings: DataSettings, given: FlagSettings, kind: DataKind): DataSettings {
  const { mean, std, layout, fit, channels, column, offset, calibration, seed } = given;
  if (kind !== 'images') {
    for (const [flag, value] of Object.entries({ fit, channels })) {
      if (value !== undefined) throw new UsageError(`--${flag} is about pictures, and the data are ${kind}.`);
    }
  }
  const image = imageSettings.parse({
    ...settings.image,
    ...(fit === undefined ? {} : { fit }),
    ...(channels === undefined ? {} : { channels }),
  });
  return {
    ...settings,
    ...(mean === undefined ? {} : { mean }),
    ...(std === undefined ? {} : { std }),
    ...(layout === undefined ? {} : { layout }),
    ...(kind === 'images' ? { image } : {}),
    labels: {
      ...settings.labels,
      ...(column === undefined ? {} : { column }),
      offset: offset ?? settings.labels?.offset ?? 0,
    },
    split: { calibration: calibration ?? settings.split.calibration, seed: seed ?? settings.split.seed },
  };
}

/** `0.5` or `0.485,0.456,0.406`. */
function numbers(args: Arguments, flag: string): number | number[] | undefined {
  const text = args.text(flag);
  if (text === undefined) return undefined;
  const values = text.split(',').map((part) => (part.trim() === '' ? NaN : Number(part)));
  if (!values.every(Number.isFinite))
    throw new UsageError(`--${flag} takes a number, or one a channel with commas, not '${text}'.`);
  if (flag === 'std' && values.includes(0)) throw new UsageError('--std divides, so it must not be 0.');
  return values.length === 1 ? values[0] : values;
}

function integer(args: Arguments, flag: string): number {
  const value = Number(args.text(flag));
  if (!Number.isSafeInteger(value))
    throw new UsageError(`--${flag} takes a whole number, not '${args.text(flag) ?? ''}'.`);
  return value;
}

function oneOf<Choice extends string>(args: Arguments, flag: string, choices: readonly Choice[]): Choice | undefined {
  const text = args.text(flag);
  const found = choices.find((choice) => choice === text);
  if (text !== undefined && found === undefined)
    throw new UsageError(`--${flag} takes ${choices.join(', ')}, not '${text}'.`);
  return found;
}

export type DataPart = 'all' | 'calibration' | 'evaluation';

/** Which part of the data is run: --part. */
export function partOf(args: Arguments): DataPart {
  return oneOf(args, 'part', ['all', 'evaluation', 'calibration'] as const) ?? 'all';
}
