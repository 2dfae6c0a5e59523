// Largest magnitude, smallest and largest weight of each row.
import { LAST_LENGTH, OWN, ROWS, ROW_LENGTH, SOURCE, TARGET, lengthOfRow, word } from './task';
import { largestLane, smallestLane } from './simd';

export function absMaxRows(task: usize): void {
  let at: usize = word(task, SOURCE);
  const target: usize = word(task, TARGET);
  const rows = word(task, ROWS);
  for (let row: u32 = 0; row < rows; row++) {
    const length = lengthOfRow(task, row);
    store<f32>(target + ((<usize>row) << 2), absMaxOf(at, length));
    at += (<usize>length) << 2;
  }
}

export function absMaxOf(from: usize, length: u32): f32 {
  let at = from;
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  const end16 = from + ((<usize>length >> 4) << 6);
  while (at < end16) {
    a = f32x4.pmax(a, f32x4.abs(v128.load(at)));
    b = f32x4.pmax(b, f32x4.abs(v128.load(at, 16)));
    c = f32x4.pmax(c, f32x4.abs(v128.load(at, 32)));
    d = f32x4.pmax(d, f32x4.abs(v128.load(at, 48)));
    at += 64;
  }
  const end4 = from + ((<usize>length >> 2) << 4);
  while (at < end4) {
    a = f32x4.pmax(a, f32x4.abs(v128.load(at)));
    at += 16;
  }
  let largest = largestLane(f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d)));
  const end = from + ((<usize>length) << 2);
  while (at < end) {
    largest = max(largest, abs(load<f32>(at)));
    at += 4;
  }
  return largest;
}

/** Results of the last call of `minMaxOf`. */
export let lowest: f32 = 0;
export let highest: f32 = 0;

export function minMaxRows(task: usize): void {
  let at: usize = word(task, SOURCE);
  const minTarget: usize = word(task, TARGET);
  const maxTarget: usize = word(task, OWN);
  const rows = word(task, ROWS);
  for (let row: u32 = 0; row < rows; row++) {
    const length = lengthOfRow(task, row);
    minMaxOf(at, length);
    store<f32>(minTarget + ((<usize>row) << 2), lowest);
    store<f32>(maxTarget + ((<usize>row) << 2), highest);
    at += (<usize>length) << 2;
  }
}

export function minMaxOf(from: usize, length: u32): void {
  if (length == 0) {
    lowest = 0;
    highest = 0;
    return;
  }
  let at = from;
  let low = f32x4.splat(load<f32>(from));
  let high = low;
  let low2 = low;
  let high2 = low;
  const end8 = from + ((<usize>length >> 3) << 5);
  while (at < end8) {
    const x = v128.load(at);
    const y = v128.load(at, 16);
    low = f32x4.pmin(low, x);
    high = f32x4.pmax(high, x);
    low2 = f32x4.pmin(low2, y);
    high2 = f32x4.pmax(high2, y);
    at += 32;
  }
  lowest = smallestLane(f32x4.pmin(low, low2));
  highest = largestLane(f32x4.pmax(high, high2));
  const end = from + ((<usize>length) << 2);
  while (at < end) {
    const x = load<f32>(at);
    lowest = min(lowest, x);
    highest = max(highest, x);
    at += 4;
  }
}
