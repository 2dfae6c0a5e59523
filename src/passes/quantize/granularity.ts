/**
 * Which weights share a scale, and how a tensor is laid out as contiguous rows, one per scale, and back. A tensor is seen as
 * [outer, size, inner] around the axis: a channel is everything at one place of the axis, a block is a run along it.
 */
import { countOf } from '#base/dtype.ts';
import type { Kernels, Levels, Rows } from '#kernels/kernels.ts';

export interface Grouping {
  readonly granularity: 'tensor' | 'channel' | 'block';
  readonly shape: readonly number[];
  /** Absent for a whole tensor. */
  readonly axis?: number;
  readonly block?: number;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  readonly rows: number;
  /** Weights in a row, padding included. */
  readonly rowLength: number;
  /** Rows in one line along the axis; 1 unless blocks. */
  readonly blocksPerLine: number;
  /** Shape of the scale tensor in an ONNX file. */
  readonly scaleShape: readonly number[];
}

export function groupTensor(shape: readonly number[]): Grouping {
  const count = countOf(shape);
  return {
    granularity: 'tensor',
    shape,
    outer: 1,
    size: 1,
    inner: count,
    rows: 1,
    rowLength: count,
    blocksPerLine: 1,
    scaleShape: [],
  };
}

export function groupChannels(shape: readonly number[], axis: number): Grouping {
  const { outer, size, inner } = around(shape, axis);
  return {
    granularity: 'channel',
    shape,
    axis,
    outer,
    size,
    inner,
    rows: size,
    rowLength: outer * inner,
    blocksPerLine: 1,
    scaleShape: [size],
  };
}

/** Lines that the block does not divide end in a short block, which is filled up with zeros: they change no range, no error. */
export function groupBlocks(shape: readonly number[], axis: number, block: number): Grouping {
  const { outer, size, inner } = around(shape, axis);
  const blocksPerLine = Math.ceil(size / block);
  return {
    granularity: 'block',
    shape,
    axis,
    block,
    outer,
    size,
    inner,
    rows: outer * inner * blocksPerLine,
    rowLength: block,
    blocksPerLine,
    scaleShape: shape.map((length, at) => (at === axis ? blocksPerLine : length)),
  };
}

function around(shape: readonly number[], axis: number): { outer: number; size: number; inner: number } {
  return { outer: countOf(shape.slice(0, axis)), size: shape[axis]!, inner: countOf(shape.slice(axis + 1)) };
}

/** Weights of a row that are not padding. */
export function rowCount(grouping: Grouping, row: number): number {
  if (grouping.granularity !== 'block') return grouping.rowLength;
  const place = row % grouping.blocksPerLine;
  return Math.min(grouping.rowLength, grouping.size - place * grouping.rowLength);
}

/** Whether a tensor's rows already lie one after the other. */
export function liesInRows({ granularity, outer, size, inner, rowLength, blocksPerLine }: Grouping): boolean {
  if (granularity === 'tensor') return true;
  if (granularity === 'channel') return outer === 1;
  return inner === 1 && blocksPerLine * rowLength === size;
}

/** The same for groupings whose rows lie alike: blocks of any size that divides a line are cut from the same lines. */
export function layoutName({ granularity, axis, size, rowLength, blocksPerLine }: Grouping): string {
  const padded = granularity === 'block' && blocksPerLine * rowLength !== size;
  return `${granularity} along ${String(axis)}${padded ? ` padded to ${String(rowLength)}` : ''}`;
}

/** Rows of a tensor; the data itself where it already lies so. */
export async function toRows(data: Float32Array, grouping: Grouping, kernels: Kernels): Promise<Rows> {
  const { outer, size, inner, rows, rowLength, blocksPerLine } = grouping;
  const asRows = (ordered: Float32Array): Rows => ({ data: ordered, rows, rowLength });
  if (liesInRows(grouping)) return asRows(data);
  if (grouping.granularity === 'channel') {
    if (inner === 1) return asRows(await kernels.transpose(data, outer, size));
    const ordered = new Float32Array(data.length);
    for (let o = 0; o < outer; o++) {
      for (let s = 0; s < size; s++) {
        const from = (o * size + s) * inner;
        ordered.set(data.subarray(from, from + inner), (s * outer + o) * inner);
      }
    }
    return asRows(ordered);
  }
  const padded = blocksPerLine * rowLength;
  if (outer === 1 && padded === size) return asRows(await kernels.transpose(data, size, inner));
  const ordered = new Float32Array(rows * rowLength);
  for (let o = 0; o < outer; o++) {
    const slice = data.subarray(o * size * inner, (o + 1) * size * inner);
    const lines = inner === 1 ? slice : await kernels.transpose(slice, size, inner);
    for (let i = 0; i < inner; i++) ordered.set(lines.subarray(i * size, (i + 1) * size), (o * inner + i) * padded);
  }
  return asRows(ordered);
}

/** Elements in row order (padding included) back in the order of the tensor (padding dropped). */
export function toTensor<Elements extends Levels | Float32Array>(elements: Elements, grouping: Grouping): Elements {
  const { outer, size, inner, rowLength, blocksPerLine } = grouping;
  const padded = blocksPerLine * rowLength;
  if (grouping.granularity === 'tensor') return elements;
  if (grouping.granularity === 'channel' && outer === 1) return elements;
  if (grouping.granularity === 'block' && inner === 1 && padded === size) return elements;
  const ordered = elements.slice(0, countOf(grouping.shape)) as Elements;
  const channel = grouping.granularity === 'channel';
  for (let o = 0; o < outer; o++) {
    for (let s = 0; s < size; s++) {
      const to = (o * size + s) * inner;
      for (let i = 0; i < inner; i++) {
        ordered[to + i] = elements[channel ? (s * outer + o) * inner + i : (o * inner + i) * padded + s]!;
      }
    }
  }
  return ordered;
}

/** One value per row, from row order to the order of the scale tensor. */
export function scalesToTensor<Values extends Float32Array | Int32Array>(values: Values, grouping: Grouping): Values {
  const { outer, inner, blocksPerLine } = grouping;
  if (grouping.granularity !== 'block' || inner === 1) return values;
  const ordered = values.slice() as Values;
  for (let o = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let b = 0; b < blocksPerLine; b++) {
        ordered[(o * blocksPerLine + b) * inner + i] = values[(o * inner + i) * blocksPerLine + b]!;
      }
    }
  }
  return ordered;
}
