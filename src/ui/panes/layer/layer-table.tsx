/** The layer table: virtual, sortable, walked with the arrow keys; Enter opens a layer, x excludes it. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef, type KeyboardEvent } from 'react';
import { useNarrow } from '#ui/parts/use-narrow.ts';
import { selectLayer, toggleExcluded } from '#ui/state/session/actions.ts';
import { activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { LayerRow } from './layer-row.tsx';
import { TableHead } from './table-head.tsx';
import { useRows } from './use-rows.ts';

const ROW_PX = 28;
const NARROW_ROW_PX = 50;
/** The head stays at the top and covers what lies under it. */
const HEAD_PX = 28;
const PAGE_ROWS = 12;

export function LayerTable() {
  const { rows } = useRows();
  const selected = useStudio((studio) => activeWork(studio)?.selected ?? null);
  const narrow = useNarrow();
  const scroller = useRef<HTMLDivElement>(null);
  const rowPx = narrow ? NARROW_ROW_PX : ROW_PX;
  // The rule is about the React compiler's memoization; the studio is built without that compiler.
  // oxlint-disable-next-line react/incompatible-library
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan: 12,
    scrollMargin: HEAD_PX,
    scrollPaddingStart: HEAD_PX,
  });
  const at = rows.findIndex((row) => row.name === selected);
  useEffect(() => virtual.measure(), [virtual, rowPx]);
  useEffect(() => {
    // A layer chosen in a chart is brought into view; one chosen here already is.
    if (at >= 0) virtual.scrollToIndex(at, { align: 'auto' });
  }, [virtual, at]);
  const largest = rows.reduce((most, row) => Math.max(most, row.bytesBefore), 0);

  const go = (to: number) => {
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    if (row !== undefined) selectLayer(row.name);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const inControl = event.target instanceof HTMLButtonElement;
    if (event.key === 'ArrowDown') go(at + 1);
    else if (event.key === 'ArrowUp') go(at <= 0 ? 0 : at - 1);
    else if (event.key === 'PageDown') go(at + PAGE_ROWS);
    else if (event.key === 'PageUp') go(at - PAGE_ROWS);
    else if (event.key === 'Home') go(0);
    else if (event.key === 'End') go(rows.length - 1);
    else if (event.key === 'Enter' && !inControl && selected !== null) changeLooks({ inspecting: true });
    else if (event.key === 'x' && selected !== null) toggleExcluded(selected);
    else if (event.key === 'Escape') changeLooks({ inspecting: false });
    else return;
    event.preventDefault();
  };

  return (
    <div
      ref={scroller}
      className={narrow ? 'table narrow' : 'table'}
      role="grid"
      aria-label="Layers"
      aria-rowcount={rows.length + 1}
      aria-describedby="table-keys"
      {...(at < 0 ? {} : { 'aria-activedescendant': `layer-row-${at}` })}
      tabIndex={0}
      onKeyDown={onKeyDown}
    >
      <p id="table-keys" hidden>
        Arrow keys move between layers, Enter opens the layer, x excludes it.
      </p>
      <TableHead narrow={narrow} />
      <div role="rowgroup" className="table-body" style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map((item) => {
          const row = rows[item.index];
          return row === undefined ? null : (
            <LayerRow
              key={row.name}
              row={row}
              index={item.index}
              top={item.start - HEAD_PX}
              selected={item.index === at}
              largestBytes={largest}
              narrow={narrow}
            />
          );
        })}
      </div>
      {rows.length === 0 ? (
        <p className="table-empty dim">No layer matches. Clear the filter to see all of them.</p>
      ) : null}
    </div>
  );
}
