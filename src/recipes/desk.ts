/** Builds the desk a pass works at: the layers it is about, its options for each, float weights, and what to measure against. */
import { countOf } from '#base/dtype.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Model, Tensor, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Desk, Evidence, Pass } from '#passes/pass.ts';
import type { CacheRun } from './float-cache.ts';
import type { Recipe, Step } from './recipe.ts';
import { optionsByLayer, reasonLeftOut } from './where.ts';

export interface DeskParts {
  readonly recipe: Recipe;
  readonly step: Step;
  readonly pass: Pass;
  readonly lossy: boolean;
  readonly model: Model;
  readonly weights: WeightStore;
  readonly references: ReadonlyMap<ValueId, Tensor>;
  readonly cache: CacheRun;
  readonly preview: boolean;
  readonly evidence: Evidence | null;
  readonly onlyLayers?: ReadonlySet<string>;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnProgress | undefined;
}

export function makeDesk(parts: DeskParts): Desk {
  const { recipe, step, lossy, weights, cache, references } = parts;
  const forLayer = optionsByLayer(recipe, step, parts.pass);
  const whyNot = (layer: string, op: string): string | undefined => {
    if (parts.onlyLayers?.has(layer) === false) return 'Only one layer is looked at.';
    return reasonLeftOut(recipe, step, lossy, layer, op);
  };
  let names: ReadonlyMap<string, string> | undefined;
  return {
    weights,
    kernels: cache.kernels,
    backend: cache.backend,
    preview: parts.preview,
    evidence: parts.evidence,
    ...(parts.signal === undefined ? {} : { signal: parts.signal }),
    ...(parts.onProgress === undefined ? {} : { onProgress: parts.onProgress }),
    includes: (layer, op) => whyNot(layer, op) === undefined,
    whyNot: (layer, op) => whyNot(layer, op) ?? 'It is included.',
    optionsFor: <Options>(layer: string, options: Options): Options => forLayer(layer, options as object) as Options,
    floats: (tensor) => {
      names ??= namesByKey(parts.model, references);
      return cache.floats(weights, tensor, `weight "${names.get(tensor.key) ?? tensor.key}"`);
    },
    derive: (of, name, make) => cache.derive(of, name, make),
    original: (value, current) => {
      const reference = references.get(value);
      // A weight that changed its number of elements since has no counterpart to be compared with.
      return reference !== undefined && countOf(reference.shape) === countOf(current.shape) ? reference : current;
    },
  };
}

/** Names of constants by ticket, for refusals; the weights before the first lossy step are named as well. */
function namesByKey(model: Model, references: ReadonlyMap<ValueId, Tensor>): ReadonlyMap<string, string> {
  const names = new Map<string, string>();
  const values = allValues(model.graph);
  for (const [id, tensor] of references) {
    const name = values.get(id)?.name;
    if (name !== undefined) names.set(tensor.key, name);
  }
  for (const value of values.values()) if (value.constant !== undefined) names.set(value.constant.key, value.name);
  return names;
}
