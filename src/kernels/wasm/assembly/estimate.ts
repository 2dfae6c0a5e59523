// Squared error of any uniform grid on one row, from a histogram with prefix sums.
//
// A grid's error is  sum x^2 - 2 sum v x + sum v^2  where v is the level value of each weight. Bins hold how many weights
// fall into them and the sum of those weights, so any way of sending whole bins to levels gives an error that is exact for
// that way, and at least the error of the grid, which sends each weight to its nearest level. Only bins that hold a decision
// boundary between two levels can differ. `quickEstimate` cuts at the bin edge next to the boundary; `carefulEstimate` sends
// a bin where its mean lies and bounds what that may cost: with the boundary at distance l from one end of a bin, r from the
// other, and the mean a beyond it on the r side, weights on the l side have a total distance of at most count * l * (r - a) /
// width to the boundary, and each costs 2 * scale * distance. Hence  estimate - slack <= error <= estimate.
import { multiplyAdd, sumOfLanes } from './simd';

/** Steps of a fixed-point place within a bin, and weights that one bin may count before its 64-bit word is emptied. */
const FRACTION: f32 = 65536;
const COUNT_SHIFT: u64 = 40;
const EMPTY_AFTER: u32 = 1 << 23;

let bins: i32 = 0;
/** Per bin one 64-bit integer: count << 40 | sum of places in 1/65536 of a bin. */
let words: usize = 0;
/** Prefix sums (count, sum of x) as doubles, one more than bins. */
let prefixes: usize = 0;

let origin: f64 = 0;
let width: f64 = 0;
let perWidth: f64 = 0;
let signal: f64 = 0;
let slack: f64 = 0;

export function chooseHistogram(scratch: usize, count: i32): void {
  bins = count;
  words = scratch;
  prefixes = scratch + (<usize>count << 3);
}

export function slackOf(): f64 {
  return slack;
}

/** Sum of squares of the row; from float32 lanes, good to 4e-6. */
export function signalOf(): f64 {
  return signal;
}

export function widthOf(): f64 {
  return width;
}

// @ts-ignore: decorator
@inline
function count(place: i32): void {
  const at = words + (<usize>(<u32>place >> 16) << 3);
  store<u64>(at, load<u64>(at) + ((<u64>1 << COUNT_SHIFT) | <u64>(place & 0xffff)));
}

export function estimateRow(from: usize, length: u32, least: f64, most: f64): void {
  memory.fill(words, 0, <usize>bins << 3);
  origin = least;
  width = (most - least) / <f64>bins;
  // A row of equal weights has no width; one bin then holds everything at place 0.
  perWidth = width > 0 ? 1 / width : 0;
  const factor1 = <f32>perWidth * FRACTION;
  const origin1 = <f32>least;
  const last1 = <f32>bins * FRACTION - 64;
  const factor = f32x4.splat(factor1);
  const start = f32x4.splat(origin1);
  const last = f32x4.splat(last1);
  signal = 0;
  let at = from;
  const end4 = from + ((<usize>length >> 2) << 4);
  let pending: u32 = 0;
  let moved = false;
  while (at < end4) {
    const partEnd = min(end4, at + 16384);
    let squares = f32x4.splat(0);
    while (at < partEnd) {
      const x = v128.load(at);
      squares = multiplyAdd(x, x, squares);
      // Nothing lies below the origin; the largest weight must not open one bin more.
      const place = f32x4.pmin(f32x4.mul(f32x4.sub(x, start), factor), last);
      const places = ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_trunc_f32x4_s(place) : i32x4.trunc_sat_f32x4_s(place);
      const front = i64x2.extract_lane(places, 0);
      const back = i64x2.extract_lane(places, 1);
      count(<i32>front);
      count(<i32>(front >> 32));
      count(<i32>back);
      count(<i32>(back >> 32));
      at += 16;
    }
    signal += sumOfLanes(squares);
    pending += 4096;
    if (pending >= EMPTY_AFTER) {
      if (!moved) memory.fill(prefixes, 0, <usize>bins << 4);
      moved = true;
      empty();
      pending = 0;
    }
  }
  const end = from + (<usize>length << 2);
  while (at < end) {
    const x = load<f32>(at);
    signal += <f64>x * <f64>x;
    count(<i32>min<f32>((x - origin1) * factor1, last1));
    at += 4;
  }
  addUp(moved);
}

// @ts-ignore: decorator
@inline
function countIn(word: u64): f64 {
  return <f64>(<i64>(word >> COUNT_SHIFT));
}

/** Sum of places in a bin, in bin widths. Places were cut off, not rounded: half a step more on average. */
// @ts-ignore: decorator
@inline
function placesIn(word: u64, inBin: f64): f64 {
  return (<f64>(<i64>(word & ((<u64>1 << COUNT_SHIFT) - 1))) + 0.5 * inBin) * (1.0 / 65536.0);
}

/** Moves counts and sums of the 64-bit words into the doubles of their bins, before they overflow. */
function empty(): void {
  for (let bin = 0; bin < bins; bin++) {
    const word = load<u64>(words + (<usize>bin << 3));
    store<u64>(words + (<usize>bin << 3), 0);
    const inBin = countIn(word);
    const to = prefixes + (<usize>bin << 4);
    store<f64>(to, load<f64>(to) + inBin);
    store<f64>(to, load<f64>(to, 8) + inBin * (origin + <f64>bin * width) + placesIn(word, inBin) * width, 8);
  }
}

/** Prefix sums of what was moved before, if anything was, and of what still lies in the words. */
function addUp(moved: bool): void {
  let sums = f64x2.splat(0);
  let left = origin;
  let at = prefixes;
  for (let bin = 0; bin < bins; bin++) {
    const word = load<u64>(words + (<usize>bin << 3));
    const inBin = countIn(word);
    let own = f64x2.replace_lane(f64x2.splat(inBin), 1, inBin * left + placesIn(word, inBin) * width);
    if (moved) own = f64x2.add(own, v128.load(at));
    v128.store(at, sums);
    sums = f64x2.add(sums, own);
    left += width;
    at += 16;
  }
  v128.store(at, sums);
}

/** First level whose lower boundary may lie inside the histogram. */
// @ts-ignore: decorator
@inline
function firstCrossing(scale: f64, first: i32): i32 {
  return max(first, <i32>floor(origin / scale - 0.5)) + 1;
}

/** At least the squared error of the levels `scale * n`, n = first .. last, without sum x^2; bins are cut at edges. */
export function quickEstimate(scale: f64, first: i32, last: i32): f64 {
  const total = prefixes + (<usize>bins << 4);
  const top = scale * <f64>last;
  const fixed = top * top * load<f64>(total) - 2 * top * load<f64>(total, 8);
  let n = firstCrossing(scale, first);
  // Boundaries behind the last bin would all cut at the end.
  const final = min(last, <i32>ceil((origin + <f64>bins * width) / scale + 0.5));
  const beyond = last - final;
  const step = scale * perWidth;
  let place = ((<f64>n - 0.5) * scale - origin) * perWidth + 0.5;
  while (place < 0.5 && n <= final) {
    n++;
    place += step;
  }
  let factors = f64x2.replace_lane(f64x2.splat(2 * scale), 0, -scale * scale * (2 * <f64>n - 1));
  const change = f64x2.replace_lane(f64x2.splat(0), 0, -2 * scale * scale);
  let sums = f64x2.splat(0);
  for (; n <= final; n++) {
    const cut = min<i32>(<i32>place, bins);
    sums = f64x2.add(sums, f64x2.mul(v128.load(prefixes + (<usize>cut << 4)), factors));
    factors = f64x2.add(factors, change);
    place += step;
  }
  let error = fixed + f64x2.extract_lane(sums, 0) + f64x2.extract_lane(sums, 1);
  if (beyond > 0) {
    // Levels final + 1 .. last: sum of 2 n - 1 is last^2 - final^2.
    const squares = <f64>last * <f64>last - <f64>final * <f64>final;
    error += 2 * scale * <f64>beyond * load<f64>(total, 8) - scale * scale * squares * load<f64>(total);
  }
  return error;
}

/** The same with bins sent where their means lie; `slackOf` then tells how much less the true error may be. */
export function carefulEstimate(scale: f64, first: i32, last: i32): f64 {
  const total = prefixes + (<usize>bins << 4);
  const top = scale * <f64>last;
  let distance: f64 = 0;
  let crossings: f64 = 0;
  let squares: f64 = 0;
  for (let n = firstCrossing(scale, first); n <= last; n++) {
    const boundary = (<f64>n - 0.5) * scale;
    const place = (boundary - origin) * perWidth;
    let cut = total;
    if (place < 0) continue;
    if (place < <f64>bins) {
      cut = prefixes + (<usize>(<u32>place) << 4);
      const inBin = load<f64>(cut, 16) - load<f64>(cut);
      if (inBin > 0) {
        const below = place - floor(place);
        // Sum of (weight - boundary) in bin widths: its sign is that of the mean, places are good to one step.
        const sum = (load<f64>(cut, 24) - load<f64>(cut, 8) - boundary * inBin) * perWidth;
        const near = sum >= 0 ? below : 1 - below;
        distance += near * max<f64>((1 - near) * inBin - abs(sum), 0) + 0.0001 * inBin;
        // The cut is behind the bin when its mean is below the boundary.
        if (sum < 0) cut += 16;
      }
    }
    crossings += load<f64>(cut, 8);
    squares += (2 * <f64>n - 1) * load<f64>(cut);
  }
  slack = 2 * scale * width * distance + signal * 1e-10;
  return (
    top * top * load<f64>(total) - 2 * top * load<f64>(total, 8) + 2 * scale * crossings - scale * scale * squares
  );
}

/** At least the squared error of what lies beyond the values `floor` and `ceiling`: by Cauchy, (sum d)^2 / count a side. */
export function clipBound(bottom: f64, ceiling: f64): f64 {
  const total = prefixes + (<usize>bins << 4);
  let bound: f64 = 0;
  const above = ceil((ceiling - origin) * perWidth);
  if (above < <f64>bins) {
    const cut = prefixes + (<usize>max<i32>(<i32>above, 0) << 4);
    const weights = load<f64>(total) - load<f64>(cut);
    const beyond = load<f64>(total, 8) - load<f64>(cut, 8) - ceiling * weights;
    if (weights > 0 && beyond > 0) bound += (beyond * beyond) / weights;
  }
  const below = floor((bottom - origin) * perWidth);
  if (below > 0) {
    const cut = prefixes + (<usize>min<i32>(<i32>below, bins) << 4);
    const weights = load<f64>(cut);
    const beyond = bottom * weights - load<f64>(cut, 8);
    if (weights > 0 && beyond > 0) bound += (beyond * beyond) / weights;
  }
  return bound * 0.999;
}
