/** Progress of the job that is being waited for, with Cancel; shown once it has taken half a second. */
import { useEffect, useState } from 'react';
import { PushButton } from '#ui/parts/push-button.tsx';
import { useStudio } from '#ui/state/store.ts';

const SHOWN_AFTER_MS = 500;

export function TaskPanel() {
  const task = useStudio((studio) => studio.task);
  const [shownId, setShownId] = useState<number | null>(null);
  const id = task?.id ?? null;
  useEffect(() => {
    if (id === null) return undefined;
    const timer = setTimeout(() => setShownId(id), SHOWN_AFTER_MS);
    return () => clearTimeout(timer);
  }, [id]);
  if (task === null || shownId !== task.id) return null;
  const { progress } = task;
  return (
    <div className="task" role="status">
      <span className="what">
        {progress === null || progress.label === '' ? task.label : progress.label}
        {progress === null || !countable(progress.of) ? null : (
          <span className="dim">
            {' '}
            {Math.min(progress.of, Math.floor(progress.done))} of {progress.of}
          </span>
        )}
      </span>
      <PushButton onClick={() => task.cancel()}>Cancel</PushButton>
      <progress
        aria-label={task.label}
        {...(progress === null || progress.of === 0 ? {} : { value: progress.done, max: progress.of })}
      />
    </div>
  );
}

/** Samples and layers are counted; bytes and shares of a whole are left to the bar. */
function countable(of: number): boolean {
  return Number.isInteger(of) && of > 1 && of <= 1_000_000;
}
