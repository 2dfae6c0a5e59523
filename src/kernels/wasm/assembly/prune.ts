// Magnitude pruning: below a threshold, or all but the n largest of every m.
import { OWN, ROWS, ROW_LENGTH, SOURCE, TARGET, floatWord, lengthOfRow, word } from './task';
import { largestLane, multiplyAdd, sumOfLanes } from './simd';
import { addCount, addSums, addWeight, clearSums, overflowed, storeSums } from './sums';

const FLUSH_BYTES: usize = 8192;

/**
 * Strictly below the threshold. Weights equal to it stay and are counted, so that the caller can take the first few; the
 * squared result leaves them out, because taking them away again would leave only rounding behind.
 */
export function pruneBelow(task: usize): void {
  clearSums();
  const limit1 = floatWord(task, OWN);
  const limit = f32x4.splat(limit1);
  let at: usize = word(task, SOURCE);
  let target: usize = word(task, TARGET);
  const length: usize = word(task, ROW_LENGTH);
  const end = at + (length << 2);
  const end4 = at + ((length >> 2) << 4);
  let equal: i32 = 0;
  let zeros: i32 = 0;
  let largest = f32x4.splat(0);
  while (at < end4) {
    let errors = f32x4.splat(0);
    let signals = errors;
    let results = errors;
    const partEnd = min(end4, at + FLUSH_BYTES);
    while (at < partEnd) {
      const x = v128.load(at);
      const magnitude = f32x4.abs(x);
      const cut = f32x4.lt(magnitude, limit);
      const kept = v128.andnot(x, cut);
      v128.store(target, kept);
      equal += popcnt(i32x4.bitmask(f32x4.eq(magnitude, limit)));
      zeros += popcnt(i32x4.bitmask(f32x4.eq(kept, f32x4.splat(0))));
      const lost = v128.and(x, cut);
      const square = f32x4.mul(lost, lost);
      errors = f32x4.add(errors, square);
      largest = f32x4.pmax(largest, square);
      signals = multiplyAdd(x, x, signals);
      const above = v128.and(x, f32x4.gt(magnitude, limit));
      results = multiplyAdd(above, above, results);
      at += 16;
      target += 16;
    }
    addSums(sumOfLanes(errors), sumOfLanes(signals), sumOfLanes(results), 0);
  }
  addSums(0, 0, 0, <f64>largestLane(largest));
  while (at < end) {
    const x = load<f32>(at);
    const kept = abs(x) < limit1 ? <f32>0 : x;
    store<f32>(target, kept);
    if (abs(x) == limit1) equal++;
    if (kept == 0) zeros++;
    addPruned(x, kept, limit1);
    at += 4;
    target += 4;
  }
  if (overflowed()) sumsOfDifference(task, length, limit1);
  addCount(<f64>zeros);
  storeSums(task);
  store<f64>(<usize>word(task, 6), <f64>equal, 40);
}

// @ts-ignore: decorator
@inline
function addPruned(x: f32, kept: f32, limit: f32): void {
  if (abs(x) == limit) addSums(0, <f64>x * <f64>x, 0, 0);
  else addWeight(x, kept);
}

/** The sums again, in double precision, from what lies in source and target; without a limit where it is negative. */
function sumsOfDifference(task: usize, length: usize, limit: f32): void {
  clearSums();
  const source: usize = word(task, SOURCE);
  const target: usize = word(task, TARGET);
  for (let i: usize = 0; i < length << 2; i += 4) addPruned(load<f32>(source + i), load<f32>(target + i), limit);
}

export function pruneNM(task: usize): void {
  clearSums();
  const n = word(task, OWN);
  const m = word(task, OWN + 1);
  const rows = word(task, ROWS);
  let at: usize = word(task, SOURCE);
  let target: usize = word(task, TARGET);
  let total: usize = 0;
  for (let row: u32 = 0; row < rows; row++) {
    const length: usize = lengthOfRow(task, row);
    let done: usize = 0;
    if (n == 2 && m == 4) {
      done = length & ~15;
      twoOfFour(at, target, done);
    }
    while (done < length) {
      const group = min<usize>(m, length - done);
      groupOf(at + (done << 2), target + (done << 2), <u32>group, n);
      done += group;
    }
    at += length << 2;
    target += length << 2;
    total += length;
  }
  if (overflowed()) {
    const zeros = <f64>zerosIn(word(task, TARGET), total);
    sumsOfDifference(task, total, -1);
    addCount(zeros);
  }
  storeSums(task);
}

function zerosIn(from: usize, length: usize): u32 {
  let zeros: u32 = 0;
  for (let at = from; at < from + (length << 2); at += 4) if (load<f32>(at) == 0) zeros++;
  return zeros;
}

/** One group of any size, weight by weight. */
function groupOf(from: usize, to: usize, size: u32, n: u32): void {
  for (let i: u32 = 0; i < size; i++) {
    const x = load<f32>(from + (<usize>i << 2));
    const magnitude = abs(x);
    let rank: u32 = 0;
    for (let other: u32 = 0; other < size; other++) {
      const rival = abs(load<f32>(from + (<usize>other << 2)));
      if (rival > magnitude || (rival == magnitude && other < i)) rank++;
    }
    const kept = rank < n ? x : <f32>0;
    store<f32>(to + (<usize>i << 2), kept);
    if (kept == 0) addCount(1);
    addWeight(x, kept);
  }
}

/** Four groups of four at a time: lanes are groups, so that each weight meets its three rivals in six comparisons. */
function twoOfFour(from: usize, to: usize, length: usize): void {
  let at = from;
  let target = to;
  const end = from + (length << 2);
  let zeros: i32 = 0;
  let largest = f32x4.splat(0);
  while (at < end) {
    let errors = f32x4.splat(0);
    let signals = errors;
    let results = errors;
    const partEnd = min(end, at + FLUSH_BYTES);
    while (at < partEnd) {
      const x0 = v128.load(at);
      const x1 = v128.load(at, 16);
      const x2 = v128.load(at, 32);
      const x3 = v128.load(at, 48);
      const p0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
      const p1 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
      const p2 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
      const p3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
      const a = f32x4.abs(v128.shuffle<i64>(p0, p2, 0, 2));
      const b = f32x4.abs(v128.shuffle<i64>(p0, p2, 1, 3));
      const c = f32x4.abs(v128.shuffle<i64>(p1, p3, 0, 2));
      const d = f32x4.abs(v128.shuffle<i64>(p1, p3, 1, 3));
      // -1 where the earlier of the two wins; equal magnitudes go to the earlier.
      const ab = f32x4.ge(a, b);
      const ac = f32x4.ge(a, c);
      const ad = f32x4.ge(a, d);
      const bc = f32x4.ge(b, c);
      const bd = f32x4.ge(b, d);
      const cd = f32x4.ge(c, d);
      // Sums of -1 per win; two wins or more of three keep a weight.
      const two = i32x4.splat(-1);
      const keepA = i32x4.lt_s(i32x4.add(i32x4.add(ab, ac), ad), two);
      const keepB = i32x4.lt_s(i32x4.sub(i32x4.add(bc, bd), i32x4.add(ab, i32x4.splat(1))), two);
      const keepC = i32x4.lt_s(i32x4.sub(cd, i32x4.add(i32x4.add(ac, bc), i32x4.splat(2))), two);
      const keepD = i32x4.lt_s(i32x4.sub(i32x4.splat(-3), i32x4.add(i32x4.add(ad, bd), cd)), two);
      const q0 = v128.shuffle<i32>(keepA, keepB, 0, 4, 1, 5);
      const q1 = v128.shuffle<i32>(keepC, keepD, 0, 4, 1, 5);
      const q2 = v128.shuffle<i32>(keepA, keepB, 2, 6, 3, 7);
      const q3 = v128.shuffle<i32>(keepC, keepD, 2, 6, 3, 7);
      const k0 = v128.and(x0, v128.shuffle<i64>(q0, q1, 0, 2));
      const k1 = v128.and(x1, v128.shuffle<i64>(q0, q1, 1, 3));
      const k2 = v128.and(x2, v128.shuffle<i64>(q2, q3, 0, 2));
      const k3 = v128.and(x3, v128.shuffle<i64>(q2, q3, 1, 3));
      v128.store(target, k0);
      v128.store(target, k1, 16);
      v128.store(target, k2, 32);
      v128.store(target, k3, 48);
      const zero = f32x4.splat(0);
      zeros += popcnt(i32x4.bitmask(f32x4.eq(k0, zero))) + popcnt(i32x4.bitmask(f32x4.eq(k1, zero)));
      zeros += popcnt(i32x4.bitmask(f32x4.eq(k2, zero))) + popcnt(i32x4.bitmask(f32x4.eq(k3, zero)));
      const s0 = squareOf(f32x4.sub(x0, k0));
      const s1 = squareOf(f32x4.sub(x1, k1));
      const s2 = squareOf(f32x4.sub(x2, k2));
      const s3 = squareOf(f32x4.sub(x3, k3));
      largest = f32x4.pmax(largest, f32x4.pmax(f32x4.pmax(s0, s1), f32x4.pmax(s2, s3)));
      errors = f32x4.add(errors, f32x4.add(f32x4.add(s0, s1), f32x4.add(s2, s3)));
      signals = multiplyAdd(x0, x0, multiplyAdd(x1, x1, multiplyAdd(x2, x2, multiplyAdd(x3, x3, signals))));
      results = multiplyAdd(k0, k0, multiplyAdd(k1, k1, multiplyAdd(k2, k2, multiplyAdd(k3, k3, results))));
      at += 64;
      target += 64;
    }
    addSums(sumOfLanes(errors), sumOfLanes(signals), sumOfLanes(results), 0);
  }
  addSums(0, 0, 0, <f64>largestLane(largest));
  addCount(<f64>zeros);
}

// @ts-ignore: decorator
@inline
function squareOf(x: v128): v128 {
  return f32x4.mul(x, x);
}
