/** The result: what it weighs, what each step did, how its outputs compare, and what the download was checked for. */
import './evaluation.css';
import { Button, SegmentedControl } from '@mantine/core';
import { lazy, Suspense } from 'react';
import { IconArrowsDiff, IconDownload, IconPlayerPlay } from '@tabler/icons-react';
import type { ModelFigures, Saved, StepReport } from '#studio/jobs.ts';
import { Remarks } from '#ui/parts/remarks.tsx';
import { compareOutputs, download, optimize } from '#ui/state/session/actions.ts';
import { isCurrent } from '#ui/state/session/previews.ts';
import { activeWork, changeLooks, useStudio, type ResultPart } from '#ui/state/store.ts';
import { formatBytes, formatChange, formatCount, formatDb, formatDuration } from '#ui/state/units.ts';
import { AccuracyPart } from './accuracy-part.tsx';
import { ComparePart, OutputTable } from './compare-part.tsx';
import { LatencyPart } from './latency-part.tsx';

const ClassesPart = lazy(() => import('./classes-part.tsx').then((module) => ({ default: module.ClassesPart })));
const LintPart = lazy(() => import('./lint-part.tsx').then((module) => ({ default: module.LintPart })));

export function ResultPane() {
  const result = useStudio((studio) => activeWork(studio)?.result ?? null);
  const current = useStudio((studio) => {
    const work = activeWork(studio);
    return work !== null && isCurrent(work.result?.recipe, work.history.present);
  });
  const busy = useStudio((studio) => studio.task !== null);
  const part = useStudio((studio) => studio.looks.resultPart);
  if (result === null) {
    return (
      <div className="result empty">
        <p className="dim">
          The figures above are previews. Optimize makes the model itself; then its outputs can be compared with the
          original’s, and it can be downloaded.
        </p>
        <Button
          variant="filled"
          leftSection={<IconPlayerPlay size={14} />}
          disabled={busy}
          onClick={() => void optimize()}
        >
          Make the model
        </Button>
        <Button leftSection={<IconArrowsDiff size={14} />} disabled={busy} onClick={() => void compareOutputs(4, 1)}>
          Compare outputs
        </Button>
      </div>
    );
  }
  const { report } = result;
  const parts = (
    <div className="result-parts">
      <SegmentedControl
        aria-label="Part of the result"
        value={part}
        onChange={(value) => changeLooks({ resultPart: value as ResultPart })}
        data={[
          { value: 'overview', label: 'Overview' },
          { value: 'classes', label: 'Classes' },
          { value: 'runtime', label: 'In the runtime' },
        ]}
      />
    </div>
  );
  if (part !== 'overview') {
    return (
      <div className="result part" role="region" aria-label="Result">
        {parts}
        <Suspense fallback={null}>{part === 'classes' ? <ClassesPart /> : <LintPart result={result} />}</Suspense>
      </div>
    );
  }
  return (
    <div className="result" role="region" aria-label="Result">
      {parts}
      {current ? null : (
        <p className="stale-note warn" role="status">
          The recipe has changed since this result was made.{' '}
          <button type="button" className="link" disabled={busy} onClick={() => void optimize()}>
            Optimize again
          </button>
        </p>
      )}
      <AccuracyPart result={result} current={current} busy={busy} />
      <section>
        <h3>Size</h3>
        <FigureTable before={report.before} after={report.after} />
      </section>
      <LatencyPart result={result} busy={busy} />
      <ComparePart result={result} busy={busy} />
      <section>
        <h3>Download</h3>
        {result.saved === null ? (
          <p className="dim">The file is written, opened again by onnxruntime and compared before it is handed over.</p>
        ) : (
          <SavedPart saved={result.saved} />
        )}
        <Button leftSection={<IconDownload size={14} />} disabled={busy} onClick={() => void download()}>
          {result.saved === null || !current ? 'Verify and download' : 'Download again'}
        </Button>
      </section>
      <section>
        <h3>Steps</h3>
        <ol className="step-reports">
          {report.steps.map((step, at) => (
            <StepLine key={`${at} ${step.pass}`} step={step} />
          ))}
        </ol>
        <Remarks notices={report.notices} />
        <p className="dim method">Computed with {report.backend}.</p>
      </section>
    </div>
  );
}

function FigureTable({ before, after }: { readonly before: ModelFigures; readonly after: ModelFigures }) {
  const lines = [
    { label: 'File', before: before.fileBytes, after: after.fileBytes, format: formatBytes },
    { label: 'Weights', before: before.weightBytes, after: after.weightBytes, format: formatBytes },
    { label: 'Zipped', before: before.zippedBytes, after: after.zippedBytes, format: formatBytes },
    { label: 'Parameters', before: before.parameters, after: after.parameters, format: formatCount },
  ];
  return (
    <table className="plain-table" aria-label="Size">
      <thead>
        <tr>
          <th scope="col">Figure</th>
          <th scope="col">Before</th>
          <th scope="col">After</th>
          <th scope="col">Change</th>
          <th scope="col" className="wide">
            Method
          </th>
        </tr>
      </thead>
      <tbody>
        {lines.map((line) =>
          line.after === undefined ? null : (
            <tr key={line.label}>
              <th scope="row">{line.label}</th>
              <td>{line.before === undefined ? 'unknown' : line.format(line.before.value)}</td>
              <td>
                <b>{line.format(line.after.value)}</b>
              </td>
              <td>{line.before === undefined ? '–' : formatChange(line.before.value, line.after.value)}</td>
              <td className="dim wide">
                {line.after.how}: {line.after.method}
              </td>
            </tr>
          ),
        )}
        {after.weightSqnr === undefined ? null : (
          <tr>
            <th scope="row">Weights SQNR</th>
            <td>–</td>
            <td>
              <b>{formatDb(after.weightSqnr.value)}</b>
            </td>
            <td>–</td>
            <td className="dim wide">
              {after.weightSqnr.how}: {after.weightSqnr.method}
            </td>
          </tr>
        )}
      </tbody>
    </table>
  );
}

function StepLine({ step }: { readonly step: StepReport }) {
  const changed = step.ledger.filter((entry) => entry.action === 'changed').length;
  const left = step.ledger.length - changed;
  return (
    <li>
      <details>
        <summary>
          <b>{step.title}</b>
          <span className="dim">
            {' '}
            {changed} changed, {left} left alone, {formatDuration(step.durationMs)}
          </span>
        </summary>
        <ul className="ledger-lines">
          {step.ledger.slice(0, MOST_LINES).map((entry, at) => (
            <li key={`${at} ${entry.layer}`} className={entry.action === 'left' ? 'dim' : undefined}>
              <b>{entry.layer === '' ? 'Graph' : entry.layer}</b> {entry.text}
            </li>
          ))}
          {step.ledger.length > MOST_LINES ? <li className="dim">and {step.ledger.length - MOST_LINES} more</li> : null}
        </ul>
      </details>
    </li>
  );
}

const MOST_LINES = 200;

function SavedPart({ saved }: { readonly saved: Saved }) {
  return (
    <div className="saved" role="status">
      <ul>
        {saved.files.map((file) => (
          <li key={file.path}>
            <span className="mono">{file.path}</span> <b>{formatBytes(file.sizeBytes)}</b>
          </li>
        ))}
      </ul>
      {saved.verified === null ? (
        <p className="warn">
          Written, but not verified by running: {saved.notVerified ?? 'no runtime could open it here.'}
        </p>
      ) : (
        <>
          <p>
            <b className="good">Verified.</b> Opened again by {saved.verified.runtime} and compared with the original:{' '}
            {saved.verified.method}.
          </p>
          <OutputTable outputs={saved.verified.outputs} />
        </>
      )}
    </div>
  );
}
