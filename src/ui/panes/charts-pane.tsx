/** The charts: all layers on the left, one layer's weights or all variants on the right. Their code loads when first seen. */
import { SegmentedControl } from '@mantine/core';
import { IconLock, IconLockOpen, IconSettings } from '@tabler/icons-react';
import { lazy, Suspense, useDeferredValue } from 'react';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { useNarrow } from '#ui/parts/use-narrow.ts';
import { isExcluded } from '#ui/state/recipe/edit.ts';
import { selectLayer, toggleExcluded } from '#ui/state/session/actions.ts';
import { activeWork, changeLooks, useStudio, type LayerChart, type SideChart } from '#ui/state/store.ts';
import { formatBytes, formatDb } from '#ui/state/units.ts';
import { selectAll } from './layer/use-rows.ts';

const LayerBars = lazy(() => import('#ui/charts/layer-bars.tsx').then((module) => ({ default: module.LayerBars })));
const WeightHistogram = lazy(() =>
  import('#ui/charts/weight-histogram.tsx').then((module) => ({ default: module.WeightHistogram })),
);
const VariantScatter = lazy(() =>
  import('#ui/charts/variant-scatter.tsx').then((module) => ({ default: module.VariantScatter })),
);

const ActivationErrors = lazy(() =>
  import('#ui/charts/activation-errors.tsx').then((module) => ({ default: module.ActivationErrors })),
);
const RangesChart = lazy(() =>
  import('#ui/charts/ranges-chart.tsx').then((module) => ({ default: module.RangesChart })),
);
const ActivationHistogram = lazy(() =>
  import('#ui/charts/activation-histogram.tsx').then((module) => ({ default: module.ActivationHistogram })),
);

const NAMES: Readonly<Record<LayerChart, string>> = {
  error: 'Error by layer',
  size: 'Size by layer',
  activations: 'Activation error by layer',
  ranges: 'Ranges by layer',
};

const FIRST: Readonly<Record<LayerChart, string>> = {
  error: 'Worst first',
  size: 'Largest first',
  activations: 'Worst first',
  ranges: 'Most clipped first',
};

const SIDE_NAMES: Readonly<Record<SideChart, string>> = {
  histogram: 'Weights of the layer',
  activation: 'Activation of the layer',
  variants: 'Variants tried',
};

const METHODS: Readonly<Record<'error' | 'size', string>> = {
  error: 'Measured: weights against float, whole tensor, double accumulation. Higher is better.',
  size: 'Counted: bytes of each layer’s weights in the file, scales and zero points included.',
};

export function ChartsPane() {
  return (
    <section className="charts" aria-label="Charts">
      <LayersChart />
      <SideCharts />
    </section>
  );
}

function LayersChart() {
  const kind = useStudio((studio) => studio.looks.layerChart);
  const sorted = useStudio((studio) => studio.looks.chartSorted);
  const narrow = useNarrow();
  return (
    <figure className="chart" aria-label={NAMES[kind]}>
      <div className="chart-head wrap">
        <SegmentedControl
          aria-label="Layers chart"
          value={kind}
          onChange={(value) => changeLooks({ layerChart: value as LayerChart })}
          data={[
            { value: 'error', label: narrow ? 'Weights' : 'Weight error' },
            { value: 'activations', label: narrow ? 'Activations' : 'Activation error' },
            { value: 'ranges', label: 'Ranges' },
            { value: 'size', label: 'Size' },
          ]}
        />
        <span className="grow" />
        <SegmentedControl
          aria-label="Order of the layers"
          value={sorted ? 'sorted' : 'graph'}
          onChange={(value) => changeLooks({ chartSorted: value === 'sorted' })}
          data={[
            { value: 'graph', label: 'Graph order' },
            { value: 'sorted', label: FIRST[kind] },
          ]}
        />
      </div>
      <Suspense fallback={<div className="chart-body" aria-busy />}>
        {kind === 'activations' ? (
          <ActivationErrors sorted={sorted} />
        ) : kind === 'ranges' ? (
          <RangesChart sorted={sorted} />
        ) : (
          <WeightBars kind={kind} sorted={sorted} />
        )}
      </Suspense>
    </figure>
  );
}

function WeightBars({ kind, sorted }: { readonly kind: 'error' | 'size'; readonly sorted: boolean }) {
  const rows = useDeferredValue(useStudio(selectAll));
  const selected = useStudio((studio) => activeWork(studio)?.selected ?? null);
  return (
    <>
      <SelectedLine kind={kind} />
      <div className="chart-body">
        <Suspense fallback={null}>
          <LayerBars
            rows={rows}
            kind={kind}
            sorted={sorted}
            selected={selected}
            onPick={(layer) => {
              // The second click on a layer takes it out, or back in.
              if (layer === selected) toggleExcluded(layer);
              else selectLayer(layer);
            }}
          />
        </Suspense>
      </div>
      <figcaption className="dim method">{METHODS[kind]}</figcaption>
    </>
  );
}

/** The selected layer in words, with what can be done to it. */
function SelectedLine({ kind }: { readonly kind: 'error' | 'size' }) {
  const selected = useStudio((studio) => activeWork(studio)?.selected ?? null);
  const row = useStudio((studio) => selectAll(studio).find((one) => one.name === selected));
  const excluded = useStudio((studio) => {
    const work = activeWork(studio);
    return work !== null && selected !== null && isExcluded(work.history.present, selected);
  });
  if (row === undefined || row.bytesBefore === 0) {
    return <p className="selected-line dim">Click a bar to select its layer, again to exclude it.</p>;
  }
  return (
    <p className="selected-line">
      <b title={row.name}>{row.name}</b>
      <span className="dim">
        {kind === 'error'
          ? row.sqnrDb === null
            ? (row.skipped ?? 'unchanged')
            : formatDb(row.sqnrDb)
          : `${formatBytes(row.bytesBefore)} → ${formatBytes(row.bytesAfter)}`}
      </span>
      <IconButton
        label={excluded ? `Include ${row.name} again` : `Exclude the layer ${row.name}`}
        icon={excluded ? IconLock : IconLockOpen}
        size={22}
        pressed={excluded}
        onClick={() => toggleExcluded(row.name)}
      />
      <IconButton
        label={`Open ${row.name}`}
        icon={IconSettings}
        size={22}
        onClick={() => changeLooks({ inspecting: true, view: 'layers', phoneTab: 'layers' })}
      />
    </p>
  );
}

function SideCharts() {
  const kind = useStudio((studio) => studio.looks.sideChart);
  const variants = useDeferredValue(useStudio((studio) => activeWork(studio)?.variants ?? null));
  const recipe = useStudio((studio) => activeWork(studio)?.history.present ?? null);
  return (
    <figure className="chart" aria-label={SIDE_NAMES[kind]}>
      <div className="chart-head">
        <SegmentedControl
          aria-label="Second chart"
          value={kind}
          onChange={(value) => changeLooks({ sideChart: value as SideChart })}
          data={[
            { value: 'histogram', label: 'Weights' },
            { value: 'activation', label: 'Activation' },
            { value: 'variants', label: `Variants${variants === null ? '' : ` (${variants.length})`}` },
          ]}
        />
      </div>
      <Suspense fallback={null}>
        {kind === 'histogram' ? (
          <WeightHistogram />
        ) : kind === 'activation' ? (
          <ActivationHistogram />
        ) : variants === null || recipe === null ? null : (
          <VariantScatter variants={variants} recipe={recipe} />
        )}
      </Suspense>
    </figure>
  );
}
