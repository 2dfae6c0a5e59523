/** One row of the layer table. */
import { IconLock, IconLockOpen } from '@tabler/icons-react';
import { memo } from 'react';
import { selectLayer, toggleExcluded } from '#ui/state/session/actions.ts';
import { changeLooks } from '#ui/state/store.ts';
import { bandOf, FULL_BAR_DB } from '#ui/state/table/error-bands.ts';
import type { Row } from '#ui/state/table/rows.ts';
import { formatBytes, formatCount, formatDb, formatShape, formatShare } from '#ui/state/units.ts';

interface Props {
  readonly row: Row;
  readonly index: number;
  readonly top: number;
  readonly selected: boolean;
  readonly largestBytes: number;
  readonly narrow: boolean;
}

export const LayerRow = memo(function LayerRow({ row, index, top, selected, largestBytes, narrow }: Props) {
  const changed = row.bytesAfter !== row.bytesBefore;
  return (
    <div
      role="row"
      id={`layer-row-${index}`}
      className="table-row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      aria-label={row.name}
      data-excluded={row.excluded}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => {
        selectLayer(row.name);
        // A phone has no double click to speak of: a second tap opens the layer.
        if (narrow && selected) changeLooks({ inspecting: true });
      }}
      onDoubleClick={() => changeLooks({ inspecting: true })}
    >
      <span role="gridcell" className="cell">
        {row.bytesBefore === 0 ? null : (
          <button
            type="button"
            role="switch"
            className="lock"
            aria-checked={row.excluded}
            aria-label={`Exclude ${row.name}`}
            title={
              row.excluded ? 'Excluded: stays as it is. Click to include (x)' : 'Exclude from every lossy step (x)'
            }
            tabIndex={selected ? 0 : -1}
            onClick={(event) => {
              event.stopPropagation();
              toggleExcluded(row.name);
            }}
          >
            {row.excluded ? <IconLock size={15} aria-hidden /> : <IconLockOpen size={15} aria-hidden />}
          </button>
        )}
      </span>
      <span role="gridcell" className="cell name" title={row.name}>
        <span className="text">{row.short}</span>
        {row.overridden ? (
          <span className="own" title="Has options of its own">
            own
          </span>
        ) : null}
        {narrow ? (
          <span className="under dim">
            {selected ? 'Tap again to open · ' : ''}
            {row.op} · {formatShape(row.shape)}
            {howOrWhyNot(row) === '' ? '' : ` · ${howOrWhyNot(row)}`}
          </span>
        ) : null}
      </span>
      {narrow ? null : (
        <>
          <span role="gridcell" className="cell op">
            {row.op}
          </span>
          <span role="gridcell" className="cell dim mono shape" title={formatShape(row.shape)}>
            {formatShape(row.shape)}
          </span>
          <span role="gridcell" className="cell end parameters">
            {row.parameters === 0 ? '' : formatCount(row.parameters)}
          </span>
          <span role="gridcell" className="cell end dim bytes">
            {row.bytesBefore === 0 ? '' : formatBytes(row.bytesBefore)}
          </span>
        </>
      )}
      <span role="gridcell" className="cell end with-bar">
        {row.bytesBefore === 0 ? null : (
          <>
            <SizeBar before={row.bytesBefore} after={row.bytesAfter} largest={largestBytes} />
            <span className={changed ? 'number' : 'number dim'}>{formatBytes(row.bytesAfter)}</span>
          </>
        )}
      </span>
      {narrow ? null : (
        <span role="gridcell" className="cell end share">
          {row.bytesBefore === 0 ? '' : formatShare(row.share)}
        </span>
      )}
      <span role="gridcell" className="cell end bits">
        {row.bits === null ? '' : row.bits !== row.bitsBefore ? <b>{row.bits}</b> : row.bits}
      </span>
      <span role="gridcell" className="cell end with-bar">
        {row.sqnrDb === null ? null : (
          <>
            <ErrorBar sqnrDb={row.sqnrDb} />
            <span className="number" data-band={bandOf(row.sqnrDb)}>
              {formatDb(row.sqnrDb)}
            </span>
          </>
        )}
      </span>
      {narrow ? null : (
        <span role="gridcell" className="cell dim reason" title={howOrWhyNot(row)}>
          {howOrWhyNot(row)}
        </span>
      )}
    </div>
  );
});

/** How the layer was changed, or the reason why it was not. */
function howOrWhyNot(row: Row): string {
  if (row.skipped !== null) return row.skipped;
  const zeros = row.sparsity === null || row.sparsity < 0.005 ? null : `${formatShare(row.sparsity)} zeros`;
  return [row.granularity, zeros].filter((part) => part !== null).join(', ');
}

function SizeBar({
  before,
  after,
  largest,
}: {
  readonly before: number;
  readonly after: number;
  readonly largest: number;
}) {
  const scale = largest === 0 ? 0 : 100 / largest;
  return (
    <span className="bar" aria-hidden>
      <span className="was" style={{ width: `${before * scale}%` }} />
      <span className="is" style={{ width: `${after * scale}%` }} />
    </span>
  );
}

function ErrorBar({ sqnrDb }: { readonly sqnrDb: number }) {
  const share = Math.max(0.02, Math.min(1, sqnrDb / FULL_BAR_DB));
  return (
    <span className="bar" aria-hidden>
      <span className="is" data-band={bandOf(sqnrDb)} style={{ width: `${share * 100}%` }} />
    </span>
  );
}
