/** Keeps the preview of the active model's recipe up to date, and remembers each variant that was seen. */
import type { DataChoice, Preview, Recipe } from '#studio/jobs.ts';
import { choiceOf, dataKey } from '#ui/state/data/settings.ts';
import { forResult, recipeKey } from '#ui/state/recipe/edit.ts';
import { problemsOf } from '#ui/state/recipe/problems.ts';
import { activeWork, changeWork, useStudio } from '#ui/state/store.ts';
import { call, isCancelled, sentenceOf } from './engine-calls.ts';
import { createPreviewLoop } from './preview-loop.ts';
import { addVariant } from './variants.ts';

interface PreviewRequest {
  readonly modelId: string;
  readonly recipe: Recipe;
  readonly data?: DataChoice;
}

const loop = createPreviewLoop<PreviewRequest, Preview>({
  run: (request, signal) => call('preview', request, { signal }),
  onResult: ({ modelId, recipe }, preview) =>
    changeWork(modelId, (work) => ({
      preview,
      previewProblem: null,
      variants: addVariant(work.variants, forResult(recipe, passes()), preview),
    })),
  onError: ({ modelId }, error) => {
    if (!isCancelled(error)) changeWork(modelId, () => ({ preview: null, previewProblem: sentenceOf(error) }));
  },
  onBusy: (busy) => {
    const { activeId, works } = useStudio.getState();
    for (const [id, work] of Object.entries(works)) {
      const previewing = busy && id === activeId;
      if (work.previewing !== previewing) changeWork(id, () => ({ previewing }));
    }
  },
});

/** Previews the active model's recipe, unless a problem in it would stop it anyway. */
export function requestPreview(): void {
  const studio = useStudio.getState();
  const work = activeWork(studio);
  const model = studio.models.find((one) => one.id === studio.activeId);
  if (work === null || model === undefined || studio.info === null) return;
  const recipe = work.history.present;
  const problems = problemsOf(recipe, studio.info.passes, new Set(model.layers.map((layer) => layer.name)));
  const blocker = problems.find((problem) => problem.level === 'blocker');
  if (blocker !== undefined) {
    loop.stop();
    const place = blocker.step === null ? '' : `step ${blocker.step + 1}: `;
    changeWork(model.id, () => ({
      preview: null,
      previewProblem: `Nothing is measured until this is mended: ${place}${blocker.text}`,
    }));
    return;
  }
  // A preview never waits for a calibration: ranges take part once they were measured.
  const data = choiceOf(recipe, work.data);
  const measured = data !== null && work.calibratedFor === dataKey(data);
  loop.request({ modelId: model.id, recipe, ...(measured ? { data } : {}) });
}

function passes() {
  return useStudio.getState().info?.passes ?? [];
}

/** Whether the result on show was made from the recipe on show. */
export function isCurrent(made: Recipe | undefined, present: Recipe): boolean {
  return made !== undefined && recipeKey(forResult(made, passes())) === recipeKey(forResult(present, passes()));
}
