/** The data beside the model: what it is, how it is prepared, and what the network will see. */
import './data.css';
import { Button } from '@mantine/core';
import { IconFilePlus, IconFileUpload, IconFolderOpen, IconTargetArrow, IconX } from '@tabler/icons-react';
import type { DataSummary, Notice } from '#studio/jobs.ts';
import { FilePicker } from '#ui/parts/file-buttons.tsx';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { otherSettings, settingsOf } from '#ui/state/data/settings.ts';
import { formatAccuracy, formatInterval } from '#ui/state/evaluation/words.ts';
import { closeData, evaluateOriginal, openData } from '#ui/state/session/actions.ts';
import { dataInUse } from '#ui/state/session/data.ts';
import { activeModel, activeWork, changeLooks, useStudio } from '#ui/state/store.ts';
import { formatShape } from '#ui/state/units.ts';
import { DataForm } from './data-form.tsx';
import { SampleView } from './sample-view.tsx';

export function DataPane() {
  const data = useStudio((studio) => activeWork(studio)?.data ?? null);
  return (
    <div className="data" role="region" aria-label="Data">
      {data === null ? <NoData /> : <OpenedData />}
    </div>
  );
}

function NoData() {
  const model = useStudio(activeModel);
  const input = model?.inputs[0];
  return (
    <div className="data-empty">
      <h3>Drop data here</h3>
      <p className="dim">
        Samples of what {model?.name ?? 'the model'} will meet
        {input === undefined ? '' : `, for its input ${input.name}, ${input.dtype ?? ''} ${formatShape(input.shape)}`}:
        a folder of pictures, arrays (.npy, .npz, IDX), a table (.csv) or recordings (.wav), or a zip of them. With
        labels, accuracy is measured; without, agreement with the original. A hundred samples calibrate well.
      </p>
      <div className="data-buttons">
        <FilePicker label="Data files" onFiles={(files) => void openData(files)}>
          {(open) => (
            <Button variant="filled" leftSection={<IconFileUpload size={14} />} onClick={open}>
              Open data files
            </Button>
          )}
        </FilePicker>
        <FilePicker label="Data folder" folder onFiles={(files) => void openData(files)}>
          {(open) => (
            <Button leftSection={<IconFolderOpen size={14} />} onClick={open}>
              Open a data folder
            </Button>
          )}
        </FilePicker>
      </div>
      <p className="dim">It is read from your disk as it is needed and leaves this tab as little as the model does.</p>
    </div>
  );
}

function OpenedData() {
  const data = useStudio((studio) => activeWork(studio)?.data ?? null);
  const model = useStudio(activeModel);
  const info = useStudio((studio) => studio.info);
  const recipe = useStudio((studio) => activeWork(studio)?.history.present ?? null);
  if (data === null || model === null || info === null || recipe === null) return null;
  const settings = settingsOf(recipe, data);
  const { summary } = data;
  return (
    <>
      <div className="data-facts">
        <DataHead summary={summary} fitting={data.fitting} />
        <Facts summary={summary} />
        <Problem summary={summary} />
        <Baseline />
        <Guesses summary={summary} others={otherSettings(settings)} />
        <Notices notices={summary.notices} />
      </div>
      <SampleView modelId={model.id} dataId={summary.id} samples={summary.samples} settings={settings} />
      <DataForm schema={info.dataSchema} summary={summary} model={model} settings={settings} />
    </>
  );
}

function DataHead({ summary, fitting }: { readonly summary: DataSummary; readonly fitting: boolean }) {
  return (
    <div className="data-head" aria-busy={fitting}>
      <div className="data-title">
        <h3 title={summary.name}>{summary.name}</h3>
        <span className="dim">{summary.label}</span>
      </div>
      <FilePicker label="More data files" onFiles={(files) => void openData(files, true)}>
        {(open) => <IconButton label="Add files, such as labels" icon={IconFilePlus} size={24} onClick={open} />}
      </FilePicker>
      <FilePicker label="Data files" onFiles={(files) => void openData(files)}>
        {(open) => <IconButton label="Open other data" icon={IconFileUpload} size={24} onClick={open} />}
      </FilePicker>
      <FilePicker label="Data folder" folder onFiles={(files) => void openData(files)}>
        {(open) => <IconButton label="Open another data folder" icon={IconFolderOpen} size={24} onClick={open} />}
      </FilePicker>
      <IconButton label={`Close ${summary.name}`} icon={IconX} size={24} onClick={closeData} />
    </div>
  );
}

function Facts({ summary }: { readonly summary: DataSummary }) {
  const { classNames } = summary;
  return (
    <dl className="facts data-counts">
      <dt>Samples</dt>
      <dd>
        <b>{summary.samples}</b>
        {summary.samples === summary.items ? '' : ` of ${summary.items} files`}
      </dd>
      <dt title="Ranges are measured on these">Calibration</dt>
      <dd>{summary.calibration}</dd>
      <dt title="Accuracy is measured on these; none of them calibrates">Evaluation</dt>
      <dd>{summary.evaluation}</dd>
      <dt>Labels</dt>
      <dd>
        {summary.labelled === 0
          ? 'none: accuracy stays unknown'
          : summary.labelled === summary.items
            ? 'yes, all'
            : `${summary.labelled} of ${summary.items}`}
      </dd>
      {classNames === null ? null : (
        <>
          <dt>Classes</dt>
          <dd title={classNames.slice(0, 200).join(', ')}>
            {classNames.length}: {classNames.slice(0, 6).join(', ')}
            {classNames.length > 6 ? ', …' : ''}
          </dd>
        </>
      )}
    </dl>
  );
}

function Problem({ summary }: { readonly summary: DataSummary }) {
  return summary.problem === null ? null : (
    <p className="bad" role="alert">
      {summary.problem}
    </p>
  );
}

/** The original on this data, before anything is made smaller: the quickest check of the preparation. */
function Baseline() {
  const busy = useStudio((studio) => studio.task !== null);
  const usable = useStudio((studio) => dataInUse(studio.activeId) !== null);
  const baseline = useStudio((studio) => activeWork(studio)?.baseline ?? null);
  const current = useStudio((studio) => baseline !== null && dataInUse(studio.activeId)?.key === baseline.dataKey);
  const auto = useStudio((studio) => studio.looks.autoEvaluate);
  const top1 = baseline?.value.classification?.top1 ?? null;
  return (
    <div className="data-baseline">
      <Button
        leftSection={<IconTargetArrow size={14} />}
        disabled={busy || !usable}
        onClick={() => void evaluateOriginal()}
        title="Runs the original model on the evaluation samples: a low accuracy tells of wrong preparation"
      >
        Evaluate the original
      </Button>
      {baseline === null ? null : (
        <span role="status" className={current ? undefined : 'dim'} title="Wilson interval, 95 %">
          {top1 === null ? (
            `${baseline.value.samples} samples ran; without labels there is no accuracy`
          ) : (
            <>
              <b>{formatAccuracy(top1.share)}</b> top-1 ({formatInterval(top1)}, {top1.of} samples)
            </>
          )}
          {current ? '' : ', before these settings'}
        </span>
      )}
      <label className="check">
        <input
          type="checkbox"
          checked={auto}
          onChange={(event) => changeLooks({ autoEvaluate: event.currentTarget.checked })}
        />{' '}
        Evaluate each result as it is made
      </label>
    </div>
  );
}

function Guesses({ summary, others }: { readonly summary: DataSummary; readonly others: readonly string[] }) {
  if (summary.guesses.length + others.length === 0) return null;
  return (
    <section aria-label="Why these settings">
      <h4>Why these settings</h4>
      <ul className="data-lines">
        {[...summary.guesses, ...others].map((text) => (
          <li key={text}>{text}</li>
        ))}
      </ul>
    </section>
  );
}

const MOST_NOTICES = 50;

function Notices({ notices }: { readonly notices: readonly Notice[] }) {
  if (notices.length === 0) return null;
  return (
    <section aria-label="What to know about the data">
      <h4>
        {notices.length} {notices.length === 1 ? 'thing' : 'things'} to know
      </h4>
      <ul className="data-lines">
        {notices.slice(0, MOST_NOTICES).map((notice) => (
          <li
            key={`${notice.code} ${notice.at ?? ''} ${notice.text}`}
            className={notice.level === 'info' ? 'dim' : 'warn'}
          >
            {notice.at === undefined ? '' : <b>{notice.at}: </b>}
            {notice.text}
          </li>
        ))}
        {notices.length > MOST_NOTICES ? <li className="dim">and {notices.length - MOST_NOTICES} more</li> : null}
      </ul>
    </section>
  );
}
