/** The arrays among dropped files: which hold data, which hold labels, which hold the names of classes. */
import type { ByteSource, Files } from '#base/bytes.ts';
import { countOf } from '#base/dtype.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import { stemOf } from '#data/files/list-files.ts';
import type { FoundLabels } from '#data/labels/find-labels.ts';
import { hasLabelShape, isNamedClasses, isNamedLabels, labelsOf } from '#data/labels/label-array.ts';
import type { DataArray, Holding } from './data-array.ts';
import { createHolding, openIdx, openNpy, openNpz } from './data-array.ts';

export interface FoundArrays {
  readonly arrays: readonly DataArray[];
  readonly labels: FoundLabels;
  /** Rows of the largest array. */
  readonly count: number;
  readonly label: string;
  readonly notices: readonly Notice[];
}

export async function findArrays(files: Files, signal: AbortSignal | undefined): Promise<FoundArrays> {
  const holding = createHolding();
  const all: DataArray[] = [];
  for (const [path, source] of files) {
    checkCancelled(signal);
    all.push(...(await open(path, source, holding)));
  }
  const { kept, notices } = oneSet(all);
  const names = await classNames(kept);
  const rest = kept.filter(({ name, dtype }) => !(isNamedClasses(name) && dtype === 'string'));
  const isLabels = (array: DataArray): boolean => isNamedLabels(array.name) && hasLabelShape(array);
  // A model may have an input called `y`: what is named as labels is data where nothing else is there.
  const data = rest.some((array) => !isLabels(array)) ? rest.filter((array) => !isLabels(array)) : rest;
  const [largest] = data.toSorted((a, b) => countOf(b.shape) - countOf(a.shape));
  if (largest === undefined) {
    throw new PareError({ code: 'data/no-arrays', problem: 'There are labels, but no array of data.' });
  }
  const count = largest.shape[0] ?? 1;
  const columns = [];
  for (const array of rest.filter((one) => !data.includes(one))) {
    if (array.shape[0] === count) columns.push(await labelsOf(array, names));
    else {
      const text = `${array.file} has ${array.shape[0] ?? 0} labels for ${count} rows, and is not used.`;
      notices.push({ level: 'warning', code: 'data/label-count', text, at: array.file });
    }
  }
  return {
    arrays: data,
    labels: { columns, names, notices: [] },
    count,
    label: labelFor(largest, data.length),
    notices,
  };
}

async function open(path: string, source: ByteSource, holding: Holding): Promise<readonly DataArray[]> {
  if (source.sizeBytes === 0) {
    throw new PareError({ code: 'data/empty-file', file: path, problem: 'The file is empty.', hint: 'Get it again.' });
  }
  if (/\.npz$/i.test(path)) return openNpz(source, holding);
  return [await (/\.npy$/i.test(path) ? openNpy : openIdx)(stemOf(path), source, holding)];
}

const TRAINING = /(^|[^a-z])train(ing)?([^a-z]|$)/i;
const HELD_OUT = /(^|[^a-z])(test|t10k|val|valid|validation|eval)([^a-z]|$)/i;

/** Of training and test arrays side by side, the test ones: accuracy on what a model was trained on says little. */
function oneSet(all: readonly DataArray[]): { readonly kept: readonly DataArray[]; readonly notices: Notice[] } {
  const training = all.filter(({ name }) => TRAINING.test(name));
  if (training.length === 0 || !all.some(({ name }) => HELD_OUT.test(name))) return { kept: all, notices: [] };
  const left = training.map(({ name }) => name).join(', ');
  const text = `${left} are not used, since there are test arrays beside them. Give the training arrays alone to use those.`;
  const kept = all.filter((array) => !training.includes(array));
  return { kept, notices: [{ level: 'info', code: 'data/training-left', text }] };
}

async function classNames(arrays: readonly DataArray[]): Promise<readonly string[] | null> {
  const found = arrays.find(({ name, dtype }) => isNamedClasses(name) && dtype === 'string');
  if (found === undefined) return null;
  const { data } = await found.whole();
  return Array.from(data, String);
}

function labelFor({ shape, dtype }: DataArray, arrays: number): string {
  const [rows = 1, ...row] = shape;
  const size = row.length === 0 ? 'one number' : row.join(' x ');
  const others = arrays > 1 ? `, and ${arrays - 1} more array${arrays > 2 ? 's' : ''}` : '';
  return `${rows} row${rows === 1 ? '' : 's'} of ${size}, ${dtype}${others}`;
}
