/**
 * Sparse constants of TFLite laid out densely. Axes are walked in the order of `traversal`; a blocked axis appears twice, its blocks first
 * and the places inside a block later. An axis is dense or lists, for each place of the axes before it, which indices are there.
 *
 * Source: tensorflow/lite/kernels/internal/utils/sparsity_format_converter.cc.
 */
import { bitsOf, bytesFor, countOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Sparsity } from './record/file.ts';

/** A dense constant is a weight: no honest one is larger. */
const MOST_BYTES = 2 ** 31;

/** How the stored elements become all elements. Refuses layouts that do not fit the shape. */
export function densify(
  sparsity: Sparsity,
  shape: readonly number[],
  type: DType,
  name: string,
): (stored: Uint8Array) => Uint8Array {
  const { traversal, blockMap, axes } = sparsity;
  const rank = shape.length;
  const sizes = blockSizes(sparsity, rank);
  /** Places along an axis as it is walked: blocks, or places inside one. */
  const expanded = (at: number): number => {
    const axis = traversal[at] ?? 0;
    return axis < rank ? (shape[axis] ?? 0) / (sizes[axis] ?? 1) : (sizes[blockMap[axis - rank] ?? 0] ?? 0);
  };
  const sound =
    bitsOf(type) >= 8 &&
    traversal.length === axes.length &&
    axes.length === rank + blockMap.length &&
    traversal.toSorted((a, b) => a - b).every((axis, at) => axis === at) &&
    blockMap.every((axis) => axis >= 0 && axis < rank) &&
    sizes.every((size, axis) => size > 0 && (shape[axis] ?? 0) % size === 0) &&
    axes.every(({ segments, size }, at) => segments !== undefined || size === expanded(at)) &&
    bytesFor(type, countOf(shape)) <= MOST_BYTES;
  if (!sound) throw refuse(name, 'Its sparse layout does not fit its shape.');
  return (stored) => unpack(sparsity, shape, sizes, bitsOf(type) / 8, stored, name);
}

/** Block size along each axis; 1 where it is not blocked. */
function blockSizes({ traversal, blockMap, axes }: Sparsity, rank: number): readonly number[] {
  const sizes = Array.from({ length: rank }, () => 1);
  for (const [block, axis] of blockMap.entries()) {
    const at = traversal.indexOf(rank + block);
    sizes[axis] = axes[at]?.size ?? 0;
  }
  return sizes;
}

function unpack(
  { traversal, blockMap, axes }: Sparsity,
  shape: readonly number[],
  sizes: readonly number[],
  width: number,
  stored: Uint8Array,
  name: string,
): Uint8Array {
  const rank = shape.length;
  const strides: number[] = [];
  for (let axis = rank - 1, stride = 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] ?? 1;
  }
  /** How far one step along an expanded axis goes in the dense tensor. */
  const steps = traversal.map((axis) =>
    axis < rank ? (strides[axis] ?? 0) * (sizes[axis] ?? 1) : (strides[blockMap[axis - rank] ?? 0] ?? 0),
  );
  const dense = new Uint8Array(countOf(shape) * width);
  let read = 0;
  let walked = 0;
  const most = 4 * countOf(shape) + stored.byteLength + 1024;
  const walk = (level: number, place: number, target: number): void => {
    const axis = axes[level];
    if (++walked > most) throw refuse(name, 'Its sparse layout names the same places over and over.');
    if (axis === undefined) {
      const from = read * width;
      const into = target * width;
      if (from + width > stored.byteLength || into + width > dense.byteLength || place < 0) {
        throw refuse(name, 'Its sparse layout names elements that are not stored.');
      }
      dense.set(stored.subarray(from, from + width), into);
      read++;
      return;
    }
    const step = steps[level] ?? 0;
    if (axis.segments === undefined) {
      for (let at = 0; at < axis.size; at++) walk(level + 1, place * axis.size + at, target + at * step);
      return;
    }
    const [from, to] = [axis.segments[place] ?? 0, axis.segments[place + 1] ?? 0];
    for (let at = from; at < to; at++) {
      const index = axis.indices?.[at];
      if (index === undefined) throw refuse(name, 'Its sparse layout names elements that are not stored.');
      walk(level + 1, at, target + index * step);
    }
  };
  walk(0, 0, 0);
  return dense;
}

function refuse(name: string, problem: string): PareError {
  return new PareError({
    code: 'tflite/sparse',
    place: `tensor "${name}"`,
    problem,
    hint: 'The file is damaged: get it again.',
  });
}
