// The error sums of the task at hand, and the exact (double precision, scalar) way of adding to them.
import { SUMS, word } from './task';

export let squaredError: f64 = 0;
export let squaredSignal: f64 = 0;
export let squaredResult: f64 = 0;
/** Largest (x - x')^2. */
export let largestSquare: f64 = 0;
/** Zeros, ties or whatever the operation counts. */
export let counted: f64 = 0;

export function clearSums(): void {
  squaredError = 0;
  squaredSignal = 0;
  squaredResult = 0;
  largestSquare = 0;
  counted = 0;
}

// @ts-ignore: decorator
@inline
export function addSums(error: f64, signal: f64, result: f64, largest: f64): void {
  squaredError += error;
  squaredSignal += signal;
  squaredResult += result;
  largestSquare = max(largestSquare, largest);
}

// @ts-ignore: decorator
@inline
export function addCount(count: f64): void {
  counted += count;
}

/** One weight and what became of it. */
// @ts-ignore: decorator
@inline
export function addWeight(x: f32, result: f32): void {
  const error = <f64>x - <f64>result;
  const square = error * error;
  addSums(square, <f64>x * <f64>x, <f64>result * <f64>result, square);
}

/** True once float32 squares have overflowed: the task is then done again in double precision. */
export function overflowed(): bool {
  return !isFinite<f64>(squaredError + squaredSignal + squaredResult);
}

export function storeSums(task: usize): void {
  const at: usize = word(task, SUMS);
  store<f64>(at, squaredError, 0);
  store<f64>(at, squaredSignal, 8);
  store<f64>(at, squaredResult, 16);
  store<f64>(at, largestSquare, 24);
  store<f64>(at, counted, 32);
}
