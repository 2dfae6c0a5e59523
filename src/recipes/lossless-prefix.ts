/** The float model that lossy steps start from: what errors of a result's activations are measured against. */
import type { OnProgress } from '#base/progress.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { PASSES } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import type { FloatCache } from './float-cache.ts';
import { layerOver } from './layered-store.ts';
import type { Recipe } from './recipe.ts';
import { passNamed, runSteps } from './run.ts';

export interface PrefixOptions {
  readonly floats: FloatCache;
  readonly passes?: readonly Pass[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** The opened model after every step before the first lossy one. Its values have the ids that they have in the result. */
export async function losslessPrefix(
  opened: { readonly model: Model; readonly weights: WeightStore },
  recipe: Recipe,
  options: PrefixOptions,
): Promise<{ readonly model: Model; readonly weights: WeightStore }> {
  const passes = options.passes ?? PASSES;
  const lossy = recipe.steps.findIndex((step) => passNamed(step.pass, passes).keeps === 'accuracy');
  const start = { model: opened.model, weights: layerOver(opened.weights), references: null, steps: [] };
  return runSteps(start, { ...options, recipe, passes, range: [0, lossy < 0 ? recipe.steps.length : lossy] });
}
