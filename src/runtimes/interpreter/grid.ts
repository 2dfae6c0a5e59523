/** Grids: constants of levels become the real numbers they stand for, computed values are rounded where they are made. */
import { countOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { roundHalfEven } from '#kernels/arithmetic.ts';
import { fit, lanesFor, type Dense } from '#ops/dense.ts';
import { clamp, levelRange, reals } from './evaluation.ts';

export interface GridValues {
  readonly scale: Dense;
  readonly zeroPoint?: Dense | undefined;
  readonly axis?: number | undefined;
  readonly block?: number | undefined;
}

/** Which scale belongs to each element of a tensor: one for all, one for each slice along an axis, or one for each block of it. */
export function scaleIndex(shape: readonly number[], grid: GridValues): (at: number) => number {
  const { scale, axis, block } = grid;
  if (scale.data.length === 1 || axis === undefined) return () => 0;
  const front = axis < 0 ? axis + shape.length : axis;
  const size = shape[front] ?? 1;
  const inner = countOf(shape.slice(front + 1));
  if (block === undefined || block === 0) return (at) => Math.floor(at / inner) % size;
  const blocks = Math.ceil(size / block);
  return (at) => {
    const along = Math.floor(at / inner) % size;
    const outer = Math.floor(at / (inner * size));
    return (outer * blocks + Math.floor(along / block)) * inner + (at % inner);
  };
}

/** real = scale (level - zero point), in the type of the scale or the one asked for (ONNX specification, DequantizeLinear). */
export function dequantize(levels: Dense, grid: GridValues, dtype: DType = grid.scale.dtype): Dense {
  const index = scaleIndex(levels.shape, grid);
  const out = lanesFor(dtype, levels.data.length);
  if (out === undefined || !(out instanceof Float32Array || out instanceof Float64Array)) throw notReal(dtype);
  const scales = reals(grid.scale);
  const zeros = grid.zeroPoint === undefined ? undefined : reals(grid.zeroPoint);
  const data = reals(levels);
  for (let at = 0; at < out.length; at++) {
    const of = index(at);
    out[at] = fit(dtype, (scales[of] ?? NaN) * ((data[at] ?? NaN) - (zeros?.[of] ?? 0)));
  }
  return { dtype, shape: levels.shape, data: out };
}

/** level = clamp(round(x / scale) + zero point), ties to even; the quotient is a float32 (ONNX specification, QuantizeLinear). */
export function quantize(x: Dense, grid: GridValues, dtype: DType): Dense {
  const index = scaleIndex(x.shape, grid);
  const out = lanesFor(dtype, x.data.length);
  if (out === undefined || out instanceof BigInt64Array || out instanceof BigUint64Array) throw notReal(dtype);
  const [low, high] = levelRange(dtype);
  const scales = reals(grid.scale);
  const zeros = grid.zeroPoint === undefined ? undefined : reals(grid.zeroPoint);
  const data = reals(x);
  for (let at = 0; at < out.length; at++) {
    const of = index(at);
    const steps = roundHalfEven(Math.fround((data[at] ?? NaN) / (scales[of] ?? NaN)));
    out[at] = clamp(steps + (zeros?.[of] ?? 0), low, high);
  }
  return { dtype, shape: x.shape, data: out };
}

/** The value as everyone who reads it sees it: on its grid, in its own type. */
export function rounded(x: Dense, grid: GridValues, levels: DType): Dense {
  return dequantize(quantize(x, grid, levels), grid, x.dtype);
}

function notReal(dtype: DType): PareError {
  return new PareError({ code: 'interpreter/dtype', problem: `values of type ${dtype} are not computed here.` });
}
