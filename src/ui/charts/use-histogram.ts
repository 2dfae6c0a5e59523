/** Asks the engine for a layer's histogram, again whenever the layer, the channel or the recipe changes. */
import { useEffect, useState } from 'react';
import type { DataChoice, LayerHistogram } from '#studio/jobs.ts';
import { choiceOf, dataKey } from '#ui/state/data/settings.ts';
import { call, isCancelled, sentenceOf } from '#ui/state/session/engine-calls.ts';
import { activeModel, activeWork, useStudio } from '#ui/state/store.ts';

const BINS = 128;

/** A slider that is being dragged asks once it rests this long. */
const REST_MS = 60;

interface Answer {
  readonly histogram: LayerHistogram | null;
  readonly problem: string | null;
}

export function useHistogram(layer: string | null, row: number | null): Answer {
  const modelId = useStudio((studio) => studio.activeId);
  const recipe = useStudio((studio) => activeWork(studio)?.history.present ?? null);
  const data = useStudio((studio) => {
    const work = activeWork(studio);
    if (work === null || work === undefined) return null;
    const choice = choiceOf(work.history.present, work.data);
    return choice !== null && work.calibratedFor === dataKey(choice) ? JSON.stringify(choice) : null;
  });
  const weightless = useStudio((studio) => {
    const found = activeModel(studio)?.layers.find((one) => one.name === layer);
    return found !== undefined && found.weights.length === 0;
  });
  const [answer, setAnswer] = useState<Answer>({ histogram: null, problem: null });
  useEffect(() => {
    if (modelId === null || layer === null || recipe === null || weightless) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      const measured = data === null ? {} : { data: JSON.parse(data) as DataChoice };
      call('histogram', { modelId, layer, recipe, bins: BINS, row, ...measured }, { signal: abort.signal }).then(
        (histogram) => {
          if (!abort.signal.aborted) setAnswer({ histogram, problem: null });
        },
        (error: unknown) => {
          if (!abort.signal.aborted && !isCancelled(error)) setAnswer({ histogram: null, problem: sentenceOf(error) });
        },
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [modelId, layer, recipe, row, data, weightless]);
  if (weightless) return { histogram: null, problem: 'This layer has no weights.' };
  // What is on show belongs to another layer until the answer is there.
  return answer.histogram !== null && answer.histogram.layer !== layer ? { histogram: null, problem: null } : answer;
}
