/** Reads every constant of a model once: weights as real numbers, scales of grids, tensors in attributes. */
import type { Model, Node, Quantization, Tensor, ValueId } from '#ir/model.ts';
import { allValues, nodesOf } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { kindOf } from '#base/dtype.ts';
import { decode, type Dense } from '#ops/dense.ts';
import { dequantize, type GridValues } from './grid.ts';

export interface LoadedConstants {
  readonly values: ReadonlyMap<ValueId, Dense>;
  /** Grids of values that are computed. */
  readonly grids: ReadonlyMap<ValueId, GridValues>;
  attributesOf(node: Node): ReadonlyMap<string, Dense> | undefined;
}

/** Types that have no lanes (text, 8-bit floats) are left out; whoever reads such a value is refused. */
export async function loadConstants(model: Model, store: WeightStore): Promise<LoadedConstants> {
  const values = new Map<ValueId, Dense>();
  const grids = new Map<ValueId, GridValues>();
  const attributes = new Map<string, Dense>();
  const load = async (tensor: Tensor): Promise<Dense | undefined> =>
    kindOf(tensor.dtype) === 'string' ? undefined : decode(tensor.dtype, tensor.shape, await store.read(tensor));
  for (const { id, constant, quantization } of allValues(model.graph).values()) {
    const grid = quantization === undefined ? undefined : await loadGrid(quantization, load);
    if (constant === undefined) {
      if (grid !== undefined) grids.set(id, grid);
      continue;
    }
    const dense = await load(constant);
    if (dense !== undefined) values.set(id, grid === undefined ? dense : dequantize(dense, grid));
  }
  for (const { node } of nodesOf(model.graph)) {
    for (const attr of node.attrs.values()) {
      if (attr.type !== 'tensor') continue;
      const dense = await load(attr.value);
      if (dense !== undefined) attributes.set(attr.value.key, dense);
    }
  }
  return { values, grids, attributesOf: (node) => tensorsOf(node, attributes) };
}

async function loadGrid(
  { scale, zeroPoint, axis, block }: Quantization,
  load: (tensor: Tensor) => Promise<Dense | undefined>,
): Promise<GridValues | undefined> {
  const scales = await load(scale);
  if (scales === undefined) return undefined;
  return { scale: scales, zeroPoint: zeroPoint === undefined ? undefined : await load(zeroPoint), axis, block };
}

function tensorsOf(node: Node, loaded: ReadonlyMap<string, Dense>): ReadonlyMap<string, Dense> | undefined {
  let tensors: Map<string, Dense> | undefined;
  for (const [name, attr] of node.attrs) {
    const dense = attr.type === 'tensor' ? loaded.get(attr.value.key) : undefined;
    if (dense === undefined) continue;
    tensors ??= new Map();
    tensors.set(name, dense);
  }
  return tensors;
}
