// The layout of a task: 32 words of shared memory that JavaScript fills in (`tasks.ts` mirrors it) and `run` reads.

/** Word of a task as an unsigned number: a pointer, a count. */
// @ts-ignore: decorator
@inline
export function word(task: usize, index: i32): u32 {
  return load<u32>(task + (<usize>index << 2));
}

// @ts-ignore: decorator
@inline
export function signedWord(task: usize, index: i32): i32 {
  return load<i32>(task + (<usize>index << 2));
}

// @ts-ignore: decorator
@inline
export function floatWord(task: usize, index: i32): f32 {
  return load<f32>(task + (<usize>index << 2));
}

/** A double in words `index` and `index + 1`; `index` is even. */
// @ts-ignore: decorator
@inline
export function doubleWords(task: usize, index: i32): f64 {
  return load<f64>(task + (<usize>index << 2));
}

export const SOURCE = 1;
export const ROWS = 2;
export const ROW_LENGTH = 3;
export const LAST_LENGTH = 4;
export const TARGET = 5;
/** Where five doubles of results go: squared error, signal, result, largest squared error, a count. */
export const SUMS = 6;
/** First word that means something else in every operation. */
export const OWN = 8;

/** Length of a row in elements: the last one may be cut short. */
// @ts-ignore: decorator
@inline
export function lengthOfRow(task: usize, row: u32): u32 {
  return row + 1 == word(task, ROWS) ? word(task, LAST_LENGTH) : word(task, ROW_LENGTH);
}
