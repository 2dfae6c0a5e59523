/** Integers that stand for real numbers in the operators of integers: zero points taken off, sums put on the grid of the output. */
import { roundHalfEven } from '#kernels/arithmetic.ts';
import { denseOf, type Dense } from '#ops/dense.ts';
import { around, clamp, levelRange, made, reals, type Reals } from './evaluation.ts';

/** Levels less their zero point: one for all, or one for each slice along `axis`. */
export function lessZeroPoint(levels: Dense, zeroPoint: Dense | undefined, axis: number | null): Reals {
  const values = Float64Array.from(reals(levels));
  if (zeroPoint === undefined) return values;
  const zeros = reals(zeroPoint);
  if (zeros.length === 1 || axis === null) {
    const [zero = 0] = zeros;
    return values.map((value) => value - zero);
  }
  const { size, inner } = around(levels.shape, axis);
  return values.map((value, at) => value - (zeros[Math.floor(at / inner) % size] ?? 0));
}

export interface OutputScales {
  readonly a: Dense;
  readonly b: Dense;
  readonly out: Dense;
  readonly zero: Dense;
}

/**
 * Sums of products of levels on the grid of the output. As onnxruntime has it: the factor a * b / out is a float32, so is its
 * product with the sum, and ties go to even.
 */
export function requantize(
  sums: Float64Array,
  shape: readonly number[],
  { a, b, out, zero }: OutputScales,
  channel: (at: number) => number,
): Dense {
  const [ofA, ofB, ofOut] = [reals(a), reals(b), reals(out)];
  const factors = Float64Array.from({ length: Math.max(ofA.length, ofB.length) }, (_, at) =>
    Math.fround(
      Math.fround((ofA[ofA.length === 1 ? 0 : at] ?? NaN) * (ofB[ofB.length === 1 ? 0 : at] ?? NaN)) /
        (ofOut[0] ?? NaN),
    ),
  );
  const [low, high] = levelRange(zero.dtype);
  const offset = Number(zero.data[0] ?? 0);
  return made(
    zero.dtype,
    shape,
    sums.map((sum, at) => {
      const factor = factors[factors.length === 1 ? 0 : channel(at)] ?? NaN;
      return clamp(roundHalfEven(Math.fround(Math.fround(sum) * factor)) + offset, low, high);
    }),
  );
}

/** A zero point that was left out is 0 of the same type as the levels. */
export function zeroOf(given: Dense | undefined, levels: Dense): Dense {
  return given ?? denseOf(levels.dtype, [], [0]) ?? levels;
}
