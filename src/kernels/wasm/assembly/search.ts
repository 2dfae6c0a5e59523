// Scale of least squared error of each row.
//
// Candidates are tried from the widest clip down, four per load. What a clip cuts off only grows as it narrows, so the
// search of a row ends, exactly, once that alone exceeds the best error. Long rows on few levels, and long rows whose
// candidates do not die that way, are estimated from a histogram with prefix sums instead (`estimate.ts`), and the
// estimate's own error bound decides which candidates must still be tried in full.
import { OWN, ROWS, SOURCE, TARGET, doubleWords, lengthOfRow, signedWord, word } from './task';
import { highest, lowest, minMaxOf } from './ranges';
import { ROUNDER, inverseOf, multiplyAdd, subtractProduct, sumOfLanes } from './simd';
import { chooseHistogram, estimateRow, estimateOf, slackOf } from './estimate';

/** Weights whose squares are added up in float32 before they go to double precision. */
const FLUSH: usize = 4096;
/** Rows at least this long are estimated at once when the grid has few levels. */
const LONG: u32 = 1024;
/** Grids of at most this many levels have few decision boundaries to look up. */
const FEW_LEVELS: i32 = 16;
/** Rows at least this long turn to the histogram when this many candidates were tried and the search has not ended. */
const VERY_LONG: u32 = 8192;
const PATIENCE: i32 = 12;
/** A candidate whose least possible error is within this share of the best one found need not be tried: 0.05 %. */
const ENOUGH: f64 = 1.0005;

// The search at hand.
let symmetric: bool = true;
let middle: i32 = 0;
let low: i32 = 0;
let high: i32 = 0;
let candidates: i32 = 0;
let divisor: f64 = 1;
let minimum: f64 = 0;
let maximum: f64 = 0;
// The best candidate of the row at hand.
let bestError: f64 = 0;
let bestCandidate: i32 = 0;
/** 1 for each candidate of the row that was tried in full. */
let tried: usize = 0;

export function searchRows(task: usize, scratch: usize): void {
  const rows = word(task, ROWS);
  let at: usize = word(task, SOURCE);
  const scaleTarget: usize = word(task, TARGET);
  const zeroPointTarget: usize = word(task, OWN);
  const errorTarget: usize = word(task, OWN + 1);
  candidates = signedWord(task, OWN + 2);
  symmetric = word(task, OWN + 3) != 0;
  low = signedWord(task, OWN + 4);
  high = signedWord(task, OWN + 5);
  middle = signedWord(task, OWN + 6);
  divisor = doubleWords(task, OWN + 8);
  tried = scratch;
  for (let row: u32 = 0; row < rows; row++) {
    const length = lengthOfRow(task, row);
    searchRow(at, length, scratch);
    store<f32>(scaleTarget + (<usize>row << 2), bestCandidate == 0 ? <f32>0 : scaleOf(bestCandidate));
    store<i32>(zeroPointTarget + (<usize>row << 2), bestCandidate == 0 ? middle : zeroPointOf(bestCandidate));
    store<f64>(errorTarget + (<usize>row << 3), bestError);
    at += <usize>length << 2;
  }
}

// @ts-ignore: decorator
@inline
function scaleOf(candidate: i32): f32 {
  if (symmetric) return <f32>((maximum * <f64>candidate) / <f64>candidates / divisor);
  const least = (minimum * <f64>candidate) / <f64>candidates;
  const most = (maximum * <f64>candidate) / <f64>candidates;
  return <f32>((most - least) / <f64>(high - low));
}

// @ts-ignore: decorator
@inline
function zeroPointOf(candidate: i32): i32 {
  if (symmetric) return middle;
  const scale = scaleOf(candidate);
  if (inverseOf(scale) == 0) return max(low, min(high, 0));
  const least = (minimum * <f64>candidate) / <f64>candidates;
  return <i32>min<f64>(max<f64>(nearest<f64>(<f64>low - least / <f64>scale), <f64>low), <f64>high);
}

function searchRow(from: usize, length: u32, scratch: usize): void {
  minMaxOf(from, length);
  const least = <f64>lowest;
  const most = <f64>highest;
  minimum = symmetric ? 0 : min<f64>(least, 0);
  maximum = symmetric ? max<f64>(abs(least), abs(most)) : max<f64>(most, 0);
  bestError = Infinity;
  bestCandidate = 0;
  // Scales near the ends of float32 are searched without the histogram, whose bins would have no width.
  const ordinary = scaleOf(1) > <f32>1e-15 && scaleOf(candidates) < <f32>1e15;
  const long = ordinary && length >= LONG && high - low < FEW_LEVELS;
  memory.fill(tried, 0, <usize>candidates + 1);
  let next = candidates;
  while (next >= 1) {
    tryFour(from, length, next, max(1, next - 1), max(1, next - 2), max(1, next - 3));
    next -= 4;
    if (bestError == 0 || next < 1) return;
    if (clipError > bestError || cutOff(next, least, most) > bestError) return;
    if (long || (ordinary && length >= VERY_LONG && candidates - next >= PATIENCE)) break;
  }
  if (next < 1) return;
  // What is left is estimated, and tried in order of the estimates until none can be better.
  chooseHistogram(scratch + 65536, high - low < FEW_LEVELS ? 2048 : 8192);
  estimateRow(from, length, least, most);
  const estimates = scratch + 8192;
  const bounds = scratch + 8192 + 32768;
  for (let i = 1; i <= candidates; i++) {
    if (load<u8>(tried + i) != 0) continue;
    if (cutOff(i, least, most) > bestError) {
      store<u8>(tried + i, 1);
      continue;
    }
    const estimate = estimateOf(<f64>scaleOf(i), low - zeroPointOf(i), high - zeroPointOf(i));
    store<f64>(bounds + (<usize>i << 3), (estimate - slackOf()) * ENOUGH);
    // Misplaced weights cost a sixth of the bound when they spread evenly in their bins.
    store<f64>(estimates + (<usize>i << 3), estimate - slackOf() / 6);
  }
  while (true) {
    const a = mostPromising(estimates, bounds);
    if (a == 0) return;
    const b = mostPromising(estimates, bounds);
    const c = b == 0 ? 0 : mostPromising(estimates, bounds);
    const d = c == 0 ? 0 : mostPromising(estimates, bounds);
    tryFour(from, length, a, b == 0 ? a : b, c == 0 ? a : c, d == 0 ? a : d);
  }
}

/** Candidate of least estimate among those that may still win; marks it as tried. 0 when there is none. */
function mostPromising(estimates: usize, bounds: usize): i32 {
  let chosen = 0;
  let least = Infinity;
  for (let i = 1; i <= candidates; i++) {
    if (load<u8>(tried + i) != 0) continue;
    if (load<f64>(bounds + (<usize>i << 3)) > bestError) continue;
    const estimate = load<f64>(estimates + (<usize>i << 3));
    if (estimate >= least) continue;
    least = estimate;
    chosen = i;
  }
  if (chosen != 0) store<u8>(tried + chosen, 1);
  return chosen;
}

/** Squared error that a candidate makes of the two extreme weights alone, a little less for rounding. */
function cutOff(candidate: i32, least: f64, most: f64): f64 {
  const scale = <f64>scaleOf(candidate);
  const zeroPoint = zeroPointOf(candidate);
  const above = max<f64>(0, most - scale * <f64>(high - zeroPoint));
  const below = max<f64>(0, scale * <f64>(low - zeroPoint) - least);
  return (above * above + below * below) * 0.99999;
}

function take(candidate: i32, error: f64): void {
  store<u8>(tried + candidate, 1);
  if (error < bestError) {
    bestError = error;
    bestCandidate = candidate;
  }
}

/** What the clip of the last of four candidates cut off. */
let clipError: f64 = 0;

// @ts-ignore: decorator
@inline
function stepError(x: v128, scale: v128, inverse: v128, lowest: v128, highest: v128, rounder: v128): v128 {
  const steps = f32x4.sub(f32x4.add(f32x4.pmin(f32x4.pmax(f32x4.mul(x, inverse), lowest), highest), rounder), rounder);
  return subtractProduct(scale, steps, x);
}

/** Tries four candidates on a row; `d` is the narrowest when they are in order, and its clip error is noted. */
function tryFour(from: usize, length: u32, a: i32, b: i32, c: i32, d: i32): void {
  const scaleA = scaleOf(a);
  const scaleB = scaleOf(b);
  const scaleC = scaleOf(c);
  const scaleD = scaleOf(d);
  const pointA = zeroPointOf(a);
  const pointB = zeroPointOf(b);
  const pointC = zeroPointOf(c);
  const pointD = zeroPointOf(d);
  if (scaleD < <f32>1e-15 || scaleA > <f32>1e15 || scaleA < <f32>1e-15 || scaleD > <f32>1e15) {
    clipError = 0;
    take(a, exactError(from, length, scaleA, pointA));
    if (b != a) take(b, exactError(from, length, scaleB, pointB));
    if (c != b) take(c, exactError(from, length, scaleC, pointC));
    if (d != c) take(d, exactError(from, length, scaleD, pointD));
    return;
  }
  const sA = f32x4.splat(scaleA);
  const sB = f32x4.splat(scaleB);
  const sC = f32x4.splat(scaleC);
  const sD = f32x4.splat(scaleD);
  const iA = f32x4.splat(inverseOf(scaleA));
  const iB = f32x4.splat(inverseOf(scaleB));
  const iC = f32x4.splat(inverseOf(scaleC));
  const iD = f32x4.splat(inverseOf(scaleD));
  const rounder = f32x4.splat(ROUNDER);
  // Zero points of an asymmetric search are equal up to a rounding, so candidates share bounds only when they agree.
  const lA = f32x4.splat(<f32>(low - pointA));
  const hA = f32x4.splat(<f32>(high - pointA));
  const lB = f32x4.splat(<f32>(low - pointB));
  const hB = f32x4.splat(<f32>(high - pointB));
  const lC = f32x4.splat(<f32>(low - pointC));
  const hC = f32x4.splat(<f32>(high - pointC));
  const lD = f32x4.splat(<f32>(low - pointD));
  const hD = f32x4.splat(<f32>(high - pointD));
  const floorD = f32x4.splat(scaleD * <f32>(low - pointD));
  const ceilingD = f32x4.splat(scaleD * <f32>(high - pointD));
  let totalA: f64 = 0;
  let totalB: f64 = 0;
  let totalC: f64 = 0;
  let totalD: f64 = 0;
  let clipped: f64 = 0;
  let at = from;
  const end4 = from + ((<usize>length >> 2) << 4);
  while (at < end4) {
    let errorA = f32x4.splat(0);
    let errorB = errorA;
    let errorC = errorA;
    let errorD = errorA;
    let cut = errorA;
    const partEnd = min(end4, at + (FLUSH << 2));
    if (length < 256) {
      while (at < partEnd) {
        const x = v128.load(at);
        const eA = stepError(x, sA, iA, lA, hA, rounder);
        errorA = multiplyAdd(eA, eA, errorA);
        const eB = stepError(x, sB, iB, lB, hB, rounder);
        errorB = multiplyAdd(eB, eB, errorB);
        const eC = stepError(x, sC, iC, lC, hC, rounder);
        errorC = multiplyAdd(eC, eC, errorC);
        const eD = stepError(x, sD, iD, lD, hD, rounder);
        errorD = multiplyAdd(eD, eD, errorD);
        at += 16;
      }
    } else {
      while (at < partEnd) {
        const x = v128.load(at);
        const eA = stepError(x, sA, iA, lA, hA, rounder);
        errorA = multiplyAdd(eA, eA, errorA);
        const eB = stepError(x, sB, iB, lB, hB, rounder);
        errorB = multiplyAdd(eB, eB, errorB);
        const eC = stepError(x, sC, iC, lC, hC, rounder);
        errorC = multiplyAdd(eC, eC, errorC);
        const eD = stepError(x, sD, iD, lD, hD, rounder);
        errorD = multiplyAdd(eD, eD, errorD);
        const over = f32x4.sub(x, f32x4.pmin(f32x4.pmax(x, floorD), ceilingD));
        cut = multiplyAdd(over, over, cut);
        at += 16;
      }
    }
    totalA += sumOfLanes(errorA);
    totalB += sumOfLanes(errorB);
    totalC += sumOfLanes(errorC);
    totalD += sumOfLanes(errorD);
    clipped += sumOfLanes(cut);
  }
  const rest = length & 3;
  if (rest != 0) {
    totalA += exactError(at, rest, scaleA, pointA);
    totalB += exactError(at, rest, scaleB, pointB);
    totalC += exactError(at, rest, scaleC, pointC);
    totalD += exactError(at, rest, scaleD, pointD);
  }
  clipError = clipped * 0.99999;
  take(a, totalA);
  if (b != a) take(b, totalB);
  if (c != a) take(c, totalC);
  if (d != a) take(d, totalD);
}

function exactError(from: usize, length: u32, scale: f32, zeroPoint: i32): f64 {
  const inverse = inverseOf(scale);
  const lowest = <f32>(low - zeroPoint);
  const highest = <f32>(high - zeroPoint);
  let sum: f64 = 0;
  const end = from + (<usize>length << 2);
  for (let at = from; at < end; at += 4) {
    const x = load<f32>(at);
    const error = <f64>x - <f64>(scale * nearest<f32>(min<f32>(max<f32>(x * inverse, lowest), highest)));
    sum += error * error;
  }
  return sum;
}
