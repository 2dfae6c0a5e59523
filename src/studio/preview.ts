/** Use case: what a recipe would do to each layer, measured at once and without making the model. */
import { figuresOf } from '#kernels/errors.ts';
import { checkRecipe, requireSound } from '#recipes/check.ts';
import type { Previewer } from '#recipes/preview.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { Preview } from './jobs.ts';
import type { OpenModel, WorkContext } from './workshop.ts';

export async function previewModel(
  open: OpenModel,
  recipe: Recipe,
  context: Pick<WorkContext, 'signal' | 'onProgress'>,
  previewer: Previewer,
): Promise<Preview> {
  const problems = checkRecipe(recipe, { layers: open.layers });
  requireSound(recipe, problems);
  const measured = await previewer.measure(recipe, context);
  let weightBytesBefore = 0;
  let weightBytesAfter = 0;
  for (const layer of measured.layers) {
    weightBytesBefore += layer.bytesBefore;
    weightBytesAfter += layer.bytesAfter;
  }
  return {
    layers: measured.layers,
    weightBytesBefore,
    weightBytesAfter,
    fileBytesBefore: open.fileBytes,
    fileBytesAfter: open.fileBytes - weightBytesBefore + weightBytesAfter,
    weightSqnrDb: measured.sums === null ? null : figuresOf(measured.sums).sqnrDb,
    durationMs: measured.durationMs,
    notices: [...problems, ...measured.steps.flatMap((step) => step.notices)],
  };
}
