/** Two variants side by side: the figures of both with their spread, and what lies between them. */
import type { Recipe } from '#studio/jobs.ts';
import type { LayerNoise, Variant, VariantEvaluation } from '#ui/state/session/variants.ts';
import { formatBytes, formatChange, formatDb, formatSmall } from '#ui/state/units.ts';
import { formatAccuracy, formatInterval, formatMs, formatPoints, formatQuartiles, formatSigned } from './words.ts';

/** One of the two: a variant, or the model as it was opened. */
export interface Side {
  readonly key: string;
  readonly title: string;
  readonly recipe: Recipe | null;
  readonly fileBytes: number;
  /** The size is that of a file, not estimated. */
  readonly counted: boolean;
  readonly weightSqnrDb: number | null;
  readonly evaluation: VariantEvaluation | null;
  readonly layerNoise: LayerNoise | null;
}

export interface SideFigure {
  readonly text: string;
  /** Spread or method, under the figure. */
  readonly under: string | null;
}

export interface SideLine {
  readonly label: string;
  readonly title: string;
  readonly a: SideFigure;
  readonly b: SideFigure;
  readonly difference: SideFigure;
}

const UNKNOWN: SideFigure = { text: 'unknown', under: null };

const plain = (text: string): SideFigure => ({ text, under: null });

export function sideOf(variant: Variant, title: string): Side {
  return {
    key: variant.key,
    title,
    recipe: variant.recipe,
    fileBytes: variant.fileBytes,
    counted: variant.made === true,
    weightSqnrDb: variant.weightSqnrDb,
    evaluation: variant.evaluation ?? null,
    layerNoise: variant.layerNoise ?? null,
  };
}

/** Whether figures measured on data may be held against each other. */
export function sameData(a: Side, b: Side): boolean {
  return a.evaluation === null || b.evaluation === null || a.evaluation.dataKey === b.evaluation.dataKey;
}

export function sideLines(a: Side, b: Side): readonly SideLine[] {
  const comparable = sameData(a, b);
  const pick = <T>(of: (evaluation: VariantEvaluation) => T | null) =>
    [a, b].map((side) => (side.evaluation === null ? null : of(side.evaluation))) as [T | null, T | null];
  const line = <T>(
    label: string,
    title: string,
    [left, right]: readonly [T | null, T | null],
    figure: (value: T) => SideFigure,
    difference: (left: T, right: T) => string | SideFigure,
  ): SideLine => ({
    label,
    title,
    a: left === null ? UNKNOWN : figure(left),
    b: right === null ? UNKNOWN : figure(right),
    difference:
      left === null || right === null
        ? plain('–')
        : comparable
          ? asFigure(difference(left, right))
          : plain('other data'),
  });
  const db = (left: number, right: number) =>
    Number.isFinite(right - left) ? `${formatSigned(right - left)} dB` : '–';
  return [
    {
      ...line(
        'File size',
        'Counted where the file was made, else estimated from the weights',
        [a, b],
        (side) => ({ text: formatBytes(side.fileBytes), under: side.counted ? 'counted' : 'estimated' }),
        (left, right) => formatChange(left.fileBytes, right.fileBytes),
      ),
      difference: plain(formatChange(a.fileBytes, b.fileBytes)),
    },
    line(
      'Top-1',
      'Share of samples whose largest score is the label; Wilson interval, 95 %',
      pick((one) => one.top1),
      shareFigure,
      points,
    ),
    line(
      'Top-5',
      'Share of samples whose label is among the five largest scores',
      pick((one) => one.top5),
      shareFigure,
      points,
    ),
    line(
      'Agreement',
      'Same answer as the original; needs no labels',
      pick((one) => one.agreement),
      shareFigure,
      points,
    ),
    line(
      'Outputs SQNR',
      'Of the output that is furthest from the original’s, over all samples',
      pick((one) => one.sqnrDb),
      (value) => ({ text: formatDb(value), under: null }),
      db,
    ),
    line(
      'KL',
      'Mean Kullback-Leibler divergence of the softmax of the outputs from the original’s',
      pick((one) => one.klNats),
      (value) => ({ text: `${formatSmall(value)} nats`, under: null }),
      (left, right) => `${formatSigned(right - left, 4)} nats`,
    ),
    line(
      'Weights SQNR',
      'Over all changed weights together',
      [a.weightSqnrDb, b.weightSqnrDb],
      (value) => ({ text: formatDb(value), under: null }),
      db,
    ),
    line(
      'Latency',
      'Median of interleaved runs, with quartiles. Each was measured beside the original, not beside the other variant',
      pick((one) => one.latency),
      (value) => ({ text: formatMs(value.after.medianMs), under: formatQuartiles(value.after) }),
      (left, right) => formatChange(left.after.medianMs, right.after.medianMs),
    ),
    line(
      'Of the original’s time',
      'after / before: the machine’s own speed falls out of it',
      pick((one) => one.latency?.ratio ?? null),
      (value) => ({ text: `× ${value.toFixed(2)}`, under: null }),
      (left, right) => formatSigned(right - left, 2),
    ),
  ];
}

function asFigure(difference: string | SideFigure): SideFigure {
  return typeof difference === 'string' ? plain(difference) : difference;
}

function shareFigure(share: NonNullable<VariantEvaluation['top1']>): SideFigure {
  return { text: formatAccuracy(share.share), under: formatInterval(share) };
}

function points(a: NonNullable<VariantEvaluation['top1']>, b: NonNullable<VariantEvaluation['top1']>): SideFigure {
  const text = formatPoints(100 * (b.share - a.share));
  // Two intervals that overlap leave the order of the variants open.
  return { text, under: a.low <= b.high && b.low <= a.high ? 'intervals overlap' : 'intervals apart' };
}

export interface LayerLine {
  readonly layer: string;
  readonly a: number | null;
  readonly b: number | null;
  readonly difference: number | null;
}

/** Layers by what the second variant changes most, for better or worse. */
export function layerLines(
  a: Readonly<Record<string, number | null>>,
  b: Readonly<Record<string, number | null>>,
): readonly LayerLine[] {
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .map((layer): LayerLine => {
      const left = a[layer] ?? null;
      const right = b[layer] ?? null;
      const gap = left === null || right === null ? null : right - left;
      return { layer, a: left, b: right, difference: gap !== null && Number.isFinite(gap) ? gap : null };
    })
    .toSorted((one, other) => Math.abs(other.difference ?? -1) - Math.abs(one.difference ?? -1));
}
