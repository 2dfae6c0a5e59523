/**
 * Errors of one model output over any number of runs, from sums that are kept as the runs come: nothing else is held.
 * All sums are in double precision.
 */
import type { NdArray } from '#base/nd-array.ts';
import { isFloat } from '#base/dtype.ts';
import { rowDivergence } from './evaluation/divergence.ts';
import type { OutputAgreement } from './evaluation/report.ts';
import { proportion } from './evaluation/statistics.ts';
import { firstLargest, numbersOf } from './numbers.ts';

/** Outputs of more axes are maps, whose last axis is a place and no class: a divergence along it means nothing. */
const MOST_AXES_OF_SCORES = 3;

/** Result against original, over all elements of all runs. */
export interface OutputFigures {
  readonly name: string;
  /** Shape in the original's last run. */
  readonly shape: readonly number[];
  /** 10 log10(sum x^2 / sum (x - x')^2) in dB; Infinity when equal; NaN when it could not be computed, which a notice explains. */
  readonly sqnrDb: number;
  /** Over the elements that are finite in both; 1 when both are all zero, 0 when only one is. */
  readonly cosine: number;
  /** Largest |x - x'|; Infinity when one is finite where the other is not. */
  readonly maxAbs: number;
  /** Share of positions along the last axis whose largest element is the same, 0 to 1; null where that axis has one element. */
  readonly top1Agreement: number | null;
  readonly mse: number;
  /** Elements compared. */
  readonly count: number;
  /** Elements that are NaN or infinite in the original and in the result. */
  readonly notFinite: { readonly original: number; readonly result: number };
}

export interface OutputMeter {
  /** Adds one run. Returns what stands in the way of comparing, if anything does. */
  add(original: NdArray, result: NdArray): string | undefined;
  figures(): OutputFigures;
  /** The same sums as figures about answers: same winner, same side of a threshold, divergence. */
  agreement(): OutputAgreement;
}

export function outputMeter(name: string): OutputMeter {
  let shape: readonly number[] = [];
  let count = 0;
  let signal = 0;
  let resultPower = 0;
  let inner = 0;
  let error = 0;
  let maxAbs = 0;
  let originalNotFinite = 0;
  let resultNotFinite = 0;
  let positions = 0;
  let agreements = 0;
  let outsideChances = false;
  let sameSide = 0;
  let divergence = 0;
  let rows = 0;
  let rowsMeanNothing = false;

  function addElements(x: ArrayLike<number>, y: ArrayLike<number>): void {
    for (let i = 0; i < x.length; i++) {
      const a = x[i] ?? 0;
      const b = y[i] ?? 0;
      if (!(a >= 0 && a <= 1)) outsideChances = true;
      if (a >= 0.5 === b >= 0.5) sameSide++;
      if (Number.isFinite(a) && Number.isFinite(b)) {
        const difference = a - b;
        signal += a * a;
        resultPower += b * b;
        inner += a * b;
        error += difference * difference;
        const magnitude = Math.abs(difference);
        if (magnitude > maxAbs) maxAbs = magnitude;
        continue;
      }
      if (!Number.isFinite(a)) originalNotFinite++;
      if (!Number.isFinite(b)) resultNotFinite++;
      // The same infinity, or NaN in both, is agreement; a number that became none is an error without bound.
      if (!Object.is(a, b)) {
        error = Infinity;
        maxAbs = Infinity;
      }
    }
    count += x.length;
  }

  function addPositions(x: ArrayLike<number>, y: ArrayLike<number>, width: number): void {
    for (let start = 0; start + width <= x.length; start += width) {
      positions++;
      if (firstLargest(x, start, width) === firstLargest(y, start, width)) agreements++;
    }
  }

  function addDivergence(x: ArrayLike<number>, y: ArrayLike<number>, width: number): void {
    for (let start = 0; start + width <= x.length; start += width) {
      divergence += rowDivergence(x, y, start, width);
      rows++;
    }
  }

  function figures(): OutputFigures {
    const empty = count === 0;
    return {
      name,
      shape,
      sqnrDb: empty ? NaN : error === 0 ? Infinity : 10 * Math.log10(signal / error),
      cosine: empty ? NaN : error === 0 ? 1 : cosineOf(inner, signal, resultPower),
      maxAbs: empty ? NaN : maxAbs,
      top1Agreement: positions === 0 ? null : agreements / positions,
      mse: empty ? NaN : error / count,
      count,
      notFinite: { original: originalNotFinite, result: resultNotFinite },
    };
  }

  return {
    add(original, result) {
      shape = original.shape;
      if (original.shape.join() !== result.shape.join()) {
        return `has shape [${result.shape.join(', ')}] instead of [${original.shape.join(', ')}]`;
      }
      const x = numbersOf(original);
      const y = numbersOf(result);
      if (x === null || y === null) return 'is text, which has no numeric error';
      addElements(x, y);
      const width = original.shape.at(-1) ?? 1;
      if (width > 1) addPositions(x, y, width);
      if (!isFloat(original.dtype) || original.shape.length > MOST_AXES_OF_SCORES) rowsMeanNothing = true;
      else if (width > 1) addDivergence(x, y, width);
      return undefined;
    },
    figures,
    agreement() {
      const { sqnrDb, cosine, maxAbs, mse } = figures();
      const mean = divergence / rows;
      return {
        name,
        sqnrDb,
        cosine,
        maxAbs,
        mse,
        top1: positions === 0 ? null : proportion(agreements, positions),
        threshold: count === 0 || outsideChances ? null : proportion(sameSide, count),
        klNats: rowsMeanNothing || !Number.isFinite(mean) ? null : mean,
      };
    },
  };
}

function cosineOf(inner: number, signal: number, result: number): number {
  if (signal === 0 && result === 0) return 1;
  if (signal === 0 || result === 0) return 0;
  return Math.max(-1, Math.min(1, inner / Math.sqrt(signal) / Math.sqrt(result)));
}
