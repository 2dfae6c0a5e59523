/** Ranges of the activations that the recipe on show rounds, once the engine has calibrated on the data on show. */
import { useEffect, useState } from 'react';
import type { ActivationViews, DataChoice, Recipe } from '#studio/jobs.ts';
import { needsRanges, recipeKey } from '#ui/state/recipe/edit.ts';
import { dataInUse } from '#ui/state/session/data.ts';
import { call, isCancelled, sentenceOf } from '#ui/state/session/engine-calls.ts';
import { activeWork, useStudio } from '#ui/state/store.ts';

/** The engine makes the model for an answer: a slider that is being dragged asks once it rests. */
const REST_MS = 300;

export interface ActivationRequest {
  readonly modelId: string;
  readonly recipe: Recipe;
  readonly data: DataChoice;
}

export interface Activations {
  /** What stands in the way; null when nothing does. */
  readonly missing: 'step' | 'data' | 'calibration' | null;
  readonly views: ActivationViews | null;
  readonly problem: string | null;
  /** What the views were asked for. */
  readonly request: ActivationRequest | null;
}

interface Answer {
  readonly key: string | null;
  readonly views: ActivationViews | null;
  readonly problem: string | null;
}

export function useActivations(): Activations {
  const modelId = useStudio((studio) => studio.activeId);
  const recipe = useStudio((studio) => activeWork(studio)?.history.present ?? null);
  const passes = useStudio((studio) => studio.info?.passes);
  const dataKey = useStudio((studio) => dataInUse(studio.activeId)?.key ?? null);
  const calibrated = useStudio((studio) => dataKey !== null && activeWork(studio)?.calibratedFor === dataKey);
  const [answer, setAnswer] = useState<Answer>({ key: null, views: null, problem: null });
  const missing =
    recipe === null || !needsRanges(recipe, passes ?? [])
      ? 'step'
      : dataKey === null
        ? 'data'
        : calibrated
          ? null
          : 'calibration';
  const key = recipe === null ? null : `${modelId} ${recipeKey(recipe)} ${dataKey}`;
  useEffect(() => {
    const request = requestNow();
    if (missing !== null || request === null) return undefined;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      call('activations', request, { signal: abort.signal }).then(
        (views) => {
          if (!abort.signal.aborted) setAnswer({ key, views, problem: null });
        },
        (error: unknown) => {
          if (!abort.signal.aborted && !isCancelled(error)) setAnswer({ key, views: null, problem: sentenceOf(error) });
        },
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [missing, key]);
  const known = missing === null && answer.key !== null;
  return {
    missing,
    views: known ? answer.views : null,
    problem: known ? answer.problem : null,
    request: known && answer.key === key ? requestNow() : null,
  };
}

function requestNow(): ActivationRequest | null {
  const studio = useStudio.getState();
  const recipe = activeWork(studio)?.history.present ?? null;
  const data = dataInUse(studio.activeId)?.choice ?? null;
  return studio.activeId === null || recipe === null || data === null
    ? null
    : { modelId: studio.activeId, recipe, data };
}
