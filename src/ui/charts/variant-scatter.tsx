/** Size against accuracy, agreement or error of every variant tried. Each point is a button that brings its recipe back. */
import { SegmentedControl } from '@mantine/core';
import {
  CartesianGrid,
  ComposedChart,
  ErrorBar,
  Line,
  ReferenceLine,
  ResponsiveContainer,
  Scatter,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts';
import type { Proportion, Recipe } from '#studio/jobs.ts';
import { formatAccuracy, formatInterval } from '#ui/state/evaluation/words.ts';
import { forResult, recipeKey } from '#ui/state/recipe/edit.ts';
import { restoreRecipe } from '#ui/state/session/actions.ts';
import { dataInUse } from '#ui/state/session/data.ts';
import { describeRecipe, frontier, measureOf, type Measure, type Variant } from '#ui/state/session/variants.ts';
import { activeModel, activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { formatBytes, formatDb } from '#ui/state/units.ts';
import { ticksBetween, tickText } from './layer-bar.ts';

interface Props {
  readonly variants: readonly Variant[];
  readonly recipe: Recipe;
}

/** One dot: a variant, or the model as it was opened. */
interface Point {
  readonly x: number;
  readonly y: number;
  readonly front: number | null;
  /** How far the interval reaches below and above. */
  readonly spread: readonly [number, number];
  readonly variant: Variant | null;
}

const LABELS: Readonly<Record<Measure, string>> = {
  sqnr: 'weights SQNR (dB)',
  accuracy: 'top-1 accuracy (%)',
  agreement: 'same answer as the original (%)',
};

export function VariantScatter({ variants, recipe }: Props) {
  const passes = useStudio((studio) => studio.info?.passes);
  const originalBytes = useStudio((studio) => activeModel(studio)?.fileBytes ?? null);
  const baseline = useStudio((studio) => activeWork(studio)?.baseline ?? null);
  const key = useStudio((studio) => dataInUse(studio.activeId)?.key ?? null);
  const wished = useStudio((studio) => studio.looks.measure);
  // Without data open, the figures of the data that was open last still belong together.
  const dataKey = key ?? variants.findLast((variant) => variant.evaluation !== undefined)?.evaluation?.dataKey ?? null;
  const has = (one: Measure) => variants.some((variant) => measureOf(variant, one, dataKey) !== null);
  const offered = (['sqnr', 'accuracy', 'agreement'] as const).filter((one) => one === 'sqnr' || has(one));
  const best = has('accuracy') ? 'accuracy' : has('agreement') ? 'agreement' : 'sqnr';
  const measure = wished !== null && offered.includes(wished) ? wished : best;
  const original =
    measure === 'accuracy' && baseline?.dataKey === dataKey ? (baseline?.value.classification?.top1 ?? null) : null;
  const points = pointsOf(variants, measure, dataKey, original, originalBytes);
  const current = recipeKey(forResult(recipe, passes ?? []));
  if (points.length === 0) {
    return <p className="chart-empty dim">Every recipe you try becomes a point here: its size against its error.</p>;
  }
  const missing =
    measure === 'sqnr' ? 0 : variants.filter((variant) => measureOf(variant, measure, dataKey) === null).length;
  return (
    <>
      {offered.length === 1 ? null : (
        <div className="selected-line">
          <SegmentedControl
            aria-label="Variants judged by"
            value={measure}
            onChange={(value) => changeLooks({ measure: value as Measure })}
            data={offered.map((one) => ({
              value: one,
              label: { sqnr: 'Weights SQNR', accuracy: 'Accuracy', agreement: 'Agreement' }[one],
            }))}
          />
        </div>
      )}
      <div className="chart-body">
        <Plot points={points} measure={measure} current={current} original={original} />
      </div>
      <figcaption className="dim method">
        {measure === 'sqnr'
          ? 'SQNR measured over all changed weights. '
          : `Measured on ${sampleCount(variants, dataKey)} samples; bars: Wilson interval, 95 %. ${
              missing === 0 ? '' : `${missing} not evaluated on this data. `
            }`}
        Size of made files counted, of others estimated. Dashed: variants that no other beats.
        {original === null ? '' : ' Square: the original.'} Click a point to bring its recipe back.
      </figcaption>
    </>
  );
}

function pointsOf(
  variants: readonly Variant[],
  measure: Measure,
  dataKey: string | null,
  original: Proportion | null,
  originalBytes: number | null,
): readonly Point[] {
  const scale = measure === 'sqnr' ? 1 : 100;
  const best = new Set(frontier(variants, measure, dataKey).map((variant) => variant.key));
  const points = variants.flatMap((variant): readonly Point[] => {
    const figure = measureOf(variant, measure, dataKey);
    if (figure === null) return [];
    const y = figure.value * scale;
    return [
      {
        x: variant.fileBytes,
        y,
        front: best.has(variant.key) ? y : null,
        spread: [y - figure.low * scale, figure.high * scale - y],
        variant,
      },
    ];
  });
  const first: readonly Point[] =
    original === null || originalBytes === null
      ? []
      : [
          {
            x: originalBytes,
            y: original.share * 100,
            front: null,
            spread: [(original.share - original.low) * 100, (original.high - original.share) * 100],
            variant: null,
          },
        ];
  return [...points, ...first].toSorted((a, b) => a.x - b.x);
}

function sampleCount(variants: readonly Variant[], dataKey: string | null): number {
  return variants.find((variant) => variant.evaluation?.dataKey === dataKey)?.evaluation?.samples ?? 0;
}

interface PlotProps {
  readonly points: readonly Point[];
  readonly measure: Measure;
  readonly current: string;
  readonly original: Proportion | null;
}

const TICK = { fontSize: 11, fill: 'var(--faint)' };

function Plot({ points, measure, current, original }: PlotProps) {
  const sizes = padded(points.map((point) => point.x));
  const bounds = padded(points.flatMap((point) => [point.y - point.spread[0], point.y + point.spread[1]]));
  const shown: [number, number] = measure === 'sqnr' ? bounds : [bounds[0], Math.min(100, bounds[1])];
  return (
    <ResponsiveContainer width="100%" height="100%" debounce={30}>
      <ComposedChart data={points} margin={{ top: 10, right: 16, bottom: 16, left: 4 }}>
        <CartesianGrid stroke="var(--line)" />
        <XAxis
          dataKey="x"
          type="number"
          domain={sizes}
          ticks={[...ticksBetween(...sizes)]}
          tickLine={false}
          axisLine={{ stroke: 'var(--line-strong)' }}
          tick={TICK}
          tickFormatter={(value: number) => tickText('size', value)}
          label={{ value: 'file size (bytes)', position: 'bottom', offset: 0, style: TICK }}
        />
        <YAxis
          dataKey="y"
          type="number"
          domain={shown}
          ticks={[...ticksBetween(...shown)]}
          width={42}
          tickLine={false}
          axisLine={false}
          tick={TICK}
          tickFormatter={(value: number) => (Number.isInteger(value) ? String(value) : value.toFixed(1))}
          label={{
            value: LABELS[measure],
            angle: -90,
            position: 'insideLeft',
            style: { ...TICK, textAnchor: 'middle' },
          }}
        />
        <Tooltip
          isAnimationActive={false}
          cursor={false}
          content={({ active, payload }) => {
            const point = payload?.[0]?.payload as Point | undefined;
            return active === true && point !== undefined ? <Tip point={point} original={original} /> : null;
          }}
        />
        {original === null ? null : (
          <ReferenceLine y={original.share * 100} stroke="var(--faint)" strokeDasharray="2 4" />
        )}
        <Line
          dataKey="front"
          connectNulls
          dot={false}
          activeDot={false}
          stroke="var(--accent)"
          strokeOpacity={0.5}
          strokeDasharray="3 3"
          isAnimationActive={false}
        />
        <Scatter
          dataKey="y"
          isAnimationActive={false}
          shape={(props: unknown) => {
            const { cx = 0, cy = 0, payload } = props as { cx?: number; cy?: number; payload?: Point };
            return payload === undefined ? <g /> : <Dot cx={cx} cy={cy} point={payload} current={current} />;
          }}
        >
          {measure === 'sqnr' ? null : (
            <ErrorBar
              dataKey="spread"
              direction="y"
              width={5}
              stroke="var(--faint)"
              strokeWidth={1.2}
              isAnimationActive={false}
            />
          )}
        </Scatter>
      </ComposedChart>
    </ResponsiveContainer>
  );
}

interface DotProps {
  readonly cx: number;
  readonly cy: number;
  readonly point: Point;
  readonly current: string;
}

function Dot({ cx, cy, point, current }: DotProps) {
  const { variant } = point;
  if (variant === null) {
    return (
      <g className="dot" role="img" aria-label={`Original: ${formatBytes(point.x)}, ${point.y.toFixed(1)} %`}>
        <rect x={cx - 5} y={cy - 5} width={10} height={10} className="original" />
      </g>
    );
  }
  const now = variant.key === current;
  const restore = () => restoreRecipe(variant.recipe);
  return (
    <g
      role="button"
      tabIndex={0}
      aria-label={`Variant ${variant.number}: ${describeRecipe(variant.recipe)}, ${formatBytes(variant.fileBytes)}, ${figuresOf(variant)}`}
      aria-pressed={now}
      className="dot"
      onClick={restore}
      onKeyDown={(event) => {
        if (event.key === 'Enter' || event.key === ' ') {
          event.preventDefault();
          restore();
        }
      }}
    >
      <circle cx={cx} cy={cy} r={12} fill="transparent" />
      <circle cx={cx} cy={cy} r={now ? 7 : 5} className={now ? 'now' : point.front !== null ? 'best' : 'other'} />
    </g>
  );
}

function figuresOf({ weightSqnrDb, evaluation }: Variant): string {
  const top1 = evaluation?.top1 ?? null;
  return top1 === null ? formatDb(weightSqnrDb) : `${formatAccuracy(top1.share)} top-1`;
}

function Tip({ point: { variant, x }, original }: { readonly point: Point; readonly original: Proportion | null }) {
  if (variant === null) {
    return (
      <div className="chart-tip">
        <b>Original</b>
        <br />
        {formatBytes(x)}
        {original === null ? '' : `, top-1 ${formatAccuracy(original.share)} (${formatInterval(original)})`}
      </div>
    );
  }
  const { evaluation } = variant;
  return (
    <div className="chart-tip">
      <b>Variant {variant.number}</b>
      <br />
      {describeRecipe(variant.recipe)}
      <br />
      {formatBytes(variant.fileBytes)} {variant.made === true ? '' : '(estimated)'}, weights{' '}
      {formatDb(variant.weightSqnrDb)}
      {variant.outputSqnrDb === null ? '' : `, outputs ${formatDb(variant.outputSqnrDb)}`}
      {evaluation === undefined ? null : (
        <>
          {evaluation.top1 === null ? null : (
            <>
              <br />
              top-1 {formatAccuracy(evaluation.top1.share)} ({formatInterval(evaluation.top1)})
            </>
          )}
          {evaluation.agreement === null ? null : (
            <>
              <br />
              same answer {formatAccuracy(evaluation.agreement.share)} ({formatInterval(evaluation.agreement)})
            </>
          )}
        </>
      )}
    </div>
  );
}

/** Bounds with some air, so that no point lies on an axis. */
function padded(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = Math.max((high - low) * 0.12, Math.abs(high) * 0.02, 0.5);
  return [Math.max(0, low - air), high + air];
}
