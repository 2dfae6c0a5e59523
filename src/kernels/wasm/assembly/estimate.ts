// Squared error of any uniform grid on one row, from a histogram with prefix sums.
//
// A grid's error is  sum x^2 - 2 sum v x + sum v^2  where v is the level value of each weight. Bins hold how many weights
// fall into them and the sum of those weights, so a bin whose weights all go to one level is accounted for exactly. Only a
// bin that holds a decision boundary may put weights on the wrong side: a bin goes where its mean goes, weights on the other
// side then have a total distance to the boundary of at most count * width / 4, and each costs 2 * scale * distance.
// Hence  estimate - slack <= error <= estimate  with  slack = scale * width / 2 * (weights in bins with a boundary).

let bins: i32 = 0;
/** Per bin (count, sum of x - centre in bin widths) as two float32, then prefix sums (count, sum of x) as two doubles. */
let pairs: usize = 0;
let prefixes: usize = 0;

let origin: f64 = 0;
let width: f64 = 0;
let signal: f64 = 0;
let slack: f64 = 0;

export function chooseHistogram(scratch: usize, count: i32): void {
  bins = count;
  pairs = scratch;
  prefixes = scratch + (<usize>count << 3);
}

export function slackOf(): f64 {
  return slack;
}

// @ts-ignore: decorator
@inline
function addTo(bin: i32, value: v128): void {
  const at = pairs + (<usize>bin << 3);
  v128.store_lane<i64>(at, f32x4.add(v128.load64_zero(at), value), 0);
}

export function estimateRow(from: usize, length: u32, least: f64, most: f64): void {
  memory.fill(pairs, 0, <usize>bins << 3);
  origin = least;
  width = (most - least) / <f64>bins;
  // A row of equal weights has no width; one bin then holds everything at offset 0.
  const factor1 = width > 0 ? <f32>(1.0 / width) : <f32>0;
  const origin1 = <f32>least;
  const factor = f32x4.splat(factor1);
  const start = f32x4.splat(origin1);
  const last = f32x4.splat(<f32>(bins - 1));
  const zero = f32x4.splat(0);
  const half = f32x4.splat(0.5);
  const one = f32x4.splat(1);
  let squaresLow = f64x2.splat(0);
  let squaresHigh = squaresLow;
  let at = from;
  const end4 = from + ((<usize>length >> 2) << 4);
  while (at < end4) {
    const x = v128.load(at);
    const lower = f64x2.promote_low_f32x4(x);
    const upper = f64x2.promote_low_f32x4(v128.shuffle<i64>(x, x, 1, 1));
    squaresLow = f64x2.add(squaresLow, f64x2.mul(lower, lower));
    squaresHigh = f64x2.add(squaresHigh, f64x2.mul(upper, upper));
    const place = f32x4.mul(f32x4.sub(x, start), factor);
    const whole = f32x4.floor(f32x4.pmin(f32x4.pmax(place, zero), last));
    const offset = f32x4.sub(f32x4.sub(place, whole), half);
    const index = ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_trunc_f32x4_s(whole) : i32x4.trunc_sat_f32x4_s(whole);
    const firstPairs = v128.shuffle<i32>(one, offset, 0, 4, 1, 5);
    const lastPairs = v128.shuffle<i32>(one, offset, 2, 6, 3, 7);
    addTo(i32x4.extract_lane(index, 0), firstPairs);
    addTo(i32x4.extract_lane(index, 1), v128.shuffle<i64>(firstPairs, firstPairs, 1, 1));
    addTo(i32x4.extract_lane(index, 2), lastPairs);
    addTo(i32x4.extract_lane(index, 3), v128.shuffle<i64>(lastPairs, lastPairs, 1, 1));
    at += 16;
  }
  const squares = f64x2.add(squaresLow, squaresHigh);
  signal = f64x2.extract_lane(squares, 0) + f64x2.extract_lane(squares, 1);
  const end = from + (<usize>length << 2);
  while (at < end) {
    const x = load<f32>(at);
    signal += <f64>x * <f64>x;
    const place = (x - origin1) * factor1;
    const whole = floor<f32>(min<f32>(max<f32>(place, 0), <f32>(bins - 1)));
    addTo(<i32>whole, f32x4.replace_lane(one, 1, place - whole - <f32>0.5));
    at += 4;
  }
  addUp();
}

function addUp(): void {
  let count: f64 = 0;
  let sum: f64 = 0;
  for (let bin = 0; bin < bins; bin++) {
    const to = prefixes + (<usize>bin << 4);
    store<f64>(to, count);
    store<f64>(to, sum, 8);
    const at = pairs + (<usize>bin << 3);
    const inBin = <f64>load<f32>(at);
    count += inBin;
    sum += inBin * (origin + (<f64>bin + 0.5) * width) + <f64>load<f32>(at, 4) * width;
  }
  const to = prefixes + (<usize>bins << 4);
  store<f64>(to, count);
  store<f64>(to, sum, 8);
}

/** Upper estimate of the squared error of the levels `scale * n`, n = first .. last; `slackOf` then tells how much less it may be. */
export function estimateOf(scale: f64, first: i32, last: i32): f64 {
  const total = prefixes + (<usize>bins << 4);
  const top = scale * <f64>last;
  let error = signal - 2 * top * load<f64>(total, 8) + top * top * load<f64>(total);
  let doubtful: f64 = 0;
  const perWidth = width > 0 ? 1 / width : 0;
  // The first boundary inside the histogram; below it every cut is at bin 0 and adds nothing.
  let n = max(first, <i32>floor((origin / scale) - 0.5)) + 1;
  let crossings: f64 = 0;
  let squares: f64 = 0;
  for (; n <= last; n++) {
    const boundary = (<f64>n - 0.5) * scale;
    const place = (boundary - origin) * perWidth;
    let cut = total;
    if (place < 0) continue;
    if (place < <f64>bins) {
      cut = prefixes + (<usize>(<u32>place) << 4);
      const inBin = load<f64>(cut, 16) - load<f64>(cut);
      if (inBin > 0) {
        doubtful += inBin;
        // The bin goes where its mean goes: below the boundary, the cut is behind it.
        if (load<f64>(cut, 24) - load<f64>(cut, 8) < boundary * inBin) cut += 16;
      }
    }
    crossings += load<f64>(cut, 8);
    squares += (2 * <f64>n - 1) * load<f64>(cut);
  }
  error += 2 * scale * crossings - scale * scale * squares;
  // Bins were chosen in float32: a little wider bound, and never less than what double sums may lose.
  slack = (scale * width * doubtful) / 2 * 1.01 + signal * 1e-12;
  return error;
}
