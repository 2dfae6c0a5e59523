// Quantize, dequantize and sum the error in one pass. Four vectors at a time where levels are bytes.
//
// p = fl(x * inverse) is clamped to [low - zeroPoint, high - zeroPoint] first, which commutes with rounding because the
// bounds are integers. Sums run in float32 lanes for at most FLUSH weights and are then added up in double precision.
import { OWN, ROWS, SOURCE, TARGET, lengthOfRow, signedWord, word } from './task';
import { ROUNDER, ROUNDER_BITS, inverseOf, largestLane, multiplyAdd, sumOfLanes } from './simd';
import { addSums, addWeight, clearSums, overflowed, storeSums } from './sums';

/** Weights whose squares are added up in float32 before they go to double precision. */
const FLUSH: u32 = 2048;
/** Scales whose squares are far from the ends of float32: 2^-40 .. 2^40. */
const SMALL_SCALE: f32 = 9.094947017729282e-13;
const LARGE_SCALE: f32 = 1099511627776.0;

export const KIND_NONE = 0;
export const KIND_I8 = 1;
export const KIND_U8 = 2;
export const KIND_I16 = 3;
export const KIND_U16 = 4;

export function quantizeRows(task: usize): void {
  const kind = word(task, OWN + 6);
  if (kind == KIND_NONE) both<f32>(task);
  else if (kind == KIND_I8) both<i8>(task);
  else if (kind == KIND_U8) both<u8>(task);
  else if (kind == KIND_I16) both<i16>(task);
  else both<u16>(task);
}

/** Fast first; exactly, when squares overflowed. T is the type of a level, f32 when no levels are wanted. */
function both<T>(task: usize): void {
  fast<T>(task);
  if (overflowed()) exact<T>(task);
  storeSums(task);
}

// @ts-ignore: decorator
@inline
function widthOf<T>(): usize {
  return isFloat<T>() ? 0 : sizeof<T>();
}

/** Steps from the zero point, as whole float32 numbers. */
// @ts-ignore: decorator
@inline
function stepsOf(x: v128, inverse: v128, low: v128, high: v128): v128 {
  return f32x4.nearest(f32x4.pmin(f32x4.pmax(f32x4.mul(x, inverse), low), high));
}

/** Steps as integers. They are whole and small, so that any conversion is exact: one instruction where the build has it. */
// @ts-ignore: decorator
@inline
function integersOf(steps: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_trunc_f32x4_s(steps);
  return i32x4.sub(f32x4.add(steps, f32x4.splat(ROUNDER)), i32x4.splat(ROUNDER_BITS));
}

/** Levels of eight weights as 16-bit integers; `zeroPoint` holds it eight times. */
// @ts-ignore: decorator
@inline
function levelsOf(steps: v128, more: v128, zeroPoint: v128): v128 {
  return i16x8.add(i16x8.narrow_i32x4_s(integersOf(steps), integersOf(more)), zeroPoint);
}

function exact<T>(task: usize): void {
  clearSums();
  const rows = word(task, ROWS);
  let at: usize = word(task, SOURCE);
  let target: usize = word(task, TARGET);
  for (let row: u32 = 0; row < rows; row++) {
    const length = lengthOfRow(task, row);
    exactPart<T>(at, target, length, scaleOf(task, row), zeroPointOf(task, row), signedWord(task, OWN + 4), signedWord(task, OWN + 5));
    at += <usize>length << 2;
    target += <usize>length * widthOf<T>();
  }
}

// @ts-ignore: decorator
@inline
function scaleOf(task: usize, row: u32): f32 {
  return load<f32>(<usize>word(task, OWN) + <usize>(row * word(task, OWN + 2)));
}

// @ts-ignore: decorator
@inline
function zeroPointOf(task: usize, row: u32): i32 {
  return load<i32>(<usize>word(task, OWN + 1) + <usize>(row * word(task, OWN + 3)));
}

/** Weight by weight with double-precision sums: for tails of rows and for scales near the ends of float32. */
function exactPart<T>(from: usize, to: usize, length: u32, scale: f32, zeroPoint: i32, low: i32, high: i32): void {
  const inverse = inverseOf(scale);
  const lowest = <f32>(low - zeroPoint);
  const highest = <f32>(high - zeroPoint);
  let target = to;
  const end = from + (<usize>length << 2);
  for (let at = from; at < end; at += 4) {
    const x = load<f32>(at);
    const steps = nearest<f32>(min<f32>(max<f32>(x * inverse, lowest), highest));
    if (!isFloat<T>()) {
      store<T>(target, <T>(<i32>steps + zeroPoint));
      target += widthOf<T>();
    }
    addWeight(x, scale * steps);
  }
}

function fast<T>(task: usize): void {
  clearSums();
  const rows = word(task, ROWS);
  const low = signedWord(task, OWN + 4);
  const high = signedWord(task, OWN + 5);
  const scaleStep = word(task, OWN + 2);
  const zeroPointStep = word(task, OWN + 3);
  let scaleAt: usize = word(task, OWN);
  let zeroPointAt: usize = word(task, OWN + 1);
  let at: usize = word(task, SOURCE);
  let target: usize = word(task, TARGET);
  let errors = f32x4.splat(0);
  let signals = errors;
  let results = errors;
  let largest = errors;
  let pending: u32 = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const length = lengthOfRow(task, row);
    const scale1 = load<f32>(scaleAt);
    const zeroPoint = load<i32>(zeroPointAt);
    scaleAt += scaleStep;
    zeroPointAt += zeroPointStep;
    const rowEnd = at + (<usize>length << 2);
    if (scale1 < SMALL_SCALE || scale1 > LARGE_SCALE) {
      exactPart<T>(at, target, length, scale1, zeroPoint, low, high);
      at = rowEnd;
      target += <usize>length * widthOf<T>();
      continue;
    }
    const scale = f32x4.splat(scale1);
    const inverse = f32x4.splat(inverseOf(scale1));
    const lowest = f32x4.splat(<f32>(low - zeroPoint));
    const highest = f32x4.splat(<f32>(high - zeroPoint));
    const zeroPoints = i16x8.splat(<i16>zeroPoint);
    const vectorsEnd = at + ((<usize>length >> 2) << 4);
    while (at < vectorsEnd) {
      const partEnd = min(vectorsEnd, at + (<usize>(FLUSH - pending) << 2));
      const partStart = at;
      if (isFloat<T>() || sizeof<T>() == 1) {
        const wideEnd = at + (((partEnd - at) >> 6) << 6);
        while (at < wideEnd) {
          const x0 = v128.load(at);
          const x1 = v128.load(at, 16);
          const x2 = v128.load(at, 32);
          const x3 = v128.load(at, 48);
          const t0 = stepsOf(x0, inverse, lowest, highest);
          const t1 = stepsOf(x1, inverse, lowest, highest);
          const t2 = stepsOf(x2, inverse, lowest, highest);
          const t3 = stepsOf(x3, inverse, lowest, highest);
          if (!isFloat<T>()) {
            const front = levelsOf(t0, t1, zeroPoints);
            const back = levelsOf(t2, t3, zeroPoints);
            if (isSigned<T>()) v128.store(target, i8x16.narrow_i16x8_s(front, back));
            else v128.store(target, i8x16.narrow_i16x8_u(front, back));
            target += 16;
          }
          const r0 = f32x4.mul(scale, t0);
          const e0 = f32x4.sub(x0, r0);
          const s0 = f32x4.mul(e0, e0);
          signals = multiplyAdd(x0, x0, signals);
          results = multiplyAdd(r0, r0, results);
          errors = f32x4.add(errors, s0);
          largest = f32x4.pmax(largest, s0);
          const r1 = f32x4.mul(scale, t1);
          const e1 = f32x4.sub(x1, r1);
          const s1 = f32x4.mul(e1, e1);
          signals = multiplyAdd(x1, x1, signals);
          results = multiplyAdd(r1, r1, results);
          errors = f32x4.add(errors, s1);
          largest = f32x4.pmax(largest, s1);
          const r2 = f32x4.mul(scale, t2);
          const e2 = f32x4.sub(x2, r2);
          const s2 = f32x4.mul(e2, e2);
          signals = multiplyAdd(x2, x2, signals);
          results = multiplyAdd(r2, r2, results);
          errors = f32x4.add(errors, s2);
          largest = f32x4.pmax(largest, s2);
          const r3 = f32x4.mul(scale, t3);
          const e3 = f32x4.sub(x3, r3);
          const s3 = f32x4.mul(e3, e3);
          signals = multiplyAdd(x3, x3, signals);
          results = multiplyAdd(r3, r3, results);
          errors = f32x4.add(errors, s3);
          largest = f32x4.pmax(largest, s3);
          at += 64;
        }
      }
      while (at < partEnd) {
        const x = v128.load(at);
        const t = stepsOf(x, inverse, lowest, highest);
        if (!isFloat<T>()) {
          if (sizeof<T>() == 1) {
            const pairs = levelsOf(t, t, zeroPoints);
            const bytes = isSigned<T>() ? i8x16.narrow_i16x8_s(pairs, pairs) : i8x16.narrow_i16x8_u(pairs, pairs);
            v128.store_lane<i32>(target, bytes, 0);
            target += 4;
          } else {
            // Steps of 16-bit levels may need 17 bits.
            const levels = i32x4.add(integersOf(t), i32x4.splat(zeroPoint));
            const pairs = isSigned<T>() ? i16x8.narrow_i32x4_s(levels, levels) : i16x8.narrow_i32x4_u(levels, levels);
            v128.store_lane<i64>(target, pairs, 0);
            target += 8;
          }
        }
        const r = f32x4.mul(scale, t);
        const e = f32x4.sub(x, r);
        const s = f32x4.mul(e, e);
        signals = multiplyAdd(x, x, signals);
        results = multiplyAdd(r, r, results);
        errors = f32x4.add(errors, s);
        largest = f32x4.pmax(largest, s);
        at += 16;
      }
      pending += <u32>((at - partStart) >> 2);
      if (pending >= FLUSH) {
        addSums(sumOfLanes(errors), sumOfLanes(signals), sumOfLanes(results), 0);
        errors = f32x4.splat(0);
        signals = errors;
        results = errors;
        pending = 0;
      }
    }
    if (at < rowEnd) {
      const rest = <u32>((rowEnd - at) >> 2);
      exactPart<T>(at, target, rest, scale1, zeroPoint, low, high);
      at = rowEnd;
      target += <usize>rest * widthOf<T>();
    }
  }
  addSums(sumOfLanes(errors), sumOfLanes(signals), sumOfLanes(results), <f64>largestLane(largest));
}
