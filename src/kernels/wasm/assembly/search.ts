// Scale of least squared error of each row.
//
// Short rows: candidates are tried from the widest clip down, four per load. What a clip cuts off only grows as it narrows,
// so the search of a row ends, exactly, once that alone exceeds the best error. Long rows: candidates are estimated from a
// histogram with prefix sums (`estimate.ts`), the best one is tried, and the estimates' own error bounds decide which others
// must be tried as well for the choice to be within 0.1 % of the best.
import { OWN, ROWS, SOURCE, TARGET, doubleWords, lengthOfRow, signedWord, word } from './task';
import { highest, lowest, minMaxOf } from './ranges';
import { inverseOf, multiplyAdd, sumOfLanes } from './simd';
import { carefulEstimate, chooseHistogram, clipBound, estimateRow, quickEstimate, signalOf, slackOf } from './estimate';

/** Weights whose squares are added up in float32 before they go to double precision. */
const FLUSH: usize = 4096;
/** Weights after which four candidates are given up if all of them are worse already: errors only grow. */
const PART: usize = 512;
/** Grids of at most 16 levels need few bins and few look-ups: rows at least this long are estimated. */
const FEW_LEVELS: i32 = 16;
const LONG_FOR_FEW: u32 = 2048;
const BINS_FOR_FEW: i32 = 2048;
/** Grids of at most 256 levels; above that a histogram has too many boundaries to beat trying. */
const MOST_LEVELS: i32 = 256;
const LONG_FOR_MOST: u32 = 24576;
const BINS_FOR_MOST: i32 = 8192;
/** A candidate whose least possible error is within this share of the best one found need not be tried: 0.09 %. */
const ENOUGH: f64 = 1.0009;
/** A candidate whose quick estimate is this much above the best one is not looked at again. */
const HOPELESS: f64 = 1.03;
/** Relative error of a sum of squares in float32 lanes of 1024 weights. */
const SIGNAL_ERROR: f64 = 1e-5;

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
  const long = high - low < FEW_LEVELS ? LONG_FOR_FEW : high - low < MOST_LEVELS ? LONG_FOR_MOST : u32.MAX_VALUE;
  // Scales near the ends of float32 are searched without the histogram, whose bins would have no width.
  if (length >= long && scaleOf(1) > <f32>1e-15 && scaleOf(candidates) < <f32>1e15) {
    searchLongRow(from, length, scratch, least, most);
    return;
  }
  for (let next = candidates; next >= 1; next -= 4) {
    tryFour(from, length, next, max(1, next - 1), max(1, next - 2), max(1, next - 3));
    if (bestError == 0 || next <= 4) return;
    if (clipError > bestError || cutOff(next - 4, least, most) > bestError) return;
  }
}

/** Estimates every candidate that its clip does not rule out, tries the best one, and then those that could still be better. */
function searchLongRow(from: usize, length: u32, scratch: usize, least: f64, most: f64): void {
  chooseHistogram(scratch + 65536, high - low < FEW_LEVELS ? BINS_FOR_FEW : BINS_FOR_MOST);
  estimateRow(from, length, least, most);
  const estimates = scratch;
  const uncertain = signalOf() * SIGNAL_ERROR;
  let bestEstimate: f64 = Infinity;
  let chosen = candidates;
  let end = candidates;
  for (; end >= 1; end--) {
    const scale = <f64>scaleOf(end);
    const first = low - zeroPointOf(end);
    const last = high - zeroPointOf(end);
    if (clipBound(scale * <f64>first, scale * <f64>last) > bestEstimate + uncertain) {
      // Symmetric clips only cut off more from here on; zero points may jump by one.
      if (symmetric) break;
      store<f64>(estimates + (<usize>end << 3), Infinity);
      continue;
    }
    const estimate = quickEstimate(scale, first, last) + signalOf();
    store<f64>(estimates + (<usize>end << 3), estimate);
    if (estimate >= bestEstimate) continue;
    bestEstimate = estimate;
    chosen = end;
  }
  tryOne(from, length, chosen);
  if (bestError == 0) return;
  // Exact error minus estimate of the tried candidate stands for sum x^2 in double precision, or a little less.
  const offset = bestError - carefulOf(chosen);
  for (let i = candidates; i > end; i--) {
    if (i == chosen || load<f64>(estimates + (<usize>i << 3)) > bestEstimate * HOPELESS + uncertain) continue;
    const estimate = carefulOf(i) + offset;
    if ((estimate - slackOf()) * ENOUGH < bestError) tryOne(from, length, i);
  }
}

// @ts-ignore: decorator
@inline
function carefulOf(candidate: i32): f64 {
  return carefulEstimate(<f64>scaleOf(candidate), low - zeroPointOf(candidate), high - zeroPointOf(candidate));
}

/** Levels by which narrower candidates may reach further: zero points that lie on a tie jump by one between candidates. */
// @ts-ignore: decorator
@inline
function jump(): i32 {
  return symmetric ? 0 : 1;
}

/** What a candidate, and every narrower one, must make of the two extreme weights alone, a little less for rounding. */
function cutOff(candidate: i32, least: f64, most: f64): f64 {
  const scale = <f64>scaleOf(candidate);
  const zeroPoint = zeroPointOf(candidate);
  const above = max<f64>(0, most - scale * <f64>(high - zeroPoint + jump()));
  const below = max<f64>(0, scale * <f64>(low - zeroPoint - jump()) - least);
  return (above * above + below * below) * 0.99999;
}

function take(candidate: i32, error: f64): void {
  if (error < bestError) {
    bestError = error;
    bestCandidate = candidate;
  }
}

/** What the clip of the last of four candidates cut off. */
let clipError: f64 = 0;

// @ts-ignore: decorator
@inline
function stepError(x: v128, scale: v128, inverse: v128, lowest: v128, highest: v128): v128 {
  const steps = f32x4.nearest(f32x4.pmin(f32x4.pmax(f32x4.mul(x, inverse), lowest), highest));
  // Never fused: weights that lie on a grid must have no error on it.
  return f32x4.sub(x, f32x4.mul(scale, steps));
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
  // Zero points of an asymmetric search are equal up to a rounding, so candidates share bounds only when they agree.
  const lA = f32x4.splat(<f32>(low - pointA));
  const hA = f32x4.splat(<f32>(high - pointA));
  const lB = f32x4.splat(<f32>(low - pointB));
  const hB = f32x4.splat(<f32>(high - pointB));
  const lC = f32x4.splat(<f32>(low - pointC));
  const hC = f32x4.splat(<f32>(high - pointC));
  const lD = f32x4.splat(<f32>(low - pointD));
  const hD = f32x4.splat(<f32>(high - pointD));
  const floorD = f32x4.splat(scaleD * <f32>(low - pointD - jump()));
  const ceilingD = f32x4.splat(scaleD * <f32>(high - pointD + jump()));
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
    const partEnd = min(end4, at + (PART << 2));
    if (length < 256) {
      while (at < partEnd) {
        const x = v128.load(at);
        const eA = stepError(x, sA, iA, lA, hA);
        errorA = multiplyAdd(eA, eA, errorA);
        const eB = stepError(x, sB, iB, lB, hB);
        errorB = multiplyAdd(eB, eB, errorB);
        const eC = stepError(x, sC, iC, lC, hC);
        errorC = multiplyAdd(eC, eC, errorC);
        const eD = stepError(x, sD, iD, lD, hD);
        errorD = multiplyAdd(eD, eD, errorD);
        at += 16;
      }
    } else {
      while (at < partEnd) {
        const x = v128.load(at);
        const eA = stepError(x, sA, iA, lA, hA);
        errorA = multiplyAdd(eA, eA, errorA);
        const eB = stepError(x, sB, iB, lB, hB);
        errorB = multiplyAdd(eB, eB, errorB);
        const eC = stepError(x, sC, iC, lC, hC);
        errorC = multiplyAdd(eC, eC, errorC);
        const eD = stepError(x, sD, iD, lD, hD);
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
    if (totalA > bestError && totalB > bestError && totalC > bestError && totalD > bestError) {
      clipError = clipped * 0.99999;
      return;
    }
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

/** Tries one candidate on a long row. */
function tryOne(from: usize, length: u32, candidate: i32): void {
  const scale1 = scaleOf(candidate);
  const zeroPoint = zeroPointOf(candidate);
  const scale = f32x4.splat(scale1);
  const inverse = f32x4.splat(inverseOf(scale1));
  const lowest = f32x4.splat(<f32>(low - zeroPoint));
  const highest = f32x4.splat(<f32>(high - zeroPoint));
  let total: f64 = 0;
  let at = from;
  const end8 = from + ((<usize>length >> 3) << 5);
  while (at < end8) {
    let errors = f32x4.splat(0);
    let others = errors;
    const partEnd = min(end8, at + (FLUSH << 2));
    while (at < partEnd) {
      const e = stepError(v128.load(at), scale, inverse, lowest, highest);
      errors = multiplyAdd(e, e, errors);
      const o = stepError(v128.load(at, 16), scale, inverse, lowest, highest);
      others = multiplyAdd(o, o, others);
      at += 32;
    }
    total += sumOfLanes(errors) + sumOfLanes(others);
  }
  const rest = length & 7;
  if (rest != 0) total += exactError(at, rest, scale1, zeroPoint);
  take(candidate, total);
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
