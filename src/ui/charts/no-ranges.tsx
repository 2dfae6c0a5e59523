/** Why there are no ranges to show yet, and what to do about it. */
import { Button } from '@mantine/core';
import { IconRuler2 } from '@tabler/icons-react';
import { showData } from '#ui/panes/data/data-line.tsx';
import { calibrate } from '#ui/state/session/data.ts';
import { useStudio } from '#ui/state/store.ts';
import type { Activations } from './use-activations.ts';

const WHY: Readonly<Record<'step' | 'data' | 'calibration', string>> = {
  step: 'No step of the recipe rounds activations. The presets with static int8 do.',
  data: 'Ranges of activations are measured on data.',
  calibration: 'Runs the model on the calibration samples and keeps what it saw of every activation.',
};

export function NoRanges({ activations: { missing, problem } }: { readonly activations: Activations }) {
  const busy = useStudio((studio) => studio.task !== null);
  if (missing === null) return <p className="chart-empty dim">{problem ?? 'Looking at the ranges…'}</p>;
  return (
    <div className="chart-empty">
      <p className="dim">{WHY[missing]}</p>
      {missing === 'data' ? <Button onClick={showData}>Open data</Button> : null}
      {missing === 'calibration' ? (
        <Button leftSection={<IconRuler2 size={14} />} disabled={busy} onClick={() => void calibrate()}>
          Calibrate
        </Button>
      ) : null}
    </div>
  );
}
