/** Size against error of every variant tried. Each point is a button that brings its recipe back. */
import { CartesianGrid, Line, ResponsiveContainer, Scatter, ComposedChart, Tooltip, XAxis, YAxis } from 'recharts';
import type { Recipe } from '#studio/jobs.ts';
import { recipeKey } from '#ui/state/recipe/edit.ts';
import { editRecipe } from '#ui/state/session/actions.ts';
import { describeRecipe, frontier, type Variant } from '#ui/state/session/variants.ts';
import { formatBytes, formatDb } from '#ui/state/units.ts';
import { tickText } from './layer-bar.ts';

interface Props {
  readonly variants: readonly Variant[];
  readonly recipe: Recipe;
}

interface Point {
  readonly x: number;
  readonly y: number;
  readonly front: number | null;
  readonly variant: Variant;
}

export function VariantScatter({ variants, recipe }: Props) {
  const best = new Set(frontier(variants).map((variant) => variant.key));
  const points = variants
    .flatMap((variant): readonly Point[] => {
      const y = variant.weightSqnrDb;
      if (y === null || !Number.isFinite(y)) return [];
      return [{ x: variant.fileBytes, y, front: best.has(variant.key) ? y : null, variant }];
    })
    .toSorted((a, b) => a.x - b.x);
  const current = recipeKey(recipe);
  if (points.length === 0) {
    return <p className="chart-empty dim">Every recipe you try becomes a point here: its size against its error.</p>;
  }
  return (
    <>
      <div className="chart-body">
        <ResponsiveContainer width="100%" height="100%" debounce={30}>
          <ComposedChart data={points} margin={{ top: 10, right: 16, bottom: 16, left: 4 }}>
            <CartesianGrid stroke="var(--line)" />
            <XAxis
              dataKey="x"
              type="number"
              domain={padded(points.map((point) => point.x))}
              tickLine={false}
              axisLine={{ stroke: 'var(--line-strong)' }}
              tick={{ fontSize: 11, fill: 'var(--faint)' }}
              tickFormatter={(value: number) => tickText('size', value)}
              label={{
                value: 'file size (bytes)',
                position: 'bottom',
                offset: 0,
                style: { fontSize: 11, fill: 'var(--faint)' },
              }}
            />
            <YAxis
              dataKey="y"
              type="number"
              domain={padded(points.map((point) => point.y))}
              width={42}
              tickLine={false}
              axisLine={false}
              tick={{ fontSize: 11, fill: 'var(--faint)' }}
              tickFormatter={(value: number) => tickText('error', value)}
              label={{
                value: 'weights SQNR (dB)',
                angle: -90,
                position: 'insideLeft',
                style: { fontSize: 11, fill: 'var(--faint)', textAnchor: 'middle' },
              }}
            />
            <Tooltip
              isAnimationActive={false}
              cursor={false}
              content={({ active, payload }) => {
                const point = payload?.[0]?.payload as Point | undefined;
                return active === true && point !== undefined ? <Tip variant={point.variant} /> : null;
              }}
            />
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
                return payload === undefined ? (
                  <g />
                ) : (
                  <Dot
                    cx={cx}
                    cy={cy}
                    variant={payload.variant}
                    current={payload.variant.key === current}
                    best={payload.front !== null}
                  />
                );
              }}
            />
          </ComposedChart>
        </ResponsiveContainer>
      </div>
      <figcaption className="dim method">
        Size estimated from the weights; SQNR measured over all changed weights. Dashed: variants that no other beats.
        Click a point to bring its recipe back.
      </figcaption>
    </>
  );
}

function Dot({
  cx,
  cy,
  variant,
  current,
  best,
}: {
  readonly cx: number;
  readonly cy: number;
  readonly variant: Variant;
  readonly current: boolean;
  readonly best: boolean;
}) {
  const restore = () => editRecipe(() => variant.recipe);
  return (
    <g
      role="button"
      tabIndex={0}
      aria-label={`Variant ${variant.number}: ${describeRecipe(variant.recipe)}, ${formatBytes(variant.fileBytes)}, ${formatDb(variant.weightSqnrDb)}`}
      aria-pressed={current}
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
      <circle cx={cx} cy={cy} r={current ? 7 : 5} className={current ? 'now' : best ? 'best' : 'other'} />
    </g>
  );
}

function Tip({ variant }: { readonly variant: Variant }) {
  return (
    <div className="chart-tip">
      <b>Variant {variant.number}</b>
      <br />
      {describeRecipe(variant.recipe)}
      <br />
      {formatBytes(variant.fileBytes)}, weights {formatDb(variant.weightSqnrDb)}
      {variant.outputSqnrDb === null ? '' : `, outputs ${formatDb(variant.outputSqnrDb)}`}
    </div>
  );
}

/** Bounds with some air, so that no point lies on an axis. */
function padded(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  const air = Math.max((high - low) * 0.12, Math.abs(high) * 0.04, 0.5);
  return [Math.max(0, low - air), high + air];
}
