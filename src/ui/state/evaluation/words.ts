/** Figures of an evaluation as people read them: always with their spread, and never more sure than they are. */
import type { Evaluation, Latency, PairedTest, Proportion } from '#studio/jobs.ts';

const THIN = '\u202f';

/** Below this, a difference is called measurable. */
const SIGNIFICANT = 0.05;

/** A share with one decimal, as accuracies are compared: `91.5 %`. */
export function formatAccuracy(share: number): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(1)}${THIN}%` : 'unknown';
}

export function formatInterval({ low, high, of }: Proportion): string {
  return of === 0 ? 'no samples' : `${(low * 100).toFixed(1)} to ${(high * 100).toFixed(1)}${THIN}%`;
}

/** `−0.8`, `+0.1`, `±0.0`. */
export function formatSigned(value: number, digits: number = 1): string {
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return `±${text}`;
  return `${value < 0 ? '−' : '+'}${text}`;
}

export function formatPoints(points: number): string {
  return `${formatSigned(points)} points`;
}

export function formatP(pValue: number): string {
  return pValue < 0.001 ? 'p < 0.001' : `p = ${pValue.toPrecision(2)}`;
}

/** Milliseconds in three digits. */
export function formatMs(ms: number): string {
  return `${ms >= 100 ? Math.round(ms) : Number(ms.toPrecision(3))}${THIN}ms`;
}

export function formatQuartiles({ lowMs, highMs }: Latency): string {
  return `${formatMs(lowMs).replace(`${THIN}ms`, '')} to ${formatMs(highMs)}`;
}

/** What the paired test allows to say. */
export function describePaired(paired: PairedTest): string {
  const { differencePoints: change, lowPoints, highPoints, pValue, onlyBefore, onlyAfter } = paired;
  const of = paired.bothRight + paired.bothWrong + onlyBefore + onlyAfter;
  const interval = `95 % interval ${formatSigned(lowPoints)} to ${formatSigned(highPoints)}, exact McNemar ${formatP(pValue)}`;
  const counts = `Of ${of} samples, ${onlyBefore} ${onlyBefore === 1 ? 'was' : 'were'} right only before and ${onlyAfter} only after.`;
  if (onlyBefore + onlyAfter === 0)
    return `No difference on any of ${of} samples (95 % interval ${formatSigned(lowPoints)} to ${formatSigned(highPoints)} points).`;
  if (pValue >= SIGNIFICANT) return `No measurable difference: ${formatPoints(change)} (${interval}). ${counts}`;
  return `Accuracy ${change < 0 ? 'fell' : 'rose'} by ${Math.abs(change).toFixed(1)} points (${interval}). ${counts}`;
}

/** Why an evaluation has no accuracy; null when it has one. */
export function whyNoAccuracy(evaluation: Evaluation, labelled: number): string | null {
  if (evaluation.before.classification !== null) return null;
  return labelled === 0
    ? 'No accuracy: the data has no labels. Add them as class folders, a labels.csv, or an array of labels beside the samples. Agreement with the original needs none.'
    : 'No accuracy: no output of the model has one score for each class, so labels cannot be compared with it. What is measured is agreement with the original.';
}

export function describeRatio(ratio: { readonly median: number; readonly low: number; readonly high: number }): string {
  const { median, low, high } = ratio;
  const spread = `quartiles ${low.toFixed(2)} to ${high.toFixed(2)}`;
  if (low <= 1 && high >= 1) return `No measurable difference: ${median.toFixed(2)} of the time before (${spread}).`;
  return median < 1
    ? `${(1 / median).toFixed(2)} times as fast: ${median.toFixed(2)} of the time before (${spread}).`
    : `Slower: ${median.toFixed(2)} times as long as before (${spread}).`;
}
