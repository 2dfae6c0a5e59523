/** The centre: the layer table, the ledger or the result, with one layer's settings beside it. */
import { SegmentedControl } from '@mantine/core';
import { activeWork, changeLooks, useStudio, type CentreView } from '#ui/state/store.ts';
import { countLeft } from '#ui/state/table/left-alone.ts';
import { InspectPane } from './layer/inspect-pane.tsx';
import { LayerTable } from './layer/layer-table.tsx';
import { TableTools } from './layer/table-tools.tsx';
import { LedgerPane } from './ledger-pane.tsx';
import { ResultPane } from './result/result-pane.tsx';

export function CentrePane() {
  const view = useStudio((studio) => studio.looks.view);
  const inspecting = useStudio((studio) => studio.looks.inspecting && activeWork(studio)?.selected !== null);
  const left = useStudio((studio) => countLeft(activeWork(studio)?.preview?.layers));
  return (
    <section className={inspecting && view === 'layers' ? 'centre inspecting' : 'centre'} aria-label="Model">
      <div className="centre-main">
        <div className="centre-head">
          <SegmentedControl
            aria-label="View"
            value={view}
            onChange={(value) => changeLooks({ view: value as CentreView })}
            data={[
              { value: 'layers', label: 'Layers' },
              { value: 'ledger', label: `Left alone${left === 0 ? '' : ` (${left})`}` },
              { value: 'result', label: 'Result' },
            ]}
          />
          {view === 'layers' ? <TableTools /> : null}
        </div>
        {view === 'layers' ? <LayerTable /> : view === 'ledger' ? <LedgerPane /> : <ResultPane />}
      </div>
      {inspecting && view === 'layers' ? <InspectPane /> : null}
    </section>
  );
}
