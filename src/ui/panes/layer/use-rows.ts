/** The rows of the active model as the table lists them, worked out once however many panes ask. */
import { activeModel, activeWork, useStudio, type Studio } from '#ui/state/store.ts';
import { filterRows, rowsOf, sortRows, type Row } from '#ui/state/table/rows.ts';

export interface Rows {
  /** Every layer in the order of the graph. */
  readonly all: readonly Row[];
  /** Those listed, in the order they are listed in. */
  readonly rows: readonly Row[];
}

const EMPTY: readonly Row[] = [];

/** Remembers the last answer: the arguments are compared by identity. */
function remember<A extends readonly unknown[], R>(make: (...parts: A) => R): (...parts: A) => R {
  let last: { readonly parts: A; readonly made: R } | null = null;
  return (...parts) => {
    if (last === null || parts.some((part, index) => part !== last?.parts[index]))
      last = { parts, made: make(...parts) };
    return last.made;
  };
}

const allRows = remember(rowsOf);
const filtered = remember(filterRows);
const sorted = remember(sortRows);
const pair = remember((all: readonly Row[], rows: readonly Row[]): Rows => ({ all, rows }));

export function selectAll(studio: Studio): readonly Row[] {
  const model = activeModel(studio);
  const work = activeWork(studio);
  return model === null || work === null ? EMPTY : allRows(model.layers, work.preview, work.history.present);
}

export function selectRows(studio: Studio): Rows {
  const all = selectAll(studio);
  // A model without any weights would otherwise look empty.
  const filter =
    studio.looks.filter === 'weights' && !all.some((row) => row.bytesBefore > 0) ? 'all' : studio.looks.filter;
  return pair(all, sorted(filtered(all, filter, studio.search), studio.looks.sort));
}

export function useRows(): Rows {
  return useStudio(selectRows);
}
