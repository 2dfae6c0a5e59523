/** One sample, as it came in and as the network sees it: the place where wrong preparation is seen with the eyes. */
import { TextInput } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useEffect, useState } from 'react';
import type { DataSettings, InputView, SampleView as View } from '#studio/jobs.ts';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { call, isCancelled, sentenceOf } from '#ui/state/session/engine-calls.ts';
import { formatShape, formatSmall } from '#ui/state/units.ts';
import { SampleCanvas } from './sample-canvas.tsx';

interface Props {
  readonly modelId: string;
  readonly dataId: string;
  readonly samples: number;
  readonly settings: DataSettings;
}

export function SampleView({ modelId, dataId, samples, settings }: Props) {
  const [wanted, setWanted] = useState(0);
  const [typed, setTyped] = useState<string | null>(null);
  const index = Math.max(0, Math.min(samples - 1, wanted));
  const { view, problem } = useSample(modelId, dataId, index, settings);
  return (
    <section
      className="sample"
      aria-label="Sample"
      onKeyDown={(event) => {
        if (event.target instanceof HTMLInputElement) return;
        if (event.key === 'ArrowRight') setWanted(index + 1);
        else if (event.key === 'ArrowLeft') setWanted(index - 1);
        else return;
        event.preventDefault();
      }}
    >
      <div className="sample-head">
        <IconButton
          label="Previous sample"
          icon={IconChevronLeft}
          size={24}
          disabled={index === 0}
          onClick={() => setWanted(index - 1)}
        />
        <TextInput
          type="number"
          aria-label={`Sample shown, 1 to ${samples}`}
          min={1}
          max={samples}
          value={typed ?? String(samples === 0 ? 0 : index + 1)}
          onChange={(event) => {
            setTyped(event.currentTarget.value);
            const next = Math.trunc(Number(event.currentTarget.value));
            if (next >= 1) setWanted(next - 1);
          }}
          onBlur={() => setTyped(null)}
        />
        <span className="dim">of {samples}</span>
        <IconButton
          label="Next sample"
          icon={IconChevronRight}
          size={24}
          disabled={index >= samples - 1}
          onClick={() => setWanted(index + 1)}
        />
        <span className="sample-name" title={view?.name}>
          {view?.name}
        </span>
        {view === null ? null : (
          <span className="sample-label" title="Label">
            {view.labelText === null ? <span className="dim">no label</span> : <b>{view.labelText}</b>}
          </span>
        )}
      </div>
      {problem === null ? null : (
        <p className="bad" role="alert">
          {problem}
        </p>
      )}
      {view === null ? null : (
        <div className="sample-body">
          {view.original === null ? null : (
            <figure>
              <SampleCanvas picture={view.original} label={`${view.name} as it came in`} />
              <figcaption>
                <b>As it came in</b>
                <span className="dim">{sizeOf(view.original)}</span>
              </figcaption>
            </figure>
          )}
          {view.inputs.map((input) => (
            <Input key={input.name} input={input} of={view.name} />
          ))}
        </div>
      )}
    </section>
  );
}

function Input({ input, of }: { readonly input: InputView; readonly of: string }) {
  return (
    <figure>
      {input.picture === null ? null : (
        <SampleCanvas picture={input.picture} label={`${of} as the network sees it, input ${input.name}`} />
      )}
      <figcaption>
        <b>As the network sees it</b>
        <span className="dim mono">
          {input.name}: {input.dtype} {formatShape(input.shape)}
        </span>
        <dl className="sample-figures" aria-label={`Values of ${input.name}`}>
          {(['min', 'max', 'mean', 'deviation'] as const).map((name) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{formatSmall(input[name])}</dd>
            </div>
          ))}
        </dl>
      </figcaption>
    </figure>
  );
}

function sizeOf(picture: NonNullable<View['original']>): string {
  if (picture.kind === 'picture') return `${picture.picture.width} × ${picture.picture.height} pixels`;
  return picture.kind === 'wave' ? `${picture.seconds.toFixed(2)} s` : `${picture.width} × ${picture.height} values`;
}

/** A setting that is being typed asks once it rests. */
const REST_MS = 80;

function useSample(modelId: string, dataId: string, index: number, settings: DataSettings) {
  const [answer, setAnswer] = useState<{ readonly view: View | null; readonly problem: string | null }>({
    view: null,
    problem: null,
  });
  useEffect(() => {
    if (index < 0) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      call('viewSample', { modelId, dataId, index, settings }, { signal: abort.signal }).then(
        (view) => {
          if (!abort.signal.aborted) setAnswer({ view, problem: null });
        },
        (error: unknown) => {
          if (!abort.signal.aborted && !isCancelled(error)) setAnswer({ view: null, problem: sentenceOf(error) });
        },
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [modelId, dataId, index, settings]);
  return answer;
}
