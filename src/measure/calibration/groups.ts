/** Divides the values to be shown into groups, so that what one run hands back stays small. */
import { bitsOf, countOf } from '#base/dtype.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { Model, Shape, Value, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { bindSizes } from '#ops/bind-sizes.ts';
import { inferShapes } from '#ops/infer.ts';

/** Bytes of the values where they follow from the shapes of these feeds; null where they depend on the data. */
export async function sizesOfValues(
  model: Model,
  store: WeightStore,
  ids: readonly ValueId[],
  feeds: ReadonlyMap<string, NdArray>,
): Promise<ReadonlyMap<ValueId, number | null>> {
  const inferred = await inferShapes(fedModel(model, feeds), store);
  return new Map(ids.map((id) => [id, bytesOf(inferred.graph.values.get(id))]));
}

/** In execution order, as many as fit; a value that is larger than the budget has a group of its own. */
export function groupsOf(
  ids: readonly ValueId[],
  sizes: ReadonlyMap<ValueId, number>,
  budgetBytes: number,
): readonly (readonly ValueId[])[] {
  const groups: ValueId[][] = [];
  let bytes = Infinity;
  for (const id of ids) {
    const size = sizes.get(id) ?? 0;
    if (bytes + size > budgetBytes) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(id);
    bytes += size;
  }
  return groups;
}

/** The model with the sizes that these feeds give its open axes. */
function fedModel(model: Model, feeds: ReadonlyMap<string, NdArray>): Model {
  const sizes = new Map<string, number>();
  const values = new Map(model.graph.values);
  for (const id of model.graph.inputs) {
    const value = values.get(id);
    const fed = value === undefined ? undefined : feeds.get(value.name);
    if (value === undefined || fed === undefined) continue;
    for (const [axis, size] of (value.shape ?? []).entries()) {
      if (typeof size === 'string') sizes.set(size, fed.shape[axis] ?? 1);
    }
    values.set(id, { ...value, shape: fed.shape });
  }
  return bindSizes({ ...model, graph: { ...model.graph, values } }, sizes);
}

function bytesOf(value: Value | undefined): number | null {
  if (value === undefined || value.dtype === null || !isKnown(value.shape)) return null;
  return (countOf(value.shape) * bitsOf(value.dtype)) / 8;
}

function isKnown(shape: Shape | null): shape is readonly number[] {
  return shape !== null && shape.every((size) => typeof size === 'number');
}
