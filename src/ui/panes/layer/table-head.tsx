/** Heads of the columns: a click sorts, a second click turns the order round, a third goes back to the graph's. */
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react';
import { changeLooks, useStudio } from '#ui/state/store.ts';
import { nextSort, type ColumnKey } from '#ui/state/table/rows.ts';

interface Column {
  readonly key: ColumnKey;
  readonly label: string;
  readonly title: string;
  readonly end?: boolean;
  readonly narrow?: boolean;
}

const COLUMNS: readonly Column[] = [
  { key: 'name', label: 'Layer', title: 'Name of the node in the graph', narrow: true },
  { key: 'op', label: 'Operator', title: 'ONNX operator' },
  { key: 'shape', label: 'Shape', title: 'Shape of the main weight; of the first output where there is none' },
  { key: 'parameters', label: 'Parameters', title: 'Elements of its weights', end: true },
  { key: 'bytes', label: 'Bytes', title: 'Bytes of its weights in the file, before', end: true },
  {
    key: 'after',
    label: 'After',
    title: 'Bytes of its weights with this recipe, scales included',
    end: true,
    narrow: true,
  },
  { key: 'share', label: 'Share', title: 'Share of all weight bytes before', end: true },
  { key: 'bits', label: 'Bits', title: 'Stored bits of the main weight', end: true, narrow: true },
  {
    key: 'error',
    label: 'SQNR',
    title: 'Signal to quantization noise of the weights in dB, measured against float: higher is better',
    end: true,
    narrow: true,
  },
  { key: 'skipped', label: 'Notes', title: 'How the layer was changed, or why no lossy step changed it' },
];

/** Columns that give way when the table is narrow. */
const CLASS_NAMES: Partial<Record<ColumnKey, string>> = {
  op: 'op',
  shape: 'shape',
  parameters: 'parameters',
  bytes: 'bytes',
  share: 'share',
  skipped: 'reason',
};

export function TableHead({ narrow }: { readonly narrow: boolean }) {
  const sort = useStudio((studio) => studio.looks.sort);
  return (
    <div role="row" className="table-row table-head" aria-rowindex={1}>
      <span role="columnheader" className="cell">
        <span className="visually-hidden">Exclude</span>
      </span>
      {COLUMNS.filter((column) => !narrow || column.narrow === true).map((column) => {
        const sorted = sort.column === column.key;
        const Arrow = sort.descending ? IconArrowDown : IconArrowUp;
        return (
          <span
            key={column.key}
            role="columnheader"
            className={`cell ${column.end === true ? 'end ' : ''}${CLASS_NAMES[column.key] ?? ''}`}
            aria-sort={sorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
          >
            <button
              type="button"
              title={column.title}
              onClick={() => changeLooks({ sort: nextSort(sort, column.key) })}
              data-sorted={sorted}
            >
              {column.label}
              {sorted ? <Arrow size={12} aria-hidden /> : null}
            </button>
          </span>
        );
      })}
    </div>
  );
}
