/** What the classifier confuses with what, and each class by itself: before, after. */
import { SegmentedControl } from '@mantine/core';
import { useMemo, useState } from 'react';
import type { Classification } from '#studio/jobs.ts';
import { ConfusionMatrix } from '#ui/charts/confusion-matrix.tsx';
import { formatAccuracy, formatInterval, formatPoints, whyNoAccuracy } from '#ui/state/evaluation/words.ts';
import { activeWork, useStudio } from '#ui/state/store.ts';

export function ClassesPart() {
  const evaluation = useStudio((studio) => activeWork(studio)?.result?.evaluation?.value ?? null);
  const labelled = useStudio((studio) => activeWork(studio)?.data?.summary.labelled ?? 0);
  const [which, setWhich] = useState<'before' | 'after'>('after');
  const before = evaluation?.before.classification ?? null;
  const after = evaluation?.after?.classification ?? null;
  if (evaluation === null) {
    return (
      <p className="dim">
        Classes are known once the result has been evaluated on labelled data: press Evaluate in the overview.
      </p>
    );
  }
  const shown = which === 'after' ? (after ?? before) : before;
  if (shown === null || before === null) return <p className="dim">{whyNoAccuracy(evaluation, labelled)}</p>;
  return (
    <div className="classes">
      <section aria-label="Confusion matrix">
        <div className="chart-head">
          <h3>Confusion</h3>
          <span className="grow" />
          <SegmentedControl
            aria-label="Confusion of"
            value={which}
            onChange={(value) => setWhich(value === 'before' ? 'before' : 'after')}
            data={[
              { value: 'before', label: 'Before' },
              { value: 'after', label: 'After' },
            ]}
          />
        </div>
        <ConfusionMatrix classification={shown} />
        <p className="dim method">
          Counted on {evaluation.data}. Rows: labels; columns: predictions; each row shaded by its share. Arrow keys
          move between cells.
        </p>
      </section>
      <ClassTable before={before} after={after} />
    </div>
  );
}

type Order = 'worst' | 'change' | 'class';

function ClassTable({ before, after }: { readonly before: Classification; readonly after: Classification | null }) {
  const [order, setOrder] = useState<Order>('worst');
  const rows = useMemo(() => {
    const afters = new Map(after?.rows.map((row) => [row.index, row]));
    const all = before.rows
      .map((row) => ({ row, now: afters.get(row.index) ?? null }))
      .filter(({ row, now }) => row.samples > 0 || row.predicted > 0 || (now?.predicted ?? 0) > 0);
    const recall = ({ row, now }: (typeof all)[number]) => low((now ?? row).recall.share);
    const change = ({ row, now }: (typeof all)[number]) => low((now?.recall.share ?? 0) - row.recall.share);
    if (order === 'worst') return all.toSorted((a, b) => recall(a) - recall(b));
    return order === 'change' ? all.toSorted((a, b) => change(a) - change(b)) : all;
  }, [before, after, order]);
  return (
    <section aria-label="Each class">
      <div className="chart-head">
        <h3>Each class</h3>
        <span className="grow" />
        <SegmentedControl
          aria-label="Order of the classes"
          value={order}
          onChange={(value) => setOrder(value as Order)}
          data={[
            { value: 'worst', label: 'Worst first' },
            { value: 'change', label: 'Most lost' },
            { value: 'class', label: 'By class' },
          ]}
        />
      </div>
      <div className="scroll-x class-table">
        <table className="plain-table" aria-label="Classes">
          <thead>
            <tr>
              <th scope="col">Class</th>
              <th scope="col">Samples</th>
              <th scope="col" title="Share of the samples labelled so that were predicted so">
                Recall before
              </th>
              <th scope="col" title="Share of the samples labelled so that were predicted so">
                Recall after
              </th>
              <th scope="col">Change</th>
              <th scope="col" title="Share of the samples predicted so that are labelled so">
                Precision
              </th>
            </tr>
          </thead>
          <tbody>
            {rows.map(({ row, now }) => (
              <tr key={row.index}>
                <th scope="row">
                  {row.name} <span className="dim">{row.index}</span>
                </th>
                <td>{row.samples}</td>
                <td title={`${row.recall.hits} of ${row.recall.of}`}>{formatAccuracy(row.recall.share)}</td>
                <td title={now === null ? undefined : `${now.recall.hits} of ${now.recall.of}`}>
                  {now === null ? (
                    'unknown'
                  ) : (
                    <>
                      <b>{formatAccuracy(now.recall.share)}</b>
                      <span className="under dim">{formatInterval(now.recall)}</span>
                    </>
                  )}
                </td>
                <td>
                  {now === null || Number.isNaN(now.recall.share)
                    ? '–'
                    : formatPoints(100 * (now.recall.share - row.recall.share))}
                </td>
                <td>{formatAccuracy((now ?? row).precision.share)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className="dim method">
        Intervals: Wilson, 95 %. A class with few samples has a wide one: its change may be chance.
      </p>
    </section>
  );
}

/** Classes without samples come last. */
function low(share: number): number {
  return Number.isNaN(share) ? 2 : share;
}
