/** Fixes the open sizes of a model, so that shapes and costs that depend on them become numbers. */
import type { Graph, Model, Shape, Value, ValueId } from '#ir/model.ts';
import { rebuild } from './rebuild.ts';
import type { TensorType } from './facts.ts';
import { graphsOf } from '#ir/walk.ts';

/**
 * The model with each named size replaced by its number; open sizes of graph inputs that have no name, or whose name is
 * not given, become `otherwise`. Types that were inferred before are forgotten: run `inferShapes` after it.
 */
export function bindSizes(model: Model, sizes: ReadonlyMap<string, number>, otherwise?: number): Model {
  const types = new Map<ValueId, TensorType>();
  const inputs = new Set(model.graph.inputs);
  const bound = new Map(sizes);
  if (otherwise !== undefined) {
    for (const id of inputs) {
      for (const size of model.graph.values.get(id)?.shape ?? []) {
        if (typeof size === 'string' && !bound.has(size)) bound.set(size, otherwise);
      }
    }
  }
  for (const graph of graphsOf(model.graph)) bindGraph(graph, bound, inputs, otherwise, types);
  return { ...model, graph: rebuild(model.graph, types) };
}

function bindGraph(
  graph: Graph,
  sizes: ReadonlyMap<string, number>,
  inputs: ReadonlySet<ValueId>,
  otherwise: number | undefined,
  types: Map<ValueId, TensorType>,
): void {
  for (const value of graph.values.values()) {
    if (value.constant !== undefined) continue;
    types.set(value.id, { dtype: value.dtype, shape: boundShape(value, sizes, inputs.has(value.id), otherwise) });
  }
}

function boundShape(
  value: Value,
  sizes: ReadonlyMap<string, number>,
  isInput: boolean,
  otherwise: number | undefined,
): Shape | null {
  if (!isInput && value.declared !== true) return null;
  return (
    value.shape?.map((size) => {
      const known = typeof size === 'string' ? (sizes.get(size) ?? size) : size;
      return known === null && isInput ? (otherwise ?? null) : known;
    }) ?? null
  );
}
