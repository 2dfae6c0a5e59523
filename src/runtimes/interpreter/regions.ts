/** Pooling over regions of interest: MaxRoiPool on a grid of whole cells, RoiAlign on interpolated samples. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import type { Dense } from '#ops/dense.ts';
import { clamp, made, need, reals, type Reals } from './evaluation.ts';

/** rois: [regions, 5] of batch index and corners (ONNX specification, MaxRoiPool; bins as Fast R-CNN has them). */
export function roiPool(call: Call): readonly Dense[] {
  const [x, rois] = [need(call, 0), need(call, 1)];
  const [, channels = 1, height = 1, width = 1] = x.shape;
  const [rows = 1, columns = 1] = call.ints('pooled_shape') ?? [];
  const scale = call.float('spatial_scale', 1);
  const [data, corners] = [reals(x), reals(rois)];
  const count = rois.shape[0] ?? 0;
  const out = new Float64Array(count * channels * rows * columns);
  let at = 0;
  for (let region = 0; region < count; region++) {
    const [image = 0, left = 0, top = 0, right = 0, bottom = 0] = corners.subarray(region * 5, region * 5 + 5);
    const [x1, y1, x2, y2] = [left, top, right, bottom].map((corner) => Math.round(corner * scale)) as [
      number,
      number,
      number,
      number,
    ];
    const binHeight = Math.max(y2 - y1 + 1, 1) / rows;
    const binWidth = Math.max(x2 - x1 + 1, 1) / columns;
    for (let c = 0; c < channels; c++) {
      const plane = (image * channels + c) * height * width;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const [fromRow, toRow] = bin(row, binHeight, y1, height);
          const [fromColumn, toColumn] = bin(column, binWidth, x1, width);
          let largest = fromRow >= toRow || fromColumn >= toColumn ? 0 : -Infinity;
          for (let h = fromRow; h < toRow; h++) {
            for (let w = fromColumn; w < toColumn; w++) largest = Math.max(largest, data[plane + h * width + w] ?? 0);
          }
          out[at++] = largest;
        }
      }
    }
  }
  return [made(x.dtype, [count, channels, rows, columns], out)];
}

function bin(index: number, size: number, start: number, limit: number): readonly [number, number] {
  return [clamp(Math.floor(index * size) + start, 0, limit), clamp(Math.ceil((index + 1) * size) + start, 0, limit)];
}

/** rois: [regions, 4] of corners; the mean (or largest) of bilinear samples in each cell (Mask R-CNN; ONNX specification, RoiAlign). */
export function roiAlign(call: Call): readonly Dense[] {
  const [x, rois, images] = [need(call, 0), need(call, 1), need(call, 2)];
  const [, channels = 1, height = 1, width = 1] = x.shape;
  const [rows, columns] = [call.int('output_height', 1), call.int('output_width', 1)];
  const scale = call.float('spatial_scale', 1);
  const ratio = call.int('sampling_ratio', 0);
  // Before opset 16 there was no half-pixel shift, and regions were at least one cell wide.
  const half = call.opset >= 16 && call.string('coordinate_transformation_mode', 'half_pixel') === 'half_pixel';
  const largest = call.string('mode', 'avg') === 'max';
  const [data, corners] = [reals(x), reals(rois)];
  const count = rois.shape[0] ?? 0;
  const out = new Float64Array(count * channels * countOf([rows, columns]));
  let at = 0;
  for (let region = 0; region < count; region++) {
    const [left = 0, top = 0, right = 0, bottom = 0] = Array.from(
      corners.subarray(region * 4, region * 4 + 4),
      (corner) => corner * scale - (half ? 0.5 : 0),
    );
    const roiWidth = half ? right - left : Math.max(right - left, 1);
    const roiHeight = half ? bottom - top : Math.max(bottom - top, 1);
    const [binHeight, binWidth] = [roiHeight / rows, roiWidth / columns];
    const samplesDown = ratio > 0 ? ratio : Math.ceil(roiHeight / rows);
    const samplesAcross = ratio > 0 ? ratio : Math.ceil(roiWidth / columns);
    for (let c = 0; c < channels; c++) {
      const plane = (Number(images.data[region] ?? 0) * channels + c) * height * width;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let result = largest ? -Infinity : 0;
          for (let sy = 0; sy < samplesDown; sy++) {
            const y = top + row * binHeight + ((sy + 0.5) * binHeight) / samplesDown;
            for (let sx = 0; sx < samplesAcross; sx++) {
              const across = left + column * binWidth + ((sx + 0.5) * binWidth) / samplesAcross;
              result = sample(data, plane, height, width, y, across, result, largest);
            }
          }
          out[at++] = largest ? (result === -Infinity ? 0 : result) : result / Math.max(samplesDown * samplesAcross, 1);
        }
      }
    }
  }
  return [made(x.dtype, [count, channels, rows, columns], out)];
}

/** Adds a bilinear sample to a sum; or, for the largest, compares its four weighted corners. Outside the image it is 0. */
function sample(
  data: Reals,
  plane: number,
  height: number,
  width: number,
  y: number,
  x: number,
  result: number,
  largest: boolean,
): number {
  const outside = y < -1 || y > height || x < -1 || x > width;
  const [low, high, ofHigh] = neighbours(y, height);
  const [left, right, ofRight] = neighbours(x, width);
  const corner = (row: number, column: number, weight: number): number =>
    outside ? 0 : weight * (data[plane + row * width + column] ?? 0);
  const corners = [
    corner(low, left, (1 - ofHigh) * (1 - ofRight)),
    corner(low, right, (1 - ofHigh) * ofRight),
    corner(high, left, ofHigh * (1 - ofRight)),
    corner(high, right, ofHigh * ofRight),
  ];
  return largest ? Math.max(result, ...corners) : corners.reduce((sum, one) => sum + one, result);
}

function neighbours(at: number, size: number): readonly [number, number, number] {
  const inside = Math.max(at, 0);
  const low = Math.floor(inside);
  return low >= size - 1 ? [size - 1, size - 1, 0] : [low, low + 1, inside - low];
}
