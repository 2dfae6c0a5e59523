/** Arrays of labels beside arrays of data: told from data by name and shape. */
import { PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { DataArray } from '#data/arrays/data-array.ts';
import { numbersOf } from '#data/arrays/numbers.ts';
import type { LabelColumn } from './label-column.ts';
import { columnOf } from './label-column.ts';

/** `labels.npy`, `y_test.npy`, `labels_u8.npy`, `t10k-labels-idx1-ubyte`. */
export function isNamedLabels(name: string): boolean {
  return name
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .some((word) => /^(labels?|y|targets?|truth|groundtruth|gt)$/.test(word));
}

/** Names of the classes, such as the array `class_names` of an archive. */
export function isNamedClasses(name: string): boolean {
  return /^(class(es)?|class[_-]?names|label[_-]?names|categories)$/i.test(name);
}

/** One label a row, or a row of zeros with a single one. */
export function hasLabelShape({ shape, dtype }: DataArray): boolean {
  const [, ...rest] = shape.filter((size, axis) => axis === 0 || size !== 1);
  if (shape.length === 0) return false;
  return dtype === 'string' ? rest.length === 0 : rest.length <= 1;
}

/** The labels in an array. Throws a `PareError` that names the row that holds none. */
export async function labelsOf(array: DataArray, names: readonly string[] | null): Promise<LabelColumn> {
  const whole = await array.whole();
  const cells = whole.dtype === 'string' ? textCells(whole) : numberCells(array, whole);
  return columnOf(array.name, cells, names);
}

function textCells({ data }: NdArray): string[] {
  return Array.from(data, String);
}

function numberCells(array: DataArray, whole: NdArray): string[] {
  const values = numbersOf(whole);
  if (values === null) return [];
  const rows = whole.shape[0] ?? 0;
  const width = rows === 0 ? 0 : values.length / rows;
  const cells: string[] = [];
  for (let row = 0; row < rows; row++) {
    const label = width === 1 ? (values[row] ?? 0) : oneHot(values.subarray(row * width, (row + 1) * width));
    if (label === null || !Number.isInteger(label)) {
      throw new PareError({
        code: 'data/labels-not-indices',
        file: array.file,
        place: `array ${array.name}, row ${row}`,
        problem: label === null ? 'it does not hold a single 1 among zeros.' : `${label} is no class index.`,
        hint: 'Give one class index a row, or one-hot rows.',
      });
    }
    cells.push(String(label));
  }
  return cells;
}

function oneHot(row: ArrayLike<number>): number | null {
  let found: number | null = null;
  for (let index = 0; index < row.length; index++) {
    const value = row[index] ?? 0;
    if (value === 0) continue;
    if (value !== 1 || found !== null) return null;
    found = index;
  }
  return found;
}
