// A band of rows of [rows, columns] into [columns, rows], 4 x 4 weights at a time inside 32 x 32 blocks.
import { OWN, SOURCE, TARGET, word } from './task';

const BLOCK: u32 = 32;

export function transposeBand(task: usize): void {
  const source: usize = word(task, SOURCE);
  const target: usize = word(task, TARGET);
  const rows = word(task, OWN);
  const columns = word(task, OWN + 1);
  const firstRow = word(task, OWN + 2);
  const endRow = word(task, OWN + 3);
  for (let top = firstRow; top < endRow; top += BLOCK) {
    const bottom = min(endRow, top + BLOCK);
    for (let left: u32 = 0; left < columns; left += BLOCK) {
      block(source, target, rows, columns, top, bottom, left, min(columns, left + BLOCK));
    }
  }
}

// @ts-ignore: decorator
@inline
function placeOf(base: usize, row: u32, stride: u32, column: u32): usize {
  return base + ((<usize>row * <usize>stride + <usize>column) << 2);
}

function block(source: usize, target: usize, rows: u32, columns: u32, top: u32, bottom: u32, left: u32, right: u32): void {
  const bottom4 = top + ((bottom - top) & ~3);
  const right4 = left + ((right - left) & ~3);
  for (let row = top; row < bottom4; row += 4) {
    for (let column = left; column < right4; column += 4) {
      const from = placeOf(source, row, columns, column);
      const stride = <usize>columns << 2;
      const a = v128.load(from);
      const b = v128.load(from + stride);
      const c = v128.load(from + 2 * stride);
      const d = v128.load(from + 3 * stride);
      const p0 = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const p1 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const p2 = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
      const p3 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
      const to = placeOf(target, column, rows, row);
      const step = <usize>rows << 2;
      v128.store(to, v128.shuffle<i64>(p0, p2, 0, 2));
      v128.store(to + step, v128.shuffle<i64>(p0, p2, 1, 3));
      v128.store(to + 2 * step, v128.shuffle<i64>(p1, p3, 0, 2));
      v128.store(to + 3 * step, v128.shuffle<i64>(p1, p3, 1, 3));
    }
    for (let column = right4; column < right; column++) {
      for (let i: u32 = 0; i < 4; i++) copy(source, target, rows, columns, row + i, column);
    }
  }
  for (let row = bottom4; row < bottom; row++) {
    for (let column = left; column < right; column++) copy(source, target, rows, columns, row, column);
  }
}

// @ts-ignore: decorator
@inline
function copy(source: usize, target: usize, rows: u32, columns: u32, row: u32, column: u32): void {
  store<f32>(placeOf(target, column, rows, row), load<f32>(placeOf(source, row, columns, column)));
}
