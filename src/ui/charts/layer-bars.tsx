/** One bar per layer: in SVG while that is quick, on a canvas when there are many. */
import { lazy, Suspense, useMemo } from 'react';
import { bandOf } from '#ui/state/table/error-bands.ts';
import type { Row } from '#ui/state/table/rows.ts';
import type { BarsProps, LayerBar } from './layer-bar.ts';

const SvgBars = lazy(() => import('./svg-bars.tsx').then((module) => ({ default: module.SvgBars })));
const CanvasBars = lazy(() => import('./canvas-bars.tsx').then((module) => ({ default: module.CanvasBars })));

/** Above this the SVG takes longer than a frame to draw again, and a dragged slider would stutter. */
const MOST_SVG_BARS = 120;

interface Props {
  readonly rows: readonly Row[];
  readonly kind: 'error' | 'size';
  readonly sorted: boolean;
  readonly selected: string | null;
  readonly onPick: (layer: string) => void;
}

export function LayerBars({ rows, kind, sorted, selected, onPick }: Props) {
  const bars = useMemo(
    () => (kind === 'error' ? errorBars(rows, sorted) : sizeBars(rows, sorted)),
    [rows, kind, sorted],
  );
  if (bars.length === 0) {
    return (
      <p className="chart-empty dim">
        {kind === 'error'
          ? 'No lossy step changes a layer yet. Add quantization or pruning to the recipe.'
          : 'No weights.'}
      </p>
    );
  }
  return <Bars bars={bars} kind={kind} selected={selected} how={HOW[kind]} onPick={onPick} />;
}

const HOW = {
  error: 'measured: weights against float, whole tensor',
  size: 'counted: weights in the file',
} as const;

/** Bars of any figure of layers. */
export function Bars(props: BarsProps) {
  const Drawn = props.bars.length > MOST_SVG_BARS ? CanvasBars : SvgBars;
  return (
    <Suspense fallback={null}>
      <Drawn {...props} />
    </Suspense>
  );
}

/** Changed layers, and excluded ones as empty places, so that a click brings them back. */
function errorBars(rows: readonly Row[], sorted: boolean): readonly LayerBar[] {
  const bars = rows
    .filter((row) => row.sqnrDb !== null || (row.excluded && row.bytesBefore > 0))
    .map((row) => ({
      name: row.name,
      short: row.short,
      op: row.op,
      // A layer that comes through exactly has no finite SQNR; it is drawn as high as any.
      value: row.excluded ? 0 : finite(row.sqnrDb),
      before: null,
      excluded: row.excluded,
      exact: row.sqnrDb === Infinity,
      band: row.sqnrDb === null ? null : bandOf(row.sqnrDb),
    }));
  return sorted ? bars.toSorted((a, b) => Number(a.excluded) - Number(b.excluded) || a.value - b.value) : bars;
}

function sizeBars(rows: readonly Row[], sorted: boolean): readonly LayerBar[] {
  const bars = rows
    .filter((row) => row.bytesBefore > 0)
    .map((row) => ({
      name: row.name,
      short: row.short,
      op: row.op,
      value: row.bytesAfter,
      before: row.bytesBefore,
      excluded: row.excluded,
      exact: false,
      band: null,
    }));
  return sorted ? bars.toSorted((a, b) => b.before - a.before) : bars;
}

const EXACT_DRAWN_AT_DB = 100;

export function finite(sqnrDb: number | null): number {
  return sqnrDb === null ? 0 : Math.min(EXACT_DRAWN_AT_DB, Math.max(0, sqnrDb));
}
