/** Which weights share a scale: the rows of a quantized weight, their scales, and the levels they may take. */
import { bitsOf, countOf, type DType, kindOf } from '#base/dtype.ts';
import type { Quantization } from '#ir/model.ts';
import type { Kernels } from '#kernels/kernels.ts';
import type { WeightStore } from '#ir/weights.ts';
import { decodeFloats } from './decode-floats.ts';

/** Scales and zero points of a quantized weight, one per row. */
export interface RowScales {
  readonly dtype: DType;
  readonly scale: Float32Array;
  /** In levels; all zero where the file stores none. */
  readonly zeroPoint: Int32Array;
}

/** More levels than this cannot be told apart in a drawing. */
export const MOST_LEVELS_SHOWN = 256;

export async function readRowScales(
  quantization: Quantization,
  stored: DType,
  weights: WeightStore,
  kernels: Kernels,
): Promise<RowScales> {
  const rows = countOf(quantization.scale.shape);
  const scale = new Float32Array(rows);
  await decodeFloats(await weights.read(quantization.scale), quantization.scale, kernels, scale, 'scale');
  const zeroPoint = new Int32Array(rows);
  if (quantization.zeroPoint !== undefined) {
    unpack(await weights.read(quantization.zeroPoint), quantization.zeroPoint.dtype, zeroPoint);
  }
  return { dtype: stored, scale, zeroPoint };
}

/** Elements low bits first, as ONNX packs them; sign-extended for signed types. */
function unpack(bytes: Uint8Array, dtype: DType, into: Int32Array): void {
  const bits = bitsOf(dtype);
  const signed = kindOf(dtype) === 'signed';
  for (let i = 0; i < into.length; i += 1) {
    let value = 0;
    if (bits >= 8)
      for (let byte = bits / 8 - 1; byte >= 0; byte -= 1) value = value * 256 + (bytes[(i * bits) / 8 + byte] ?? 0);
    else value = ((bytes[Math.floor((i * bits) / 8)] ?? 0) >> ((i * bits) % 8)) & (2 ** bits - 1);
    into[i] = signed && value >= 2 ** (bits - 1) ? value - 2 ** bits : value;
  }
}

/** Real values of the levels of one row that lie within [low, high]; empty where there are too many to draw. */
export function levelsWithin(scales: RowScales, row: number, low: number, high: number): readonly number[] {
  const bits = bitsOf(scales.dtype);
  if (2 ** bits > MOST_LEVELS_SHOWN) return [];
  const first = kindOf(scales.dtype) === 'signed' ? -(2 ** (bits - 1)) : 0;
  const scale = scales.scale[row] ?? 0;
  const zero = scales.zeroPoint[row] ?? 0;
  const reach = Math.abs(scale) / 2;
  const levels: number[] = [];
  for (let q = first; q < first + 2 ** bits; q += 1) {
    const value = Math.fround(scale * (q - zero));
    if (value >= low - reach && value <= high + reach) levels.push(value);
  }
  return levels.toSorted((a, b) => a - b);
}

/**
 * The weights of one row. `axis` alone: all weights at one index of that axis. With `block`: a run of at most `block`
 * weights along it; rows are numbered as the scale's shape is, row-major with `axis` divided by `block`.
 */
export function weightsOfRow(
  data: Float32Array,
  shape: readonly number[],
  quantization: Pick<Quantization, 'axis' | 'block'>,
  row: number,
): Float32Array {
  const { axis, block } = quantization;
  if (axis === undefined) return data;
  const size = shape[axis] ?? 1;
  const inner = countOf(shape.slice(axis + 1));
  const outer = countOf(shape.slice(0, axis));
  if (block === undefined) {
    const found = new Float32Array(outer * inner);
    for (let o = 0; o < outer; o += 1) {
      const start = (o * size + row) * inner;
      found.set(data.subarray(start, start + inner), o * inner);
    }
    return found;
  }
  const blocks = Math.ceil(size / block);
  const within = row % inner;
  const position = Math.floor(row / inner) % blocks;
  const line = Math.floor(row / (inner * blocks));
  const from = position * block;
  const length = Math.min(block, size - from);
  return Float32Array.from({ length }, (_, i) => data[(line * size + from + i) * inner + within] ?? 0);
}

/** `channel 3 of 64`, `block 5 of 128`. */
export function rowName(quantization: Pick<Quantization, 'axis' | 'block'>, row: number, rows: number): string {
  if (quantization.axis === undefined) return 'whole tensor';
  return `${quantization.block === undefined ? 'channel' : 'block'} ${row + 1} of ${rows}`;
}
