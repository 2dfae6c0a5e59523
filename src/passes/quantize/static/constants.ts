/** Constants that become integers: how each is to be rounded, its scales, and the error that this makes. */
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Tensor, ValueId } from '#ir/model.ts';
import type { ErrorSums, Rows } from '#kernels/kernels.ts';
import type { Desk } from '#passes/pass.ts';
import {
  groupChannels,
  groupTensor,
  layoutName,
  liesInRows,
  toRows,
  toTensor,
  type Grouping,
} from '#passes/quantize/granularity.ts';
import { SEARCH_CANDIDATES } from '#passes/quantize/options.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import { fullRange, scaleOf, spreadOver, toLevels, type LevelType } from './numbers.ts';

export interface ConstantPlan {
  readonly value: ValueId;
  readonly name: string;
  readonly tensor: Tensor;
  /** The layers that read it on this grid, the owner first. */
  readonly readers: readonly Node[];
  /** Multiplied with (a weight) or an operand like an activation. */
  readonly kind: 'weight' | 'activation';
  readonly type: LevelType;
  readonly symmetric: boolean;
  readonly reduced: boolean;
  readonly range: 'minmax' | 'mse';
  readonly narrowest: number;
  readonly grouping: Grouping;
}

/** One scale and zero point for each row. Scales may be widened afterwards. */
export interface ConstantGrid {
  readonly scale: Float32Array;
  readonly zeroPoint: Int32Array;
}

export function groupingFor(shape: readonly number[], axis: number | undefined): Grouping {
  return axis === undefined ? groupTensor(shape) : groupChannels(shape, axis);
}

export async function chooseGrid(plan: ConstantPlan, desk: Desk): Promise<ConstantGrid> {
  const rows = await rowsOf(plan, await desk.floats(plan.tensor), desk);
  const { type, symmetric, reduced, narrowest } = plan;
  const spread = spreadOver(type, symmetric, reduced);
  const scale = new Float32Array(rows.rows);
  const zeroPoint = new Int32Array(rows.rows);
  if (plan.range === 'mse') {
    const signed = type === 'i8' || type === 'i16';
    const bits = type === 'i8' || type === 'u8' ? 8 : 16;
    const search = { bits, signed, ...spread, symmetric, divisor: (spread.high - spread.low) / 2 } as const;
    const found = await desk.kernels.searchScale(rows, { ...search, candidates: SEARCH_CANDIDATES });
    for (let row = 0; row < scale.length; row++) {
      const usable = found.scale[row]! > 0;
      scale[row] = usable ? found.scale[row]! : 1;
      zeroPoint[row] = usable ? found.zeroPoint[row]! : 0;
    }
    return { scale, zeroPoint };
  }
  const { min, max } = await desk.kernels.minMax(rows);
  for (let row = 0; row < scale.length; row++) {
    const chosen = scaleOf({ low: min[row]!, high: max[row]! }, spread, symmetric, narrowest);
    scale[row] = chosen.scale;
    zeroPoint[row] = chosen.zeroPoint;
  }
  return { scale, zeroPoint };
}

/** Error against the weights before the first lossy step. */
export async function errorOf(plan: ConstantPlan, { scale, zeroPoint }: ConstantGrid, desk: Desk): Promise<ErrorSums> {
  const { kernels } = desk;
  const original = desk.original(plan.value, plan.tensor);
  const floats = await desk.floats(plan.tensor);
  const rows = await rowsOf(plan, floats, desk);
  const signed = plan.type === 'i8' || plan.type === 'i16';
  const bits = plan.type === 'i8' || plan.type === 'u8' ? 8 : 16;
  const grid = { bits, signed, ...fullRange(plan.type), scale, zeroPoint } as const;
  if (original.key === plan.tensor.key) return (await kernels.quantize(rows, grid, 'error')).error;
  const { levels } = await kernels.quantize(rows, grid, 'levels');
  if (levels === undefined) throw new Error('levels were asked for');
  const restored = await kernels.dequantize(levels, rows.rows, rows.rowLength, grid);
  return kernels.compare((await rowsOf(plan, await desk.floats(original), desk)).data, restored);
}

/** The levels in the order of the tensor, put into the store. */
export async function storeLevels(plan: ConstantPlan, grid: ConstantGrid, desk: Desk): Promise<Tensor> {
  const rows = await rowsOf(plan, await desk.floats(plan.tensor), desk);
  const levels = toLevels(rows.data, rows.rowLength, plan.type, grid);
  return desk.weights.put(plan.type, plan.tensor.shape, copyBytes(toTensor(levels, plan.grouping)));
}

/** Bytes in the file: levels, scales and zero points. */
export function storedBytes(plan: ConstantPlan): number {
  const bytes = plan.type === 'i8' || plan.type === 'u8' ? 1 : 2;
  return countOf(plan.tensor.shape) * bytes + plan.grouping.rows * (4 + bytes);
}

/** The weights as rows that share a scale. */
export async function rowsOf({ grouping }: ConstantPlan, data: Float32Array, desk: Desk): Promise<Rows> {
  const { rows, rowLength } = grouping;
  if (liesInRows(grouping)) return { data, rows, rowLength };
  const make = async (): Promise<Float32Array> => (await toRows(data, grouping, desk.kernels)).data;
  return { data: await desk.derive(data, layoutName(grouping), make), rows, rowLength };
}

/** The float32 behind a constant, for small things such as biases. */
export async function readFloats(edit: Editor, id: ValueId, desk: Desk): Promise<Float32Array> {
  const tensor = edit.constantOf(id);
  if (tensor === undefined) throw new Error(`${edit.value(id).name} is not a constant`);
  return desk.floats(tensor);
}
