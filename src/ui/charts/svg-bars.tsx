/** Bars per layer in SVG: each bar is a button with its layer's name and figure. */
import { Bar, BarChart, CartesianGrid, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts';
import { clipMiddle } from '#ui/state/table/short-names.ts';
import { describeBar, ticksTo, tickText, type BarsProps, type LayerBar } from './layer-bar.ts';

interface ShapeProps {
  readonly x?: number;
  readonly y?: number;
  readonly width?: number;
  readonly height?: number;
  readonly background?: { readonly y?: number; readonly height?: number };
  readonly payload?: LayerBar;
}

export function SvgBars({ bars, kind, selected, onPick }: BarsProps) {
  const ticks = ticksTo(bars.reduce((most, bar) => Math.max(most, bar.before ?? bar.value), 0));
  const shorts = new Map(bars.map((bar) => [bar.name, bar.short]));
  const rotate = bars.length > 8;
  return (
    <ResponsiveContainer width="100%" height="100%" debounce={30}>
      <BarChart data={bars as LayerBar[]} margin={{ top: 6, right: 8, bottom: 4, left: 4 }} barCategoryGap="14%">
        <CartesianGrid vertical={false} stroke="var(--line)" />
        <XAxis
          dataKey="name"
          tickFormatter={(name: string) => clipMiddle(shorts.get(name) ?? name, 13)}
          tickLine={false}
          axisLine={{ stroke: 'var(--line-strong)' }}
          tick={{ fontSize: 10, fill: 'var(--faint)' }}
          interval={bars.length > 40 ? Math.ceil(bars.length / 40) : 0}
          angle={rotate ? -40 : 0}
          textAnchor={rotate ? 'end' : 'middle'}
          height={rotate ? 64 : 26}
        />
        <YAxis
          domain={[0, ticks.at(-1) ?? 1]}
          ticks={ticks as number[]}
          width={kind === 'error' ? 42 : 66}
          tickLine={false}
          axisLine={false}
          tick={{ fontSize: 11, fill: 'var(--faint)' }}
          tickFormatter={(value: number) => tickText(kind, value)}
          label={{
            value: kind === 'error' ? 'SQNR (dB)' : 'weights (bytes)',
            angle: -90,
            position: 'insideLeft',
            style: { fontSize: 11, fill: 'var(--faint)', textAnchor: 'middle' },
          }}
        />
        <Tooltip
          cursor={{ fill: 'var(--hover)' }}
          isAnimationActive={false}
          content={({ active, payload }) => {
            const bar = payload?.[0]?.payload as LayerBar | undefined;
            return active === true && bar !== undefined ? (
              <div className="chart-tip">
                <b>{bar.name}</b> <span className="dim">{bar.op}</span>
                <br />
                {describeBar(bar)}
                <br />
                <span className="dim">
                  {kind === 'error' ? 'measured: weights against float, whole tensor' : 'counted: weights in the file'}
                </span>
              </div>
            ) : null;
          }}
        />
        <Bar
          dataKey={(bar: LayerBar) => bar.before ?? bar.value}
          isAnimationActive={false}
          minPointSize={2}
          shape={(props: unknown) => <OneBar {...(props as ShapeProps)} selected={selected} onPick={onPick} />}
          background={{ fill: 'transparent' }}
        />
      </BarChart>
    </ResponsiveContainer>
  );
}

interface OneBarProps extends ShapeProps {
  readonly selected: string | null;
  readonly onPick: (layer: string) => void;
}

/** The whole column takes the click: a low bar is the interesting one and hard to hit. */
function OneBar({ x = 0, y = 0, width = 0, height = 0, background, payload: bar, selected, onPick }: OneBarProps) {
  if (bar === undefined) return null;
  const floor = y + height;
  const columnTop = background?.y ?? y;
  const columnHeight = background?.height ?? height;
  const is = bar.before === null || bar.before === 0 ? height : (height * bar.value) / bar.before;
  return (
    <g
      role="button"
      aria-label={`${bar.name}: ${describeBar(bar)}`}
      aria-pressed={bar.name === selected}
      className="svg-bar"
      data-band={bar.band}
      data-selected={bar.name === selected}
      onClick={() => onPick(bar.name)}
    >
      <rect x={x} y={columnTop} width={width} height={columnHeight} className="column" />
      {bar.before === null ? null : <rect x={x} y={y} width={width} height={height} className="was" rx={1} />}
      {bar.excluded && bar.before === null ? (
        <rect x={x + 0.5} y={floor - 7} width={Math.max(1, width - 1)} height={7} className="out" rx={1} />
      ) : (
        <rect x={x} y={floor - is} width={width} height={Math.max(1, is)} className="is" rx={1} />
      )}
    </g>
  );
}
