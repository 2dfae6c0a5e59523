/** Outputs of original and result on the same inputs: seeded random ones, or the person's own arrays. */
import { Button, TextInput } from '@mantine/core';
import { IconArrowsDiff, IconFileUpload, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { DroppedFile, OutputError } from '#studio/jobs.ts';
import { FilePicker } from '#ui/parts/file-buttons.tsx';
import { IconButton } from '#ui/parts/icon-button.tsx';
import { compareOutputs } from '#ui/state/session/actions.ts';
import { filesOfDrop } from '#ui/state/session/dropped-files.ts';
import type { MadeResult } from '#ui/state/store.ts';
import { formatDb, formatShare, formatSmall } from '#ui/state/units.ts';

const RUNS = 4;

export function ComparePart({ result, busy }: { readonly result: MadeResult; readonly busy: boolean }) {
  const [seed, setSeed] = useState(1);
  const [inputs, setInputs] = useState<DroppedFile | null>(null);
  const { comparison } = result;
  return (
    <section
      aria-label="Compare outputs"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        const named = [...event.dataTransfer.files].some((file) => /\.np[yz]$/i.test(file.name));
        // Anything else is a model for the window's own drop.
        if (!named) return;
        event.preventDefault();
        void filesOfDrop(event.dataTransfer.items.length > 0 ? event.dataTransfer : new DataTransfer()).then((files) =>
          setInputs(files.find((file) => /\.np[yz]$/i.test(file.path)) ?? null),
        );
      }}
    >
      <h3>Outputs</h3>
      {comparison === null ? (
        <p className="dim">
          Run the original and the result in onnxruntime on the same inputs and compare what comes out.
        </p>
      ) : (
        <>
          <OutputTable outputs={comparison.outputs} />
          <p className="dim method">
            Measured: result against original, {comparison.method}, {comparison.runtime}.
          </p>
          {comparison.notices.map((notice) => (
            <p key={`${notice.code} ${notice.text}`} className={notice.level === 'info' ? 'dim' : 'warn'}>
              {notice.text}
            </p>
          ))}
        </>
      )}
      <div className="compare-tools">
        <Button
          leftSection={<IconArrowsDiff size={14} />}
          disabled={busy}
          onClick={() => void compareOutputs(RUNS, seed, inputs ?? undefined)}
        >
          Compare outputs
        </Button>
        {inputs === null ? (
          <>
            <label className="seed">
              Random inputs, seed{' '}
              <TextInput
                type="number"
                aria-label="Seed"
                value={String(seed)}
                onChange={(event) => setSeed(Math.max(0, Math.trunc(Number(event.currentTarget.value) || 0)))}
              />
            </label>
            <FilePicker
              label="Input arrays"
              accept=".npy,.npz"
              many={false}
              onFiles={([file]) => setInputs(file ?? null)}
            >
              {(open) => (
                <Button variant="subtle" color="gray" leftSection={<IconFileUpload size={14} />} onClick={open}>
                  Use .npy or .npz
                </Button>
              )}
            </FilePicker>
          </>
        ) : (
          <span className="inputs-chip">
            {inputs.path}
            <IconButton label="Use random inputs" icon={IconX} size={20} onClick={() => setInputs(null)} />
          </span>
        )}
      </div>
    </section>
  );
}

export function OutputTable({ outputs }: { readonly outputs: readonly OutputError[] }) {
  return (
    <div className="scroll-x">
      <table className="plain-table">
        <thead>
          <tr>
            <th scope="col">Output</th>
            <th scope="col" title="10 log10 of signal over noise power">
              SQNR
            </th>
            <th scope="col">Cosine</th>
            <th scope="col" title="Largest absolute difference, in the unit of the output">
              Largest error
            </th>
            <th scope="col" title="Share of positions whose largest element is the same">
              Top-1 agreement
            </th>
          </tr>
        </thead>
        <tbody>
          {outputs.map((output) => (
            <tr key={output.name}>
              <th scope="row" className="mono">
                {output.name}
              </th>
              <td>
                <b>{formatDb(output.sqnrDb)}</b>
              </td>
              <td>{output.cosine.toFixed(6)}</td>
              <td>{formatSmall(output.maxAbs)}</td>
              <td>{output.top1Agreement === null ? '–' : formatShare(output.top1Agreement)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
