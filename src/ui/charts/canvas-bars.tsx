/** Bars per layer on a canvas, for models with many layers. The layer table says the same to the keyboard. */
import 'uplot/dist/uPlot.min.css';
import { useMemo, useRef, useState, type MouseEvent } from 'react';
import uPlot from 'uplot';
import { axis, useInk, usePlot, type Ink } from './canvas.ts';
import { describeBar, ticksTo, tickText, topOf, type BarsProps, type LayerBar } from './layer-bar.ts';

export function CanvasBars({ bars, kind, selected, how, onPick }: BarsProps) {
  const ink = useInk();
  const box = useRef<HTMLDivElement>(null);
  const [over, setOver] = useState<{ readonly at: number; readonly left: number } | null>(null);
  const data = useMemo<uPlot.AlignedData>(() => [bars.map((_bar, at) => at)], [bars]);
  const options = useMemo(
    () => (ink === null ? null : optionsFor(bars, kind, selected, ink)),
    [bars, kind, selected, ink],
  );
  const plot = usePlot(box, options, data);

  const barAt = (event: MouseEvent) => {
    const drawn = plot.current;
    if (drawn === null) return null;
    const left = event.clientX - drawn.over.getBoundingClientRect().left;
    const at = Math.round(drawn.posToVal(left, 'x'));
    const bar = bars[at];
    return bar === undefined ? null : { at, bar, left: left + drawn.over.offsetLeft };
  };
  const tip = over === null ? undefined : bars[over.at];
  return (
    <div
      className="canvas-chart"
      role="img"
      aria-label={`${bars.length} layers; the table lists the same figures`}
      onMouseMove={(event) => setOver(barAt(event))}
      onMouseLeave={() => setOver(null)}
      onClick={(event) => {
        const hit = barAt(event);
        if (hit !== null) onPick(hit.bar.name);
      }}
    >
      <div ref={box} className="canvas-box" />
      {over === null || tip === undefined ? null : (
        <div className="chart-tip floating" style={{ left: `clamp(0px, ${over.left + 10}px, calc(100% - 220px))` }}>
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

function optionsFor(
  bars: readonly LayerBar[],
  kind: 'error' | 'size',
  selected: string | null,
  ink: Ink,
): Omit<uPlot.Options, 'width' | 'height'> {
  const ticks = ticksTo(bars.reduce((most, bar) => Math.max(most, topOf(bar)), 0));
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false, range: [-0.5, bars.length - 0.5] }, y: { range: [0, ticks.at(-1) ?? 1] } },
    axes: [
      axis(ink, `layers in order, 1 to ${bars.length}`, {
        grid: { show: false },
        size: 24,
        values: (_u, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick + 1) : '')),
      }),
      axis(ink, kind === 'error' ? 'SQNR (dB)' : 'weights (bytes)', {
        size: kind === 'error' ? 32 : 58,
        splits: () => [...ticks],
        values: (_u, splits) => splits.map((tick) => tickText(kind, tick)),
      }),
    ],
    series: [{}],
    hooks: { draw: [(plot) => drawBars(plot, bars, selected, ink)] },
  };
}

function drawBars(plot: uPlot, bars: readonly LayerBar[], selected: string | null, ink: Ink): void {
  const { ctx } = plot;
  const floor = plot.valToPos(0, 'y', true);
  const step = plot.valToPos(1, 'x', true) - plot.valToPos(0, 'x', true);
  const width = Math.max(1, step * 0.8);
  ctx.save();
  for (const [at, bar] of bars.entries()) {
    const left = plot.valToPos(at, 'x', true) - width / 2;
    const fill = (value: number, colour: string) => {
      const y = plot.valToPos(value, 'y', true);
      ctx.fillStyle = colour;
      ctx.fillRect(left, y, width, Math.max(1, floor - y));
    };
    if (bar.before !== null) fill(bar.before, ink.before);
    fill(
      bar.value,
      bar.excluded ? ink.before : bar.band === 'low' ? ink.bad : bar.band === 'middle' ? ink.warn : ink.accent,
    );
    if (bar.name === selected) {
      ctx.strokeStyle = ink.text;
      ctx.lineWidth = 2;
      ctx.strokeRect(left - 1, plot.bbox.top + 1, width + 2, plot.bbox.height - 2);
    }
  }
  ctx.restore();
}
