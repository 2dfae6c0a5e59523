/** Accuracy before and after on the person's data, with intervals and what the paired test allows to say. */
import { Button } from '@mantine/core';
import { IconTargetArrow } from '@tabler/icons-react';
import type { Evaluation, OutputAgreement, Proportion } from '#studio/jobs.ts';
import { Remarks } from '#ui/parts/remarks.tsx';
import { showData } from '#ui/panes/data/data-line.tsx';
import {
  describePaired,
  formatAccuracy,
  formatInterval,
  formatPoints,
  whyNoAccuracy,
} from '#ui/state/evaluation/words.ts';
import { evaluate } from '#ui/state/session/actions.ts';
import { dataInUse } from '#ui/state/session/data.ts';
import { activeWork, useStudio, type MadeResult } from '#ui/state/store.ts';
import { formatBytes, formatDb, formatSmall } from '#ui/state/units.ts';

interface Props {
  readonly result: MadeResult;
  readonly current: boolean;
  readonly busy: boolean;
}

export function AccuracyPart({ result, current, busy }: Props) {
  const data = useStudio((studio) => activeWork(studio)?.data?.summary ?? null);
  const key = useStudio((studio) => dataInUse(studio.activeId)?.key ?? null);
  const measured = result.evaluation;
  const stale = measured !== null && (measured.dataKey !== key || !current);
  return (
    <section className="accuracy" aria-label="Accuracy before and after">
      <h3>Accuracy</h3>
      {measured === null ? (
        <p className="dim">
          {data === null
            ? 'Unknown: no data is open. On your own samples, accuracy, agreement and latency are measured before and after.'
            : 'Not measured yet.'}
        </p>
      ) : (
        <EvaluationBody evaluation={measured.value} labelled={data?.labelled ?? 0} />
      )}
      {stale && measured !== null ? (
        <p className="warn">
          {current
            ? 'The data or its settings have changed since this was measured.'
            : 'Measured on the result before the recipe changed.'}
        </p>
      ) : null}
      <div className="compare-tools">
        {data === null ? (
          <Button onClick={showData}>Open data</Button>
        ) : (
          <Button
            variant={measured === null || stale ? 'filled' : 'default'}
            leftSection={<IconTargetArrow size={14} />}
            disabled={busy || data.problem !== null}
            onClick={() => void evaluate()}
          >
            {measured === null ? 'Evaluate' : 'Evaluate again'}
          </Button>
        )}
      </div>
    </section>
  );
}

function EvaluationBody({ evaluation, labelled }: { readonly evaluation: Evaluation; readonly labelled: number }) {
  const { before, after, paired } = evaluation;
  const why = whyNoAccuracy(evaluation, labelled);
  return (
    <>
      {why === null ? <AccuracyTable evaluation={evaluation} /> : <p className="dim">{why}</p>}
      {paired === null ? null : <p>{describePaired(paired)}</p>}
      {evaluation.agreement.length === 0 ? null : (
        <AgreementTable outputs={evaluation.agreement} label="Agreement with the original" />
      )}
      {after === null || after.golden.length === 0 ? null : (
        <AgreementTable outputs={after.golden} label="Agreement with the golden outputs" />
      )}
      <p className="dim method">
        Measured on {evaluation.data}, in {evaluation.runtime}. Intervals: Wilson, 95 %. Peak memory:{' '}
        {before.peakBytes === null ? 'unknown' : formatBytes(before.peakBytes)}
        {after === null || after.peakBytes === null ? '' : ` before, ${formatBytes(after.peakBytes)} after`} (
        {before.peakMethod}).
      </p>
      {evaluation.failures.length === 0 ? null : <Failures evaluation={evaluation} />}
      <Remarks notices={evaluation.notices} />
    </>
  );
}

function AccuracyTable({ evaluation }: { readonly evaluation: Evaluation }) {
  const before = evaluation.before.classification;
  const after = evaluation.after?.classification ?? null;
  const rows = [
    { name: 'Top-1', before: before?.top1 ?? null, after: after?.top1 ?? null, paired: evaluation.paired },
    { name: 'Top-5', before: before?.top5 ?? null, after: after?.top5 ?? null, paired: null },
  ].filter((row) => row.before !== null);
  return (
    <div className="scroll-x">
      <table className="plain-table" aria-label="Accuracy">
        <thead>
          <tr>
            <th scope="col">
              <span className="visually-hidden">Figure</span>
            </th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
            <th scope="col">Difference</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={row.name}>
              <th scope="row">{row.name}</th>
              <td>
                <Share of={row.before} />
              </td>
              <td>
                <Share of={row.after} strong />
              </td>
              <td>
                {row.before === null || row.after === null
                  ? 'unknown'
                  : formatPoints(row.paired?.differencePoints ?? 100 * (row.after.share - row.before.share))}
                {row.paired === null ? null : (
                  <span className="under dim">
                    {formatPoints(row.paired.lowPoints).replace(/ points$/, '')} to{' '}
                    {formatPoints(row.paired.highPoints)}
                  </span>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Share({ of, strong = false }: { readonly of: Proportion | null; readonly strong?: boolean }) {
  if (of === null) return <>unknown</>;
  return (
    <span title={`${of.hits} of ${of.of} samples; interval: Wilson, 95 %`}>
      {strong ? <b>{formatAccuracy(of.share)}</b> : formatAccuracy(of.share)}
      <span className="under dim">{formatInterval(of)}</span>
    </span>
  );
}

function AgreementTable({ outputs, label }: { readonly outputs: readonly OutputAgreement[]; readonly label: string }) {
  return (
    <div className="scroll-x">
      <h4 className="dim">{label}</h4>
      <table className="plain-table tight" aria-label={label}>
        <thead>
          <tr>
            <th scope="col">Output</th>
            <th scope="col" title="Same largest element along the last axis, or the same side of 0.5">
              Same answer
            </th>
            <th scope="col" title="10 log10 of signal over noise power, over all samples">
              SQNR
            </th>
            <th scope="col">Cosine</th>
            <th scope="col" title="Mean Kullback-Leibler divergence of the softmax of the outputs">
              KL
            </th>
            <th scope="col" title="Largest absolute difference, in the unit of the output">
              Largest error
            </th>
          </tr>
        </thead>
        <tbody>
          {outputs.map((output) => {
            const same = output.top1 ?? output.threshold;
            return (
              <tr key={output.name}>
                <th scope="row" className="mono">
                  {output.name}
                </th>
                <td>{same === null ? '–' : <Share of={same} />}</td>
                <td>{formatDb(output.sqnrDb)}</td>
                <td>{output.cosine.toFixed(5)}</td>
                <td>{output.klNats === null ? '–' : `${formatSmall(output.klNats)} nats`}</td>
                <td>{formatSmall(output.maxAbs)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

const MOST_FAILURES = 50;

function Failures({ evaluation: { failures } }: { readonly evaluation: Evaluation }) {
  return (
    <details className="warn">
      <summary>
        {failures.length} {failures.length === 1 ? 'sample was' : 'samples were'} left out
      </summary>
      <ul className="data-lines">
        {failures.slice(0, MOST_FAILURES).map((failure) => (
          <li key={failure.sample}>
            <b>{failure.sample}</b>: {failure.problem}
          </li>
        ))}
        {failures.length > MOST_FAILURES ? <li>and {failures.length - MOST_FAILURES} more</li> : null}
      </ul>
    </details>
  );
}
