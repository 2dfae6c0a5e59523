/** Runs a whole recipe and reports what it did: the result and its figures, all but those that need a file. */
import type { OnProgress } from '#base/progress.ts';
import type { Layer } from '#ir/layer.ts';
import type { EvidenceSource } from '#measure/calibration/evidence.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { layersOf } from '#ops/layers.ts';
import { PASSES } from '#passes/index.ts';
import type { Pass } from '#passes/pass.ts';
import type { FloatCache } from './float-cache.ts';
import { layerOver, type LayeredStore } from './layered-store.ts';
import { lossyNames } from './preview.ts';
import type { Recipe } from './recipe.ts';
import type { StepReport } from './report.ts';
import { runSteps } from './run.ts';
import { type Summary, summarize } from './summarize.ts';

export interface Transformed extends Summary {
  readonly model: Model;
  readonly weights: LayeredStore;
  /** Layers of the result. */
  readonly after: readonly Layer[];
  readonly steps: readonly StepReport[];
}

export interface TransformOptions {
  readonly floats: FloatCache;
  readonly passes?: readonly Pass[];
  readonly evidence?: EvidenceSource | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export async function transform(
  opened: { readonly model: Model; readonly weights: WeightStore; readonly layers: readonly Layer[] },
  recipe: Recipe,
  options: TransformOptions,
): Promise<Transformed> {
  const passes = options.passes ?? PASSES;
  const weights = layerOver(opened.weights);
  const start = { model: opened.model, weights, references: null, steps: [] };
  const { model, steps } = await runSteps(start, { ...options, recipe, passes });
  const after = model === opened.model ? opened.layers : layersOf(model);
  const summary = summarize({ before: opened.layers, after, steps, lossy: lossyNames(recipe, passes) });
  return { ...summary, model, weights, after, steps };
}
