/** Above the table: find layers by name, choose which are listed, and what can be done to all of them. */
import { NativeSelect, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { changeLooks, useStudio } from '#ui/state/store.ts';
import type { RowFilter } from '#ui/state/table/rows.ts';
import { useRows } from './use-rows.ts';

const FILTERS: readonly { readonly value: RowFilter; readonly label: string }[] = [
  { value: 'weights', label: 'With weights' },
  { value: 'changed', label: 'Changed' },
  { value: 'left', label: 'Left alone' },
  { value: 'excluded', label: 'Excluded' },
  { value: 'all', label: 'All layers' },
];

export function TableTools() {
  const search = useStudio((studio) => studio.search);
  const filter = useStudio((studio) => studio.looks.filter);
  const { rows, all } = useRows();
  return (
    <div className="table-tools">
      <span className="dim table-count" role="status">
        {rows.length === all.length ? `${all.length} layers` : `${rows.length} of ${all.length} layers`}
      </span>
      <NativeSelect
        aria-label="Layers listed"
        data={FILTERS}
        value={filter}
        onChange={(event) => changeLooks({ filter: event.currentTarget.value as RowFilter })}
      />
      <TextInput
        type="search"
        aria-label="Filter layers"
        placeholder="Filter by name or operator"
        leftSection={<IconSearch size={14} aria-hidden />}
        value={search}
        onChange={(event) => useStudio.setState({ search: event.currentTarget.value })}
      />
    </div>
  );
}
