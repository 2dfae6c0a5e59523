/**
 * Ranges from what was seen of an activation. Every range contains zero, as the quantizer needs it to be a level. A tensor
 * of one single value gets the range from zero to that value; one of zeros alone gets [0, 0].
 */
import { PareError } from '#base/failure.ts';
import type { ActivationRange, RangeChoice } from '#passes/pass.ts';
import { shareOutside } from '#measure/calibration/statistics.ts';
import type { TensorStatistics } from '#measure/calibration/statistics.ts';
import { entropyRange } from './entropy.ts';
import { percentileRange } from './percentile.ts';
import type { Range } from './range.ts';
import { leastErrorRange } from './squared-error.ts';

/** Share of values that is kept where the choice names none, in percent; as in onnxruntime's calibrator. */
export const DEFAULT_PERCENTILE = 99.999;
/** Weight of the newest sample where the choice names none; as in onnxruntime's calibrator. */
export const DEFAULT_AVERAGING = 0.01;

export const METHODS: readonly RangeChoice['method'][] = ['minmax', 'moving-average', 'percentile', 'entropy', 'mse'];

export function rangeFrom(statistics: TensorStatistics, choice: RangeChoice): ActivationRange {
  checkChoice(choice);
  const { min, max, count } = statistics;
  const { low, high } = withZero(chosen(statistics, choice));
  return { low, high, min, max, count, clipped: shareOutside(statistics, low, high) };
}

/** What every method would choose, for the same width and percentile. */
export function choicesOf(
  statistics: TensorStatistics,
  choice: RangeChoice,
): readonly ({ readonly method: RangeChoice['method'] } & Range)[] {
  return METHODS.map((method) => {
    const { low, high } = rangeFrom(statistics, { ...choice, method });
    return { method, low, high };
  });
}

function chosen(statistics: TensorStatistics, choice: RangeChoice): Range {
  const { min, max } = statistics;
  if (min === max) return { low: min, high: max };
  switch (choice.method) {
    case 'minmax':
      return { low: min, high: max };
    case 'moving-average':
      return {
        low: movingAverage(statistics.sampleMin, choice.averaging ?? DEFAULT_AVERAGING),
        high: movingAverage(statistics.sampleMax, choice.averaging ?? DEFAULT_AVERAGING),
      };
    case 'percentile':
      return percentileRange(statistics, (choice.percentile ?? DEFAULT_PERCENTILE) / 100, choice.symmetric);
    case 'entropy':
      return entropyRange(statistics, choice.bits, choice.symmetric);
    case 'mse':
      return leastErrorRange(statistics, choice.bits, choice.symmetric);
  }
}

/** m starts as the first sample's extreme and moves by `weight` of the way to each next one. */
function movingAverage(extremes: Float64Array, weight: number): number {
  let average = extremes[0] ?? 0;
  for (const extreme of extremes) average += weight * (extreme - average);
  return average;
}

function withZero({ low, high }: Range): Range {
  return { low: Math.min(0, low), high: Math.max(0, high) };
}

function checkChoice({ method, percentile, averaging, bits }: RangeChoice): void {
  const problem =
    !Number.isInteger(bits) || bits < 2 || bits > 16
      ? `a width of ${bits} bits was asked for; 2 to 16 are possible.`
      : method === 'percentile' && percentile !== undefined && !(percentile > 50 && percentile <= 100)
        ? `a percentile of ${percentile} was asked for; more than 50 and up to 100 are possible.`
        : method === 'moving-average' && averaging !== undefined && !(averaging > 0 && averaging <= 1)
          ? `an averaging weight of ${averaging} was asked for; more than 0 and up to 1 are possible.`
          : undefined;
  if (problem !== undefined) throw new PareError({ code: 'calibration/choice', place: method, problem });
}
