/** The headline: size before and after, error, what was changed and what was left, all for the recipe on show. */
import type { ReactNode } from 'react';
import { countLeft } from '#ui/state/table/left-alone.ts';
import { activeModel, activeWork, useStudio } from '#ui/state/store.ts';
import { formatBytes, formatChange, formatCount, formatDb, formatDuration } from '#ui/state/units.ts';

export function SummaryStrip() {
  const model = useStudio(activeModel);
  const work = useStudio(activeWork);
  if (model === null || work === null) return null;
  const { preview } = work;
  const before = preview?.fileBytesBefore ?? model.fileBytes;
  const after = preview?.fileBytesAfter ?? null;
  const changed = preview?.layers.filter((layer) => layer.error !== null).length ?? 0;
  const left = countLeft(preview?.layers);
  const worst = preview?.layers.reduce((low, layer) => Math.min(low, layer.error?.sqnrDb ?? Infinity), Infinity);
  return (
    <section className="summary" aria-label="Summary" aria-busy={work.previewing} data-stale={work.previewing}>
      <div
        className="figure size"
        title="Of the model as ONNX. Estimated from the weights: the graph around them is counted as unchanged."
      >
        <span className="label">File size</span>
        <span className="value">
          <span className="from">{formatBytes(before)}</span>
          {after === null ? null : (
            <>
              <span aria-hidden>→</span>
              <span className="visually-hidden">to</span>
              <b>{formatBytes(after)}</b>
              <span className="change">{formatChange(before, after)}</span>
            </>
          )}
        </span>
        <span className="track" aria-hidden>
          <span style={{ width: `${before === 0 ? 0 : Math.min(100, (100 * (after ?? before)) / before)}%` }} />
        </span>
      </div>
      <Figure
        label="Weights SQNR"
        title="Measured: weights against float, all changed layers together, double accumulation."
      >
        <b>{formatDb(preview?.weightSqnrDb ?? null)}</b>
      </Figure>
      <Figure label="Worst layer" title="Lowest SQNR of a changed layer's weights against float.">
        {formatDb(worst === undefined || (worst === Infinity && changed === 0) ? null : worst)}
      </Figure>
      <Figure label="Layers changed" title="Layers that a lossy step changes, and layers it leaves alone.">
        {changed}
        <span className="dim"> · {left} left</span>
      </Figure>
      <Figure label="Parameters" title="Counted from the file." wide>
        {formatCount(model.parameters)}
      </Figure>
      <Figure
        label="MACs"
        title={model.macs === null ? 'Not known for every operator of this model.' : 'Counted for one run.'}
        wide
      >
        {model.macs === null ? 'unknown' : formatCount(model.macs)}
      </Figure>
      <Figure label="Measured in" title="Time the engine took for this preview." wide>
        {preview === null ? '–' : formatDuration(preview.durationMs)}
      </Figure>
      {work.previewProblem === null ? null : (
        <p className="problem bad" role="alert">
          {work.previewProblem}
        </p>
      )}
    </section>
  );
}

interface FigureProps {
  readonly label: string;
  readonly title: string;
  readonly wide?: boolean;
  readonly children: ReactNode;
}

function Figure({ label, title, wide = false, children }: FigureProps) {
  return (
    <div className={wide ? 'figure wide' : 'figure'} title={title}>
      <span className="label">{label}</span>
      <span className="value">{children}</span>
    </div>
  );
}
