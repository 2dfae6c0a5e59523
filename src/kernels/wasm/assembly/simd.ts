// Vector arithmetic that the kernels share: the fused product where the build has it, and sums over lanes.

/** 1.5 * 2^23: adding it to a float32 below 2^22 rounds to the nearest integer, ties to even. */
export const ROUNDER: f32 = 12582912.0;
/** Bits of ROUNDER: an integer n below 2^22 plus ROUNDER has the bits ROUNDER_BITS + n. */
export const ROUNDER_BITS: i32 = 0x4b400000;

/** a * b + c; may fuse in the relaxed build, so never for products that are rounded to levels. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of the four lanes in double precision. */
// @ts-ignore: decorator
@inline
export function sumOfLanes(v: v128): f64 {
  return (
    <f64>f32x4.extract_lane(v, 0) +
    <f64>f32x4.extract_lane(v, 1) +
    (<f64>f32x4.extract_lane(v, 2) + <f64>f32x4.extract_lane(v, 3))
  );
}

// @ts-ignore: decorator
@inline
export function largestLane(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

// @ts-ignore: decorator
@inline
export function smallestLane(v: v128): f32 {
  return min(
    min(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    min(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

/** fround(1 / scale), 0 for a zero or subnormal scale. */
// @ts-ignore: decorator
@inline
export function inverseOf(scale: f32): f32 {
  return scale >= <f32>1.1754943508222875e-38 ? <f32>1.0 / scale : <f32>0.0;
}
