/** Rows turned to another order of axes, and scaled channel by channel. */
import type { NdArray, NdData } from '#base/nd-array.ts';
import type { Scale } from '#data/feeds.ts';
import type { Numbers } from './numbers.ts';

/** One row of three axes with its axes in another order: axis `order[0]` becomes the first. */
export function permuteRow(row: NdArray, shape: readonly number[], order: readonly number[]): NdArray {
  const { data, dtype } = row;
  if (!ArrayBuffer.isView(data)) return row;
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((size, next) => size * next, 1));
  const [a = 0, b = 1, c = 2] = order;
  const [sa, sb, sc] = [strides[a] ?? 1, strides[b] ?? 1, strides[c] ?? 1];
  const [na, nb, nc] = [shape[a] ?? 1, shape[b] ?? 1, shape[c] ?? 1];
  const out = data.slice();
  let to = 0;
  for (let i = 0; i < na; i++) {
    for (let j = 0; j < nb; j++) {
      for (let k = 0; k < nc; k++) out[to++] = data[i * sa + j * sb + k * sc] ?? 0;
    }
  }
  return { dtype, shape: [1, na, nb, nc], data: out as NdData };
}

/** (x - mean) / std in doubles. */
export function scaleNumbers(values: Numbers, { mean, std, inner }: Scale): Float64Array<ArrayBuffer> {
  const out = new Float64Array(values.length);
  const channels = mean.length;
  for (let at = 0; at < values.length; at++) {
    const channel = channels === 1 ? 0 : Math.floor(at / inner) % channels;
    out[at] = ((values[at] ?? 0) - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  }
  return out;
}
