/** One line in the recipe pane: which data the recipe is measured on, and the way to it. */
import { IconDatabase } from '@tabler/icons-react';
import { activeWork, changeLooks, useStudio } from '#ui/state/store.ts';

export function showData(): void {
  changeLooks({ view: 'data', phoneTab: 'data' });
}

export function DataLine() {
  const data = useStudio((studio) => activeWork(studio)?.data ?? null);
  return (
    <button type="button" className="data-line" onClick={showData}>
      <IconDatabase size={15} stroke={1.7} aria-hidden />
      {data === null ? (
        <span className="dim">No data: accuracy is unknown. Open data…</span>
      ) : (
        <span>
          <b>{data.summary.name}</b>{' '}
          <span className={data.summary.problem === null ? 'dim' : 'bad'}>
            {data.summary.problem === null
              ? `${data.summary.calibration} calibrate, ${data.summary.evaluation} evaluate`
              : 'does not suit the model'}
          </span>
        </span>
      )}
    </button>
  );
}
