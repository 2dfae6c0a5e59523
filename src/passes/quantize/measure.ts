/** Carries out the arithmetic of a plan: rows, scales, levels and the error against the weights before the first lossy step. */
import { countOf } from '#base/dtype.ts';
import type { ErrorSums, Levels, Rows } from '#kernels/kernels.ts';
import type { Desk } from '#passes/pass.ts';
import { SEARCH_CANDIDATES } from './options.ts';
import { layoutName, liesInRows, toRows } from './granularity.ts';
import type { WeightPlan } from './plan.ts';
import { chooseGrid } from './ranges.ts';

export interface Measured {
  readonly error: ErrorSums;
  /** One per row; signs included. */
  readonly scale: Float32Array;
  /** One per row, or a single one for all. */
  readonly zeroPoint: Int32Array;
  /** In row order, padding included; only when asked for. */
  readonly levels?: Levels;
}

/** Rows of a weight; a layout that differs from its own is made once and kept, so that changing bits or range reuses it. */
async function rowsOf(data: Float32Array, { grouping }: WeightPlan, desk: Desk): Promise<Rows> {
  const { rows, rowLength } = grouping;
  if (liesInRows(grouping)) return { data, rows, rowLength };
  const make = async (): Promise<Float32Array> => (await toRows(data, grouping, desk.kernels)).data;
  return { data: await desk.derive(data, layoutName(grouping), make), rows, rowLength };
}

export async function measureWeight(plan: WeightPlan, desk: Desk, want: 'levels' | 'error'): Promise<Measured> {
  const { target, grouping, scheme, options } = plan;
  const { kernels } = desk;
  const original = desk.original(target.value, target.tensor);
  const pristine = original.key === target.tensor.key;
  const rows = await rowsOf(await desk.floats(target.tensor), plan, desk);
  const method = { range: options.range, percentile: options.percentile, candidates: SEARCH_CANDIDATES };
  const chosen = await chooseGrid(rows, grouping, scheme, method, desk, plan.scaleType);
  const result = await kernels.quantize(chosen.rows, chosen.grid, pristine ? want : 'levels');
  const count = countOf(grouping.shape);
  let error = result.error;
  if (!pristine && result.levels !== undefined) {
    const restored = dequantizeRows(result.levels, rows, chosen.scale, chosen.grid.zeroPoint);
    error = await kernels.compare((await rowsOf(await desk.floats(original), plan, desk)).data, restored);
  }
  return {
    // Padding of short blocks is zero before and after: it adds nothing to the sums but its count.
    error: { ...error, count },
    scale: chosen.scale,
    zeroPoint: chosen.grid.zeroPoint,
    ...(want === 'levels' && result.levels !== undefined ? { levels: result.levels } : {}),
  };
}

/** x' = fround(scale * (q - zeroPoint)) with scales of either sign, which the kernels do not take. */
function dequantizeRows(levels: Levels, rows: Rows, scale: Float32Array, zeroPoint: Int32Array): Float32Array {
  const restored = new Float32Array(levels.length);
  for (let row = 0; row < rows.rows; row++) {
    const step = scale[row]!;
    const zero = zeroPoint[zeroPoint.length === 1 ? 0 : row]!;
    const end = Math.min(levels.length, (row + 1) * rows.rowLength);
    for (let i = row * rows.rowLength; i < end; i++) restored[i] = step * (levels[i]! - zero);
  }
  return restored;
}
