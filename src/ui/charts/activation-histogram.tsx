/** Histogram of one activation over the calibration samples, with its grid and the range that each method would choose. */
import 'uplot/dist/uPlot.min.css';
import { NativeSelect } from '@mantine/core';
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import type { ActivationHistogram as Histogram } from '#studio/jobs.ts';
import { call, isCancelled, sentenceOf } from '#ui/state/session/engine-calls.ts';
import { selectLayer } from '#ui/state/session/actions.ts';
import { activeWork, useStudio } from '#ui/state/store.ts';
import { formatCount, formatSmall } from '#ui/state/units.ts';
import { CUTS_AT_ZERO, cutsAtZero, formatClipped, gridOf, METHOD_NAMES } from './activation-words.ts';
import { axis, useInk, usePlot, type Ink } from './canvas.ts';
import { NoRanges } from './no-ranges.tsx';
import { useActivations, type ActivationRequest } from './use-activations.ts';

const BINS = 160;

export function ActivationHistogram() {
  const activations = useActivations();
  const selected = useStudio((studio) => activeWork(studio)?.selected ?? null);
  const [picked, setPicked] = useState<string | null>(null);
  const views = activations.views?.views ?? [];
  const here = views.find((view) => view.value === picked && (selected === null || view.layer === selected));
  const shown =
    here ?? views.find((view) => view.layer === selected) ?? views.toSorted((a, b) => b.clipped - a.clipped)[0];
  const { histogram, problem } = useActivationHistogram(activations.request, shown?.value ?? null);
  if (activations.views === null) return <NoRanges activations={activations} />;
  if (shown === undefined) return <p className="chart-empty dim">This recipe rounds no activation.</p>;
  return (
    <>
      <div className="selected-line">
        <NativeSelect
          aria-label="Activation shown"
          className="value-pick"
          value={shown.value}
          data={views.map((view) => ({ value: view.value, label: `${view.layer} (${view.op})` }))}
          onChange={(event) => {
            const view = views.find((one) => one.value === event.currentTarget.value);
            setPicked(event.currentTarget.value);
            if (view !== undefined) selectLayer(view.layer);
          }}
        />
      </div>
      {problem !== null ? (
        <p className="chart-empty warn">{problem}</p>
      ) : histogram === null ? (
        <p className="chart-empty dim">Counting…</p>
      ) : (
        <>
          <div className="chart-body">
            <HistogramCanvas histogram={histogram} />
          </div>
          <figcaption className="dim method">
            Counted: {formatCount(histogram.count)} values, logarithmic. {gridText(histogram)} Marks on top: what each
            method would keep.
          </figcaption>
        </>
      )}
    </>
  );
}

function gridText(histogram: Histogram): string {
  const { scale, levels, low, high, clipped } = histogram;
  return scale === null
    ? 'Stays in float.'
    : `Kept: ${formatSmall(low)} to ${formatSmall(high)} in ${levels ?? 'integers'}, step ${formatSmall(scale)}; clipped: ${formatClipped(clipped)}.${cutsAtZero(histogram) ? ` ${CUTS_AT_ZERO}` : ''}`;
}

function useActivationHistogram(request: ActivationRequest | null, value: string | null) {
  const [answer, setAnswer] = useState<{ readonly histogram: Histogram | null; readonly problem: string | null }>({
    histogram: null,
    problem: null,
  });
  const { modelId = null, recipe = null, data = null } = request ?? {};
  useEffect(() => {
    if (modelId === null || recipe === null || data === null || value === null) return undefined;
    const abort = new AbortController();
    call('activationHistogram', { modelId, recipe, data, value, bins: BINS }, { signal: abort.signal }).then(
      (histogram) => {
        if (!abort.signal.aborted) setAnswer({ histogram, problem: null });
      },
      (error: unknown) => {
        if (!abort.signal.aborted && !isCancelled(error)) setAnswer({ histogram: null, problem: sentenceOf(error) });
      },
    );
    return () => abort.abort();
    // The choice of data is made anew at each look; what it says is in its settings.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [modelId, recipe, data?.dataId, data?.settings, value]);
  return answer.histogram !== null && answer.histogram.value !== value ? { histogram: null, problem: null } : answer;
}

function HistogramCanvas({ histogram }: { readonly histogram: Histogram }) {
  const ink = useInk();
  const box = useRef<HTMLDivElement>(null);
  const data = useMemo<uPlot.AlignedData>(() => [[histogram.from, histogram.to]], [histogram]);
  const options = useMemo(() => (ink === null ? null : optionsFor(histogram, ink)), [histogram, ink]);
  usePlot(box, options, data);
  const choices = histogram.choices.map(
    ({ method, low, high }) => `${METHOD_NAMES[method]} ${formatSmall(low)} to ${formatSmall(high)}`,
  );
  const says = `Histogram of ${histogram.value}: ${histogram.count} values from ${formatSmall(histogram.min)} to ${formatSmall(histogram.max)}. ${choices.join('; ')}`;
  return (
    <div className="canvas-chart" role="img" aria-label={says}>
      <div ref={box} className="canvas-box" />
    </div>
  );
}

const ROW_PX = 13;

function optionsFor(histogram: Histogram, ink: Ink): Omit<uPlot.Options, 'width' | 'height'> {
  const most = histogram.counts.reduce((high, count) => Math.max(high, count), 1);
  const from = Math.min(histogram.from, histogram.low, ...histogram.choices.map((choice) => choice.low));
  const to = Math.max(histogram.to, histogram.high, ...histogram.choices.map((choice) => choice.high));
  const air = (to - from || 1) * 0.03;
  return {
    legend: { show: false },
    cursor: { show: false },
    padding: [histogram.choices.length * ROW_PX + 4, 10, 0, 0],
    scales: {
      x: { time: false, range: [from - air, to + air] },
      y: { distr: 3, range: [0.8, most * 1.3] },
    },
    axes: [
      axis(ink, 'activation value', { grid: { show: false }, size: 24, values: (_u, ticks) => ticks.map(formatSmall) }),
      axis(ink, 'values per bin', {
        size: 44,
        splits: () => decades(most),
        // On a logarithmic axis uPlot leaves most of them out.
        filter: (_u, ticks) => ticks,
        values: (_u, ticks) => ticks.map((tick) => formatCount(tick)),
      }),
    ],
    series: [{}],
    hooks: { draw: [(plot) => draw(plot, histogram, ink)] },
  };
}

/** 1, 10, 100 and on, at most five of them. */
function decades(most: number): number[] {
  const last = Math.max(1, Math.floor(Math.log10(most)));
  const every = Math.ceil((last + 1) / 5);
  return Array.from({ length: Math.floor(last / every) + 1 }, (_one, at) => 10 ** (at * every));
}

function draw(plot: uPlot, histogram: Histogram, ink: Ink): void {
  const { ctx, bbox } = plot;
  const ratio = devicePixelRatio || 1;
  const x = (value: number) => plot.valToPos(value, 'x', true);
  const width = (histogram.to - histogram.from) / histogram.counts.length;
  const floor = bbox.top + bbox.height;
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  for (const [at, count] of histogram.counts.entries()) {
    if (count === 0) continue;
    const middle = histogram.from + (at + 0.5) * width;
    const left = x(histogram.from + at * width);
    const right = x(histogram.from + (at + 1) * width);
    const y = plot.valToPos(count, 'y', true);
    ctx.fillStyle = colourOf(histogram, middle, ink);
    ctx.fillRect(left, y, Math.max(1, right - left - (right - left > 3 ? 1 : 0)), floor - y);
  }
  drawGrid(plot, histogram, ink, ratio);
  ctx.restore();
  drawChoices(plot, histogram, ink, ratio);
}

/** What lies outside the range is cut off to its edge; below zero that is what a folded Relu would do. */
function colourOf(histogram: Histogram, value: number, ink: Ink): string {
  if (histogram.scale === null || (value >= histogram.low && value <= histogram.high)) return ink.accent;
  return value < 0 && cutsAtZero(histogram) ? ink.before : ink.bad;
}

const TICK_PX = 7;

/** The levels as ticks along the floor, and the two ends of what is kept. */
function drawGrid(plot: uPlot, histogram: Histogram, ink: Ink, ratio: number): void {
  const { ctx, bbox } = plot;
  const floor = bbox.top + bbox.height;
  ctx.strokeStyle = ink.warn;
  ctx.lineWidth = Math.max(1, ratio * 0.75);
  ctx.globalAlpha = 0.8;
  ctx.beginPath();
  for (const level of gridOf(histogram)) {
    const at = Math.round(plot.valToPos(level, 'x', true)) + 0.5;
    ctx.moveTo(at, floor);
    ctx.lineTo(at, floor - TICK_PX * ratio);
  }
  ctx.stroke();
  ctx.globalAlpha = 1;
  if (histogram.scale === null) return;
  ctx.strokeStyle = ink.text;
  ctx.setLineDash([3 * ratio, 3 * ratio]);
  ctx.beginPath();
  for (const end of [histogram.low, histogram.high]) {
    const at = Math.round(plot.valToPos(end, 'x', true)) + 0.5;
    ctx.moveTo(at, bbox.top);
    ctx.lineTo(at, floor);
  }
  ctx.stroke();
  ctx.setLineDash([]);
}

function drawChoices(plot: uPlot, { choices }: Histogram, ink: Ink, ratio: number): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.font = `${10 * ratio}px system-ui, sans-serif`;
  ctx.textBaseline = 'middle';
  ctx.textAlign = 'center';
  for (const [row, { method, low, high }] of choices.entries()) {
    const y = bbox.top - (choices.length - row) * ROW_PX * ratio + (ROW_PX / 2) * ratio;
    const left = Math.max(bbox.left, plot.valToPos(low, 'x', true));
    const right = Math.min(bbox.left + bbox.width, plot.valToPos(high, 'x', true));
    ctx.strokeStyle = ink.strong;
    ctx.lineWidth = ratio;
    ctx.beginPath();
    ctx.moveTo(left, y);
    ctx.lineTo(right, y);
    for (const end of [left, right]) {
      ctx.moveTo(end, y - 4 * ratio);
      ctx.lineTo(end, y + 4 * ratio);
    }
    ctx.stroke();
    const name = METHOD_NAMES[method];
    const space = ctx.measureText(name).width + 8 * ratio;
    // A name that does not fit into its range stands beside it.
    const inside = right - left > space + 10 * ratio;
    const middle = inside ? (left + right) / 2 : right + space / 2 + 4 * ratio;
    if (inside) ctx.clearRect(middle - space / 2, y - 5 * ratio, space, 10 * ratio);
    ctx.fillStyle = ink.faint;
    ctx.fillText(name, middle, y);
  }
  ctx.restore();
}
