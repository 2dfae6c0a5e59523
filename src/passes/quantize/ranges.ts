/**
 * Scales and zero points of rows, in float32, from their ranges. Ranges always hold zero, so that zero weights (pruned ones
 * too) stay exactly zero; a range too small for a float32 scale gets scale 1 and zero point of zero (onnxruntime compute_scale_zp).
 */
import { decodeFloat16, encodeFloat16 } from '#base/float16.ts';
import { roundHalfEven } from '#kernels/arithmetic.ts';
import type { Grid, Kernels, Rows } from '#kernels/kernels.ts';
import type { Desk } from '#passes/pass.ts';
import type { LevelScheme } from './conventions.ts';
import { rowCount, type Grouping } from './granularity.ts';

export interface RangeMethod {
  readonly range: 'minmax' | 'percentile' | 'mse';
  /** Per cent of each row's weights that are not clipped. */
  readonly percentile: number;
  readonly candidates: number;
}

export interface RowGrid {
  /** The grid for the kernels: scales are positive. */
  readonly grid: Grid;
  /** Rows to quantize with it. Where a scale is to be negative they are those weights negated: the levels are the same. */
  readonly rows: Rows;
  /** Scales as written, sign included. */
  readonly scale: Float32Array;
}

const SMALLEST_SCALE = 2 ** -126;
const SMALLEST_HALF_SCALE = 2 ** -14;

export async function chooseGrid(
  rows: Rows,
  grouping: Grouping,
  scheme: LevelScheme,
  method: RangeMethod,
  desk: Pick<Desk, 'kernels' | 'derive'>,
  scaleType: 'f32' | 'f16',
): Promise<RowGrid> {
  const { bits, signed, low, high, middle } = scheme;
  const signs = scheme.signedScale ? await largestSigns(rows, desk.kernels) : undefined;
  const turned = signs === undefined ? rows : await negateWhere(rows, signs, desk);
  if (!scheme.symmetric) {
    const { scale, zeroPoint } = await asymmetricScales(rows, grouping, scheme, method, desk.kernels);
    for (let row = 0; row < scale.length; row++) {
      if (!(scale[row]! >= SMALLEST_SCALE)) zeroPoint[row] = low;
      scale[row] = storable(scale[row]!, scaleType);
    }
    return { grid: { bits, signed, low, high, scale, zeroPoint }, rows, scale };
  }
  const scale = await symmetricScales(turned, grouping, scheme, method, desk.kernels);
  for (let row = 0; row < scale.length; row++) scale[row] = storable(scale[row]!, scaleType);
  const grid = { bits, signed, low, high, scale, zeroPoint: Int32Array.of(middle) };
  if (signs === undefined) return { grid, rows, scale };
  const written = new Float32Array(scale.length);
  for (let row = 0; row < scale.length; row++) written[row] = signs[row] === 1 ? -scale[row]! : scale[row]!;
  return { grid, rows: turned, scale: written };
}

interface Chosen {
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
}

async function symmetricScales(
  rows: Rows,
  grouping: Grouping,
  scheme: LevelScheme,
  method: RangeMethod,
  kernels: Kernels,
): Promise<Float32Array> {
  const { bits, divisor, middle } = scheme;
  if (method.range === 'mse') {
    const search = { bits, signed: true, symmetric: true, divisor, candidates: method.candidates };
    const found = await kernels.searchScale(rows, { ...search, low: scheme.low - middle, high: scheme.high - middle });
    return found.scale.slice();
  }
  const clips =
    method.range === 'minmax' ? await kernels.absMax(rows) : await clippedMagnitudes(rows, grouping, method, kernels);
  // Rows can be hundreds of thousands of blocks: plain loops, as the iterators of Float32Array.from cost 50 ns each.
  const scale = new Float32Array(clips.length);
  for (let row = 0; row < clips.length; row++) scale[row] = clips[row]! / divisor;
  return scale;
}

async function asymmetricScales(
  rows: Rows,
  grouping: Grouping,
  scheme: LevelScheme,
  method: RangeMethod,
  kernels: Kernels,
): Promise<Chosen> {
  const { bits, signed, low, high, divisor } = scheme;
  if (method.range === 'mse') {
    const search = { bits, signed, low, high, symmetric: false, divisor, candidates: method.candidates };
    const found = await kernels.searchScale(rows, search);
    return { scale: found.scale.slice(), zeroPoint: found.zeroPoint.slice() };
  }
  const { min, max } = method.range === 'minmax' ? await kernels.minMax(rows) : clippedRanges(rows, grouping, method);
  const scale = new Float32Array(rows.rows);
  const zeroPoint = new Int32Array(rows.rows);
  for (let row = 0; row < rows.rows; row++) {
    const bottom = Math.min(min[row]!, 0);
    const step = Math.fround((Math.max(max[row]!, 0) - bottom) / divisor);
    scale[row] = step;
    const level = step >= SMALLEST_SCALE ? roundHalfEven(low - bottom / step) : low;
    zeroPoint[row] = Math.min(high, Math.max(low, level));
  }
  return { scale, zeroPoint };
}

/** A scale that the file's type can hold with a usable inverse, else 1 (its row is all zero or as good as). */
function storable(scale: number, type: 'f32' | 'f16'): number {
  if (!(scale >= SMALLEST_SCALE)) return 1;
  // Half precision has no normal numbers below 2^-14; the smallest one keeps tiny rows close to what they were.
  return type === 'f32' ? scale : decodeFloat16(encodeFloat16(Math.max(scale, SMALLEST_HALF_SCALE)));
}

/** 1 for rows whose largest magnitude is positive: their scale is negative, so that this weight gets the lowest level. */
async function largestSigns(rows: Rows, kernels: Kernels): Promise<Uint8Array> {
  const { min, max } = await kernels.minMax(rows);
  const signs = new Uint8Array(rows.rows);
  for (let row = 0; row < signs.length; row++) signs[row] = max[row]! > -min[row]! ? 1 : 0;
  return signs;
}

/** The rows with some of them negated. It follows from the weights and the length of a row alone, so it is kept with them. */
async function negateWhere(rows: Rows, signs: Uint8Array, desk: Pick<Desk, 'derive'>): Promise<Rows> {
  const { rowLength } = rows;
  const data = await desk.derive(rows.data, `turned by ${String(rowLength)}`, async () => {
    const turned = rows.data.slice();
    for (let row = 0; row < signs.length; row++) {
      if (signs[row] !== 1) continue;
      const end = Math.min(turned.length, (row + 1) * rowLength);
      for (let i = row * rowLength; i < end; i++) turned[i] = -turned[i]!;
    }
    return turned;
  });
  return { ...rows, data };
}

/** Rank of the nearest-rank percentile among `count` sorted values, from 0. */
function rankOf(count: number, percentile: number): number {
  return Math.max(0, Math.ceil((count * percentile) / 100) - 1);
}

/** From this many weights on, selection beats sorting a copy. */
const SELECTION_PAYS = 4096;

async function clippedMagnitudes(
  rows: Rows,
  grouping: Grouping,
  method: RangeMethod,
  kernels: Kernels,
): Promise<Float32Array> {
  const clips = new Float32Array(rows.rows);
  for (let row = 0; row < rows.rows; row++) {
    const count = rowCount(grouping, row);
    const weights = rows.data.subarray(row * rows.rowLength, row * rows.rowLength + count);
    const rank = rankOf(count, method.percentile);
    clips[row] =
      count >= SELECTION_PAYS
        ? await kernels.selectMagnitude(weights, rank)
        : weights.map((weight) => Math.abs(weight)).sort()[rank]!;
  }
  return clips;
}

/** Both ends cut at the same rank: what lies beyond the percentile from either side is clipped. */
function clippedRanges(
  rows: Rows,
  grouping: Grouping,
  method: RangeMethod,
): { readonly min: Float32Array; readonly max: Float32Array } {
  const min = new Float32Array(rows.rows);
  const max = new Float32Array(rows.rows);
  for (let row = 0; row < rows.rows; row++) {
    const count = rowCount(grouping, row);
    const sorted = rows.data.slice(row * rows.rowLength, row * rows.rowLength + count).sort();
    const rank = rankOf(count, method.percentile);
    min[row] = sorted[count - 1 - rank]!;
    max[row] = sorted[rank]!;
  }
  return { min, max };
}
