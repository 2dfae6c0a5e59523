/** Histogram of one layer's weights with the levels that quantization allows drawn over it. */
import 'uplot/dist/uPlot.min.css';
import { NativeSelect, TextInput } from '@mantine/core';
import { useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import type { LayerHistogram } from '#studio/jobs.ts';
import { selectAll } from '#ui/panes/layer/use-rows.ts';
import { activeWork, useStudio, type Studio } from '#ui/state/store.ts';
import type { Row } from '#ui/state/table/rows.ts';
import { formatCount, formatShare, formatSmall } from '#ui/state/units.ts';
import { axis, useInk, usePlot, type Ink } from './canvas.ts';
import { useHistogram } from './use-histogram.ts';

/** The selected layer; while none is, the one that suffers most, or else the largest. */
function shownLayer(studio: Studio): string | null {
  const chosen = activeWork(studio)?.selected ?? null;
  if (chosen !== null) return chosen;
  let shown: Row | null = null;
  for (const row of selectAll(studio)) {
    if (row.bytesBefore > 0 && (shown === null || rank(row) < rank(shown))) shown = row;
  }
  return shown?.name ?? null;
}

/** Low for a layer that suffers; above any SQNR, and lower the larger, for one without error. */
function rank(row: Row): number {
  return row.sqnrDb !== null && row.sqnrDb !== Infinity ? row.sqnrDb : 1e6 + 1e6 / (1 + row.bytesBefore);
}

export function WeightHistogram() {
  const selected = useStudio(shownLayer);
  const [row, setRow] = useState<{ readonly layer: string | null; readonly at: number | null } | null>(null);
  const chosen = row !== null && row.layer === selected;
  const { histogram, problem } = useHistogram(selected, chosen ? row.at : null);
  // Channels with levels of their own have no grid in common: until the person chooses, the first one is shown.
  if (!chosen && histogram !== null && histogram.layer === selected && wantsOneRow(histogram)) {
    setRow({ layer: selected, at: 0 });
  }
  const at = chosen ? row.at : null;
  if (selected === null) return <p className="chart-empty dim">This model has no weights.</p>;
  if (problem !== null) return <p className="chart-empty warn">{problem}</p>;
  if (histogram === null) return <p className="chart-empty dim">Counting…</p>;
  return (
    <>
      <div className="selected-line">
        <b title={histogram.weight}>{histogram.layer}</b>
        {histogram.rows > 1 ? (
          <>
            <NativeSelect
              aria-label="Weights shown"
              value={at === null ? 'all' : 'row'}
              data={[
                { value: 'all', label: 'whole tensor' },
                { value: 'row', label: /block/.test(histogram.gridLabel ?? '') ? 'one block' : 'one channel' },
              ]}
              onChange={(event) => setRow({ layer: selected, at: event.currentTarget.value === 'all' ? null : 0 })}
            />
            {at === null ? null : (
              <TextInput
                type="number"
                aria-label={`Number shown, 1 to ${histogram.rows}`}
                min={1}
                max={histogram.rows}
                value={String(at + 1)}
                onChange={(event) => {
                  const wanted = Math.trunc(Number(event.currentTarget.value) || 1) - 1;
                  setRow({ layer: selected, at: Math.max(0, Math.min(histogram.rows - 1, wanted)) });
                }}
              />
            )}
          </>
        ) : null}
      </div>
      <div className="chart-body">
        <HistogramCanvas histogram={histogram} />
      </div>
      <figcaption className="dim method">
        Counted: {formatCount(histogram.count)} float weights,{' '}
        {formatShare(histogram.zeros / Math.max(1, histogram.count))} zero.{' '}
        {histogram.gridLabel === null
          ? 'Not quantized by this recipe.'
          : histogram.grid.length === 0
            ? `${histogram.gridLabel}.`
            : `Lines: ${histogram.grid.length} levels, ${histogram.gridLabel}.`}
      </figcaption>
    </>
  );
}

/** A row with fewer weights than this says less than the whole tensor. */
const TELLING_ROW = 64;

function wantsOneRow({ grid, gridLabel, rows, count }: LayerHistogram): boolean {
  return grid.length === 0 && gridLabel !== null && rows > 1 && count / rows >= TELLING_ROW;
}

function HistogramCanvas({ histogram }: { readonly histogram: LayerHistogram }) {
  const ink = useInk();
  const box = useRef<HTMLDivElement>(null);
  const data = useMemo<uPlot.AlignedData>(() => [[histogram.low, histogram.high]], [histogram]);
  const options = useMemo(() => (ink === null ? null : optionsFor(histogram, ink)), [histogram, ink]);
  usePlot(box, options, data);
  const says = `Histogram of ${histogram.weight}: ${histogram.count} weights from ${formatSmall(histogram.low)} to ${formatSmall(histogram.high)}, ${histogram.grid.length} levels`;
  return (
    <div className="canvas-chart" role="img" aria-label={says}>
      <div ref={box} className="canvas-box" />
    </div>
  );
}

function optionsFor(histogram: LayerHistogram, ink: Ink): Omit<uPlot.Options, 'width' | 'height'> {
  const most = histogram.counts.reduce((high, count) => Math.max(high, count), 1);
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 10, 0, 0],
    scales: { x: { time: false, range: [histogram.low, histogram.high] }, y: { range: [0, most * 1.05] } },
    axes: [
      axis(ink, 'weight value', { grid: { show: false }, size: 24, values: (_u, ticks) => ticks.map(formatSmall) }),
      axis(ink, 'weights per bin', { size: 46, values: (_u, ticks) => ticks.map((tick) => formatCount(tick)) }),
    ],
    series: [{}],
    hooks: { draw: [(plot) => draw(plot, histogram, ink)] },
  };
}

function draw(plot: uPlot, histogram: LayerHistogram, ink: Ink): void {
  const { ctx, bbox } = plot;
  const floor = plot.valToPos(0, 'y', true);
  const width = (histogram.high - histogram.low) / histogram.counts.length;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  drawLevels(plot, histogram, ink);
  ctx.fillStyle = ink.accent;
  for (const [at, count] of histogram.counts.entries()) {
    if (count === 0) continue;
    const left = plot.valToPos(histogram.low + at * width, 'x', true);
    const right = plot.valToPos(histogram.low + (at + 1) * width, 'x', true);
    const y = Math.min(floor - 1, plot.valToPos(count, 'y', true));
    ctx.fillRect(left, y, Math.max(1, right - left - 1), floor - y);
  }
  ctx.restore();
}

/** Few levels are lines through the whole chart; many would hide it and become ticks along the floor. */
const MOST_FULL_LINES = 40;
const TICK_PX = 9;

function drawLevels(plot: uPlot, histogram: LayerHistogram, ink: Ink): void {
  const { ctx, bbox } = plot;
  const many = histogram.grid.length > MOST_FULL_LINES;
  ctx.strokeStyle = ink.warn;
  ctx.lineWidth = Math.max(1, devicePixelRatio);
  ctx.globalAlpha = 0.75;
  ctx.beginPath();
  for (const level of histogram.grid) {
    const x = Math.round(plot.valToPos(level, 'x', true)) + 0.5;
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, many ? bbox.top + TICK_PX * devicePixelRatio : bbox.top + bbox.height);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
}
