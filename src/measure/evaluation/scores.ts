/** Which output of a model holds the scores of classes, told from what it gave for one sample. */
import type { NdArray } from '#base/nd-array.ts';
import { countOf, isFloat, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';

/** What models of integers give their scores in, one grid for all: the largest level is the largest score. */
const LEVELS = new Set<DType>(['u8', 'i8', 'u16', 'i16']);

/**
 * The first float output that is one row of scores (all axes but one have one element), or such a row of levels; else the first of
 * one element, for models that answer yes or no. An output for every frame or every pixel is no classification of the sample: null. A model
 * that has a row of scores beside other outputs is taken by its first; name another in `wish`. `states` are outputs that
 * are carried to the next sample: they are never scores.
 */
export function scoresOutput(
  results: ReadonlyMap<string, NdArray>,
  wish: string | undefined,
  states: ReadonlySet<string>,
): string | null {
  if (wish !== undefined) {
    const array = results.get(wish);
    if (array !== undefined && array.dtype !== 'string' && isRow(array)) return wish;
    const problem =
      array === undefined
        ? `the model has no output of this name; it has ${[...results.keys()].join(', ')}.`
        : `it gave ${array.dtype}[${array.shape.join(', ')}], which is not one row of scores.`;
    throw new PareError({ code: 'evaluate/scores', place: `output ${wish}`, problem });
  }
  const answers = [...results].filter(([name]) => !states.has(name));
  const floats = answers.filter(([, array]) => isFloat(array.dtype));
  const isScores = ([, array]: readonly [string, NdArray]): boolean => isRow(array) && countOf(array.shape) > 1;
  const levels = answers.filter(([, array]) => LEVELS.has(array.dtype));
  const [row] = floats.find(isScores) ?? levels.find(isScores) ?? [];
  if (row !== undefined) return row;
  // Beside an output for every frame, a lone number is a length or a confidence rather than an answer.
  const [single] = floats.every(([, array]) => countOf(array.shape) === 1) ? (floats[0] ?? []) : [];
  return single ?? null;
}

/** Whether the array is one row of numbers, however many axes of size 1 are around it. */
export function isRow(array: NdArray): boolean {
  return countOf(array.shape) > 0 && array.shape.filter((size) => size > 1).length <= 1;
}
