/** Deformable convolution in two dimensions: every tap reads at a place of its own, by bilinear interpolation (ONNX specification, DeformConv). */
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { made, need, reals, type Reals } from './evaluation.ts';
import { windowsOf } from './windows.ts';

/** Offsets: [N, groups * taps * 2, rows, columns], first down, then across; mask: [N, groups * taps, rows, columns]. */
export function deformable(call: Call): readonly Dense[] | undefined {
  const [x, w, offsets] = [need(call, 0), need(call, 1), need(call, 2)];
  if (x.shape.length !== 4) return undefined;
  const [batch = 1, channels = 1, height = 1, width = 1] = x.shape;
  const [filters = 1, depth = 1, kernelRows = 1, kernelColumns = 1] = w.shape;
  const { positions, strides, dilations, before } = windowsOf(call, [height, width], [kernelRows, kernelColumns]);
  const [rows = 1, columns = 1] = positions;
  const groups = call.int('group', 1);
  const offsetGroups = call.int('offset_group', 1);
  const taps = kernelRows * kernelColumns;
  const places = rows * columns;
  const [bias, mask] = [call.dense(3), call.dense(4)];
  const [data, weights, moves] = [reals(x), reals(w), reals(offsets)];
  const out = new Float64Array(batch * filters * places);
  for (let n = 0; n < batch; n++) {
    for (let place = 0; place < places; place++) {
      const [row, column] = [Math.floor(place / columns), place % columns];
      const read = (c: number, tap: number): number => {
        const of = (n * offsetGroups + Math.floor(c / (channels / offsetGroups))) * taps + tap;
        const y =
          row * (strides[0] ?? 1) -
          (before[0] ?? 0) +
          Math.floor(tap / kernelColumns) * (dilations[0] ?? 1) +
          (moves[2 * of * places + place] ?? 0);
        const across =
          column * (strides[1] ?? 1) -
          (before[1] ?? 0) +
          (tap % kernelColumns) * (dilations[1] ?? 1) +
          (moves[(2 * of + 1) * places + place] ?? 0);
        const factor = mask === undefined ? 1 : Number(mask.data[of * places + place] ?? 1);
        return factor * bilinear(data, (n * channels + c) * height * width, height, width, y, across);
      };
      const values = Float64Array.from({ length: channels * taps }, (_, at) => read(Math.floor(at / taps), at % taps));
      for (let m = 0; m < filters; m++) {
        const first = Math.floor(m / (filters / groups)) * depth;
        let sum = Number(bias?.data[m] ?? 0);
        for (let at = 0; at < depth * taps; at++)
          sum += (weights[m * depth * taps + at] ?? 0) * (values[first * taps + at] ?? 0);
        out[(n * filters + m) * places + place] = sum;
      }
    }
  }
  return [made(x.dtype, [batch, filters, rows, columns], out)];
}

/** Outside the image is 0. */
function bilinear(data: Reals, plane: number, height: number, width: number, y: number, x: number): number {
  const [top, left] = [Math.floor(y), Math.floor(x)];
  let sum = 0;
  for (const [row, down] of [
    [top, 1 - (y - top)],
    [top + 1, y - top],
  ] as const) {
    for (const [column, across] of [
      [left, 1 - (x - left)],
      [left + 1, x - left],
    ] as const) {
      if (row < 0 || row >= height || column < 0 || column >= width) continue;
      sum += down * across * (data[plane + row * width + column] ?? 0);
    }
  }
  return sum;
}
