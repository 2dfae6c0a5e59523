/** The centre: the layer table, the ledger or the result, with one layer's settings beside it. */
import { SegmentedControl } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { useNarrow } from '#ui/parts/use-narrow.ts';
import { activeWork, changeLooks, useStudio, type CentreView } from '#ui/state/store.ts';
import { countLeft } from '#ui/state/table/left-alone.ts';
import { InspectPane } from './layer/inspect-pane.tsx';
import { LayerTable } from './layer/layer-table.tsx';
import { TableTools } from './layer/table-tools.tsx';
import { LedgerPane } from './ledger-pane.tsx';

const DataPane = lazy(() => import('./data/data-pane.tsx').then((module) => ({ default: module.DataPane })));
const ResultPane = lazy(() => import('./result/result-pane.tsx').then((module) => ({ default: module.ResultPane })));
const ComparePane = lazy(() =>
  import('./compare/compare-pane.tsx').then((module) => ({ default: module.ComparePane })),
);

const PANES = { data: DataPane, layers: LayerTable, ledger: LedgerPane, result: ResultPane, compare: ComparePane };

export function CentrePane() {
  const narrow = useNarrow();
  const view = useStudio((studio) => studio.looks.view);
  const inspecting = useStudio((studio) => studio.looks.inspecting && activeWork(studio)?.selected !== null);
  const left = useStudio((studio) => countLeft(activeWork(studio)?.preview?.layers));
  const Pane = PANES[view];
  return (
    <section className={inspecting && view === 'layers' ? 'centre inspecting' : 'centre'} aria-label="Model">
      <div className="centre-main">
        <div className="centre-head">
          <SegmentedControl
            aria-label="View"
            value={view}
            onChange={(value) => showView(value as CentreView)}
            data={[
              { value: 'data', label: 'Data' },
              { value: 'layers', label: 'Layers' },
              { value: 'ledger', label: `${narrow ? 'Left' : 'Left alone'}${left === 0 ? '' : ` (${left})`}` },
              { value: 'result', label: 'Result' },
              { value: 'compare', label: narrow ? 'A/B' : 'Compare' },
            ]}
          />
          {view === 'layers' ? <TableTools /> : null}
        </div>
        <Suspense fallback={<div className="grow" aria-busy />}>
          <Pane />
        </Suspense>
      </div>
      {inspecting && view === 'layers' ? <InspectPane /> : null}
    </section>
  );
}

/** On a phone the tabs say the same as this control, as far as they go. */
function showView(view: CentreView): void {
  const tab = view === 'data' || view === 'result' ? view : view === 'compare' ? 'result' : 'layers';
  changeLooks({ view, phoneTab: tab });
}
