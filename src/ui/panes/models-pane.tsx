/** The open models, and how to open another. */
import { IconDeviceFloppy, IconFileUpload, IconFlask, IconFolderOpen, IconX } from '@tabler/icons-react';
import { FilePicker } from '#ui/parts/file-buttons.tsx';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { activate, closeModel, keepModel, openFiles, openSample, openSignature } from '#ui/state/session/actions.ts';
import type { ModelSummary } from '#studio/jobs.ts';
import { useStudio } from '#ui/state/store.ts';
import { formatBytes, formatChange, formatCount } from '#ui/state/units.ts';

export function ModelsPane() {
  const models = useStudio((studio) => studio.models);
  const works = useStudio((studio) => studio.works);
  const activeId = useStudio((studio) => studio.activeId);
  const sample = useStudio((studio) => studio.samples[0]);
  return (
    <nav className="models" aria-label="Models">
      <div className="pane-head">
        <h2>Models</h2>
        <span className="grow" />
        {sample === undefined ? null : (
          <IconButton label={`Try ${sample.title}`} icon={IconFlask} onClick={() => void openSample(sample.file)} />
        )}
        <FilePicker label="Model folder" folder onFiles={(files) => void openFiles(files)}>
          {(open) => <IconButton label="Open a folder" icon={IconFolderOpen} onClick={open} />}
        </FilePicker>
        <FilePicker label="Model files" onFiles={(files) => void openFiles(files)}>
          {(open) => <IconButton label="Open files" icon={IconFileUpload} onClick={open} />}
        </FilePicker>
      </div>
      <ul>
        {models.map((model) => {
          const preview = works[model.id]?.preview;
          return (
            <li key={model.id} className="model" data-active={model.id === activeId}>
              <button
                type="button"
                aria-current={model.id === activeId}
                title={`${model.name}: ${model.formatLabel}`}
                onClick={() => activate(model.id)}
              >
                <span className="name">{model.name}</span>
                <span className="dim">
                  {formatBytes(model.fileBytes)} · {formatCount(model.parameters)} parameters
                  {preview ? ` · ${formatChange(preview.fileBytesBefore, preview.fileBytesAfter)}` : ''}
                </span>
              </button>
              <Signature model={model} />
              {model.kept ? null : (
                <IconButton
                  label={`Keep ${model.name} in this browser, so that a reload brings it back`}
                  icon={IconDeviceFloppy}
                  size={22}
                  onClick={() => void keepModel(model)}
                />
              )}
              <IconButton
                label={`Close ${model.name}`}
                icon={IconX}
                size={22}
                onClick={() => void closeModel(model.id)}
              />
            </li>
          );
        })}
      </ul>
    </nav>
  );
}

/** Which entry point of the file this is, where there are several; another one is opened beside it. */
function Signature({ model }: { readonly model: ModelSummary }) {
  const { signatures } = model;
  if (signatures === undefined || signatures.all.length < 2) return null;
  return (
    <label className="signature">
      <span className="visually-hidden">Signature of {model.name}</span>
      <select value={signatures.chosen} onChange={(event) => void openSignature(model.id, event.target.value)}>
        {signatures.all.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
    </label>
  );
}
