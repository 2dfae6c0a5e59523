/** Use case: runs a recipe on an opened model and reports what came of it. */
import type { OutputFile } from '#base/bytes.ts';
import type { Figure } from '#base/figure.ts';
import { figuresOf } from '#kernels/errors.ts';
import { fileBytesFigure } from '#measure/sizes.ts';
import type { Layer } from '#ir/layer.ts';
import type { CalibrationSource } from '#measure/calibration/evidence-source.ts';
import { checkRecipe, requireSound } from '#recipes/check.ts';
import { createFloatCache, type FloatCache } from '#recipes/float-cache.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { ModelFigures } from '#recipes/report.ts';
import { needsRanges } from '#recipes/run.ts';
import { transform } from '#recipes/transform.ts';
import type { OpenModel, Optimized, WorkContext } from './workshop.ts';
import { writeModel } from './write.ts';

export { needsRanges } from '#recipes/run.ts';

/**
 * `floats` keeps float weights from earlier previews; without it they are kept for this run alone. `evidence` measures
 * activations on data for the steps that need it.
 */
export async function optimizeModel(
  open: OpenModel,
  recipe: Recipe,
  context: WorkContext & { readonly floats?: FloatCache; readonly evidence?: CalibrationSource | undefined },
): Promise<Optimized> {
  const problems = checkRecipe(recipe, { layers: open.layers });
  requireSound(recipe, problems);
  const floats = context.floats ?? createFloatCache(context.backend);
  try {
    const made = await transform(open, recipe, {
      floats,
      evidence: context.evidence,
      signal: context.signal,
      onProgress: context.onProgress,
    });
    // Composing the file reads no weights, so its size is counted rather than estimated.
    const files = await writeModel(made);
    const { evidence } = context;
    const calibrated = evidence !== undefined && recipe.steps.some((step) => needsRanges(step.pass));
    const sqnr = made.sums === null ? null : figuresOf(made.sums).sqnrDb;
    return {
      recipe,
      model: made.model,
      weights: made.weights,
      layers: made.after,
      report: {
        recipe: recipe.name,
        before: figuresOfModel(
          open.layers,
          sum(open.layers, (layer) => layer.weightBytes),
          [{ sizeBytes: open.fileBytes }],
        ),
        after: {
          ...figuresOfModel(
            made.after,
            sum(made.layers, (layer) => layer.bytesAfter),
            files,
          ),
          ...(sqnr === null ? {} : { weightSqnr: sqnrFigure(sqnr) }),
        },
        steps: made.steps,
        layers: made.layers,
        notices: [...problems, ...made.steps.flatMap((step) => step.notices), ...(calibrated ? evidence.notices : [])],
        backend: context.backend.description,
        ...(calibrated ? { calibratedOn: evidence.description } : {}),
      },
    };
  } finally {
    if (context.floats === undefined) floats.clear();
  }
}

function figuresOfModel(
  layers: readonly Layer[],
  weightBytes: number,
  files: readonly Pick<OutputFile, 'sizeBytes'>[],
): ModelFigures {
  return {
    fileBytes: fileBytesFigure(files),
    weightBytes: counted(weightBytes, 'bytes', 'weights of all layers, scales included'),
    parameters: counted(
      sum(layers, (layer) => layer.parameters),
      '1',
      'elements of all weights',
    ),
  };
}

function sqnrFigure(value: number): Figure {
  return { value, unit: 'dB', how: 'measured', method: 'weights against float, all changed layers together' };
}

function counted(value: number, unit: string, method: string): Figure {
  return { value, unit, how: 'counted', method };
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
