/** How a row of data fills a model's input: sizes of 1 are free, open sizes take what the data has. */
import { countOf } from '#base/dtype.ts';
import type { InputSlot } from '#data/samples.ts';

type Sizes = InputSlot['shape'];

/**
 * The slot's shape with its open sizes filled, so that it holds a row of this shape; sizes of 1 may be missing on either side.
 * null: it does not fit. 49 x 10 fills [N, 49, 10, 1] as [1, 49, 10, 1].
 */
export function fillShape(slot: Sizes, row: readonly number[]): readonly number[] | null {
  const same = slot.length === row.length && slot.every((size, axis) => isOpen(size) || size === row[axis]);
  if (same) return [...row];
  return fill(
    slot,
    row.filter((size) => size !== 1),
  );
}

/** Open sizes are tried as 1 first, from the left: the first is the batch more often than not. */
function fill(slot: Sizes, row: readonly number[]): number[] | null {
  const [size, ...others] = slot;
  if (size === undefined) return row.length === 0 ? [] : null;
  if (isOpen(size) || size === 1) {
    const rest = fill(others, row);
    if (rest !== null) return [1, ...rest];
    if (!isOpen(size)) return null;
  }
  const [next, ...left] = row;
  if (next === undefined || (!isOpen(size) && size !== next)) return null;
  const rest = fill(others, left);
  return rest === null ? null : [next, ...rest];
}

/** The slot's shape where a flat row has just as many numbers as it takes; open sizes are 1. */
export function fillFlat(slot: Sizes, row: readonly number[]): readonly number[] | null {
  const shape = closedShape(slot);
  return row.filter((size) => size !== 1).length <= 1 && countOf(shape) === countOf(row) ? shape : null;
}

/** Open sizes as 1. */
export function closedShape(slot: Sizes): readonly number[] {
  return slot.map((size) => (typeof size === 'number' ? size : 1));
}

export function isOpen(size: Sizes[number]): size is string | null {
  return typeof size !== 'number';
}
