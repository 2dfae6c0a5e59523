/**
 * Bars per layer in SVG: each bar is a button with its layer's name and figure. Drawn by hand, because this chart follows a
 * dragged slider: a chart library takes longer than a frame for it (`docs/decisions/0011-bars-by-hand.md`).
 */
import { memo, useMemo, useRef, useState, type MouseEvent } from 'react';
import { useSize, type Size } from '#ui/parts/use-size.ts';
import { clipMiddle } from '#ui/state/table/short-names.ts';
import { describeBar, ticksTo, tickText, topOf, type BarsProps, type LayerBar } from './layer-bar.ts';

const TOP_PX = 6;
const RIGHT_PX = 8;
const LABEL_PX = 13;
const LEAST_NAMED_PX = 165;
const BAR_SHARE = 0.84;
const MOST_BAR_PX = 64;

export function SvgBars({ bars, kind, selected, how, onPick }: BarsProps) {
  const box = useRef<HTMLDivElement>(null);
  const size = useSize(box);
  const [over, setOver] = useState<number | null>(null);
  const plot = useMemo(() => layOut(bars, kind, size), [bars, kind, size]);
  const tip = over === null ? undefined : bars[over];
  return (
    <div ref={box} className="canvas-box" onMouseLeave={() => setOver(null)}>
      {size.width === 0 ? null : (
        <svg
          width={size.width}
          height={size.height}
          onMouseMove={(event) => setOver(barUnder(event))}
          onClick={(event) => {
            const bar = bars[barUnder(event) ?? -1];
            if (bar !== undefined) onPick(bar.name);
          }}
        >
          <Axes bars={bars} kind={kind} plot={plot} />
          {bars.map((bar, at) => (
            <OneBar key={bar.name} bar={bar} at={at} plot={plot} selected={bar.name === selected} />
          ))}
        </svg>
      )}
      {tip === undefined || over === null ? null : (
        <div className="chart-tip floating" style={{ left: tipLeft(plot, over) }}>
          <b>{tip.name}</b> <span className="dim">{tip.op}</span>
          <br />
          {describeBar(tip)}
          <br />
          <span className="dim">{how}</span>
        </div>
      )}
    </div>
  );
}

interface Plot {
  readonly left: number;
  readonly width: number;
  readonly floor: number;
  readonly step: number;
  readonly ticks: readonly number[];
  readonly rotated: boolean;
  readonly named: boolean;
  /** Pixels for one unit of value. */
  readonly scale: number;
}

function layOut(bars: readonly LayerBar[], kind: 'error' | 'size', size: Size): Plot {
  const ticks = ticksTo(bars.reduce((most, bar) => Math.max(most, topOf(bar)), 0));
  const left = kind === 'error' ? 44 : 66;
  const width = Math.max(1, size.width - left - RIGHT_PX);
  const step = width / Math.max(1, bars.length);
  // Where there is little room, the bars matter more than their names, which the pointer tells.
  const named = size.height >= LEAST_NAMED_PX;
  const rotated = step < 84;
  const floor = Math.max(TOP_PX + 20, size.height - (named ? (rotated ? 66 : 22) : 6));
  return { left, width, floor, step, ticks, rotated, named, scale: (floor - TOP_PX) / (ticks.at(-1) ?? 1) };
}

const Axes = memo(function Axes({ bars, kind, plot }: Pick<BarsProps, 'bars' | 'kind'> & { readonly plot: Plot }) {
  const { left, width, floor, step, ticks, rotated, scale } = plot;
  const every = Math.max(1, Math.ceil(LABEL_PX / step));
  return (
    <g className="axes" aria-hidden>
      {ticks.map((tick) => (
        <g key={tick}>
          <line x1={left} x2={left + width} y1={floor - tick * scale} y2={floor - tick * scale} />
          <text x={left - 6} y={floor - tick * scale + 4} textAnchor="end">
            {tickText(kind, tick)}
          </text>
        </g>
      ))}
      <text className="title" transform={`translate(11 ${(floor + TOP_PX) / 2}) rotate(-90)`} textAnchor="middle">
        {kind === 'error' ? 'SQNR (dB)' : 'weights (bytes)'}
      </text>
      {bars.map((bar, at) => {
        if (!plot.named || at % every !== 0) return null;
        const x = left + (at + 0.5) * step;
        return rotated ? (
          <text
            key={bar.name}
            className="name"
            transform={`translate(${x + 3} ${floor + 11}) rotate(-40)`}
            textAnchor="end"
          >
            {clipMiddle(bar.short, 13)}
          </text>
        ) : (
          <text key={bar.name} className="name" x={x} y={floor + 14} textAnchor="middle">
            {clipMiddle(bar.short, 13)}
          </text>
        );
      })}
    </g>
  );
});

interface OneBarProps {
  readonly bar: LayerBar;
  readonly at: number;
  readonly plot: Plot;
  readonly selected: boolean;
}

/** The whole column takes the click: a low bar is the interesting one and hard to hit. */
const OneBar = memo(function OneBar({ bar, at, plot, selected }: OneBarProps) {
  const { left, floor, step, scale } = plot;
  const width = Math.max(1, Math.min(MOST_BAR_PX, step * BAR_SHARE));
  const x = left + at * step + (step - width) / 2;
  const height = (value: number) => Math.max(1, value * scale);
  return (
    <g
      role="button"
      aria-label={`${bar.name}: ${describeBar(bar)}`}
      aria-pressed={selected}
      className="svg-bar"
      data-at={at}
      data-band={bar.band}
      data-selected={selected}
    >
      <rect x={left + at * step} y={TOP_PX} width={step} height={floor - TOP_PX} className="column" />
      {bar.before === null ? null : (
        <rect x={x} y={floor - height(bar.before)} width={width} height={height(bar.before)} className="was" rx={1} />
      )}
      {bar.excluded && bar.before === null ? (
        <rect x={x + 0.5} y={floor - 8} width={Math.max(1, width - 1)} height={8} className="out" rx={1} />
      ) : (
        <rect x={x} y={floor - height(bar.value)} width={width} height={height(bar.value)} className="is" rx={1} />
      )}
      {bar.parts?.map((part) => (
        <rect
          key={part.kind}
          x={x - 1}
          y={floor - height(part.value) - 1.25}
          width={width + 2}
          height={2.5}
          className={`part ${part.kind}`}
        />
      ))}
    </g>
  );
});

function barUnder(event: MouseEvent): number | null {
  const bar = event.target instanceof Element ? event.target.closest('[data-at]') : null;
  return bar === null ? null : Number(bar.getAttribute('data-at'));
}

function tipLeft(plot: Plot, at: number): string {
  return `clamp(0px, ${plot.left + (at + 0.5) * plot.step + 12}px, calc(100% - 260px))`;
}
