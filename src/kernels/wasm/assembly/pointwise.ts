// Conversions between float widths, the sums of a comparison, and the counts of a histogram or a radix selection.
import { OWN, ROW_LENGTH, SOURCE, TARGET, floatWord, word } from './task';
import { largestLane, multiplyAdd, sumOfLanes } from './simd';
import { addSums, addWeight, clearSums, overflowed, storeSums } from './sums';

const FLUSH_BYTES: usize = 8192;

/** binary16 bits of four floats in the low half of each lane; round to nearest even, overflow to infinity. */
// @ts-ignore: decorator
@inline
function halves(x: v128): v128 {
  const signs = v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000));
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  // Normal results: move the exponent bias, round the 13 lost bits by adding 0xfff and the lowest kept bit.
  const odd = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff - 0x38000000)), odd), 13);
  // Subnormal results: adding 0.5 leaves magnitude / 2^-24, rounded, in the low bits.
  const half = f32x4.splat(0.5);
  const subnormal = i32x4.sub(f32x4.add(magnitude, half), half);
  const small = i32x4.lt_s(magnitude, i32x4.splat(0x38800000));
  const huge = i32x4.gt_s(magnitude, i32x4.splat(0x477fefff));
  let bits = v128.bitselect(subnormal, normal, small);
  bits = v128.bitselect(i32x4.splat(0x7c00), bits, huge);
  // Not a number stays a quiet one.
  bits = v128.bitselect(i32x4.splat(0x7e00), bits, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
  return v128.or(bits, signs);
}

/** Floats of four binary16 patterns, one to a lane. */
// @ts-ignore: decorator
@inline
function fromHalves(bits: v128): v128 {
  const signs = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  const shifted = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13);
  // Multiplying by 2^112 moves the bias and normalizes subnormals exactly; all-ones exponents are put back by hand.
  const value = f32x4.mul(shifted, f32x4.splat(5.192296858534828e33));
  const special = i32x4.gt_s(shifted, i32x4.splat(0x0f7fffff));
  return v128.or(v128.bitselect(v128.or(shifted, i32x4.splat(0x7f800000)), value, special), signs);
}

// @ts-ignore: decorator
@inline
function upperHalves(x: v128): v128 {
  const odd = v128.and(i32x4.shr_u(x, 16), i32x4.splat(1));
  const bits = i32x4.shr_u(i32x4.add(i32x4.add(x, i32x4.splat(0x7fff)), odd), 16);
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  const quiet = v128.or(v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000)), i32x4.splat(0x7fc0));
  return v128.bitselect(quiet, bits, i32x4.gt_s(magnitude, i32x4.splat(0x7f800000)));
}

export const TO_FLOAT16 = 0;
export const FROM_FLOAT16 = 1;
export const TO_BFLOAT16 = 2;
export const FROM_BFLOAT16 = 3;

/** Lengths are rounded up to four by the caller, whose buffers have room for that. */
export function convert(task: usize): void {
  const way = word(task, OWN);
  let at: usize = word(task, SOURCE);
  let target: usize = word(task, TARGET);
  const vectors = (word(task, ROW_LENGTH) + 3) >> 2;
  for (let i: u32 = 0; i < vectors; i++) {
    if (way == TO_FLOAT16 || way == TO_BFLOAT16) {
      const x = v128.load(at);
      const bits = way == TO_FLOAT16 ? halves(x) : upperHalves(x);
      v128.store_lane<i64>(target, i16x8.narrow_i32x4_u(bits, bits), 0);
      at += 16;
      target += 8;
    } else {
      const bits = v128.load16x4_u(at);
      v128.store(target, way == FROM_FLOAT16 ? fromHalves(bits) : i32x4.shl(bits, 16));
      at += 8;
      target += 16;
    }
  }
}

export function compare(task: usize): void {
  clearSums();
  let at: usize = word(task, SOURCE);
  let other: usize = word(task, TARGET);
  const length: usize = word(task, ROW_LENGTH);
  const end = at + (length << 2);
  const end4 = at + ((length >> 2) << 4);
  let largest = f32x4.splat(0);
  while (at < end4) {
    let errors = f32x4.splat(0);
    let signals = errors;
    let results = errors;
    const partEnd = min(end4, at + FLUSH_BYTES);
    while (at < partEnd) {
      const x = v128.load(at);
      const y = v128.load(other);
      const e = f32x4.sub(x, y);
      const square = f32x4.mul(e, e);
      errors = f32x4.add(errors, square);
      largest = f32x4.pmax(largest, square);
      signals = multiplyAdd(x, x, signals);
      results = multiplyAdd(y, y, results);
      at += 16;
      other += 16;
    }
    addSums(sumOfLanes(errors), sumOfLanes(signals), sumOfLanes(results), 0);
  }
  addSums(0, 0, 0, <f64>largestLane(largest));
  while (at < end) {
    addWeight(load<f32>(at), load<f32>(other));
    at += 4;
    other += 4;
  }
  if (overflowed()) compareExactly(task);
  storeSums(task);
}

function compareExactly(task: usize): void {
  clearSums();
  const source: usize = word(task, SOURCE);
  const other: usize = word(task, TARGET);
  const size = <usize>word(task, ROW_LENGTH) << 2;
  for (let i: usize = 0; i < size; i += 4) addWeight(load<f32>(source + i), load<f32>(other + i));
}

// @ts-ignore: decorator
@inline
function countAt(counts: usize, index: u32): void {
  const at = counts + (<usize>index << 2);
  store<u32>(at, load<u32>(at) + 1);
}

export function histogram(task: usize): void {
  const counts: usize = word(task, TARGET);
  const low1 = floatWord(task, OWN);
  const factor1 = floatWord(task, OWN + 1);
  const last1 = <f32>(word(task, OWN + 2) - 1);
  const low = f32x4.splat(low1);
  const factor = f32x4.splat(factor1);
  const last = f32x4.splat(last1);
  const zero = f32x4.splat(0);
  let at: usize = word(task, SOURCE);
  const length: usize = word(task, ROW_LENGTH);
  const end = at + (length << 2);
  const end4 = at + ((length >> 2) << 4);
  while (at < end4) {
    const place = f32x4.mul(f32x4.sub(v128.load(at), low), factor);
    const bins = i32x4.trunc_sat_f32x4_u(f32x4.pmin(f32x4.pmax(place, zero), last));
    countAt(counts, i32x4.extract_lane(bins, 0));
    countAt(counts, i32x4.extract_lane(bins, 1));
    countAt(counts, i32x4.extract_lane(bins, 2));
    countAt(counts, i32x4.extract_lane(bins, 3));
    at += 16;
  }
  while (at < end) {
    const place = (load<f32>(at) - low1) * factor1;
    countAt(counts, <u32>min<f32>(max<f32>(place, 0), last1));
    at += 4;
  }
}

/** Counts of ((|x| bits) >> shift) & mask among weights whose higher bits equal the prefix: one digit of a radix selection. */
export function digits(task: usize): void {
  const counts: usize = word(task, TARGET);
  const shift = word(task, OWN);
  const mask = word(task, OWN + 1);
  const prefixShift = word(task, OWN + 2);
  const prefix = word(task, OWN + 3);
  let at: usize = word(task, SOURCE);
  const end = at + (<usize>word(task, ROW_LENGTH) << 2);
  while (at < end) {
    const bits = load<u32>(at) & 0x7fffffff;
    // A shift by 31 leaves nothing of a magnitude: the first digit has no prefix.
    if (bits >> prefixShift == prefix) countAt(counts, (bits >> shift) & mask);
    at += 4;
  }
}
