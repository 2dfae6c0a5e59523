/** Which layers the runtime really computes in integers, and for each of the others, why not. */
import { SegmentedControl } from '@mantine/core';
import { useEffect, useState } from 'react';
import type { LintRow } from '#studio/jobs.ts';
import { isCancelled, sentenceOf } from '#ui/state/session/engine-calls.ts';
import { lintResult } from '#ui/state/session/data.ts';
import { selectLayer } from '#ui/state/session/actions.ts';
import { useStudio, type MadeResult } from '#ui/state/store.ts';

type Shown = 'float' | 'all';

const RUNS: Readonly<Record<LintRow['runs'], string>> = {
  integer: 'integers',
  float: 'float',
  'passes-through': 'passes through',
};

export function LintPart({ result }: { readonly result: MadeResult }) {
  const modelId = useStudio((studio) => studio.activeId);
  const [problem, setProblem] = useState<string | null>(null);
  const [shown, setShown] = useState<Shown>('float');
  const { lint, resultId } = result;
  const wanted = lint === null && modelId !== null;
  useEffect(() => {
    if (!wanted) return;
    lintResult(modelId, result).catch((error: unknown) => {
      if (!isCancelled(error)) setProblem(sentenceOf(error));
    });
    // The result is the same while its id is.
    // oxlint-disable-next-line react/exhaustive-deps
  }, [wanted, modelId, resultId]);
  if (problem !== null) return <p className="warn">{problem}</p>;
  if (lint === null) return <p className="dim">Looking at what the runtime makes of each layer…</p>;
  const count = (runs: LintRow['runs']) => lint.rows.filter((row) => row.runs === runs).length;
  const rows = shown === 'all' ? lint.rows : lint.rows.filter((row) => row.runs === 'float');
  return (
    <section aria-label="How the runtime runs it">
      <div className="chart-head">
        <h3>In the runtime</h3>
        <span className="grow" />
        <SegmentedControl
          aria-label="Layers of the runtime"
          value={shown}
          onChange={(value) => setShown(value === 'all' ? 'all' : 'float')}
          data={[
            { value: 'float', label: `Not in integers (${count('float')})` },
            { value: 'all', label: `All (${lint.rows.length})` },
          ]}
        />
      </div>
      <p>
        <b>{count('integer')}</b> of {lint.rows.length} nodes run in integers, {count('float')} in float,{' '}
        {count('passes-through')} pass values through. <span className="dim">{lint.target}</span>
      </p>
      {lint.notices.map((notice) => (
        <p key={`${notice.code} ${notice.text}`} className={notice.level === 'info' ? 'dim' : 'warn'}>
          {notice.text}
        </p>
      ))}
      {rows.length === 0 ? (
        <p className="dim">Every node that computes does so in integers.</p>
      ) : (
        <div className="scroll-x">
          <table className="plain-table lint" aria-label="Runtime">
            <thead>
              <tr>
                <th scope="col">Layer</th>
                <th scope="col">Runs in</th>
                <th scope="col">Kernel</th>
                <th scope="col">Why not in integers</th>
              </tr>
            </thead>
            <tbody>
              {rows.slice(0, MOST_ROWS).map((row) => (
                <tr key={row.layer} data-runs={row.runs}>
                  <th scope="row">
                    <button type="button" className="link" onClick={() => selectLayer(row.layer)}>
                      {row.layer}
                    </button>{' '}
                    <span className="dim">{row.op}</span>
                  </th>
                  <td>{RUNS[row.runs]}</td>
                  <td className="mono">{row.kernel}</td>
                  <td className="why">{row.reason}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rows.length > MOST_ROWS ? <p className="dim">and {rows.length - MOST_ROWS} more</p> : null}
    </section>
  );
}

const MOST_ROWS = 500;
