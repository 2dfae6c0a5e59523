/** A weight's levels, scales and zero points as constants of the file, in the layout that an operator wants. */
import { countOf } from '#base/dtype.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, Tensor, ValueId } from '#ir/model.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import type { Desk } from '#passes/pass.ts';
import { toTensor } from '#passes/quantize/granularity.ts';
import type { Measured } from '#passes/quantize/measure.ts';
import type { WeightPlan } from '#passes/quantize/plan.ts';

/** A weight's levels with its scales, as constants of the file. */
export interface StoredWeight {
  readonly levels: ValueId;
  readonly scale: ValueId;
  readonly zeroPoint: ValueId;
}

export function levelsOf(plan: WeightPlan, measured: Measured): Int8Array | Uint8Array {
  if (measured.levels === undefined) throw new Error('levels were not asked for');
  return toTensor(measured.levels, plan.grouping) as Int8Array | Uint8Array;
}

/** [outer, rows, columns] to [outer, columns, rows]. */
export function transposeLast(
  levels: Int8Array | Uint8Array,
  outer: number,
  rows: number,
  columns: number,
): Int8Array | Uint8Array {
  const turned = levels.slice();
  for (let o = 0; o < outer; o++) {
    const base = o * rows * columns;
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) turned[base + c * rows + r] = levels[base + r * columns + c]!;
    }
  }
  return turned;
}

export interface Layout {
  readonly levels: Int8Array | Uint8Array;
  /** Whether rows and columns were swapped. */
  readonly turned?: boolean;
  readonly shape: readonly number[];
  readonly scale: Float32Array;
  readonly scaleShape: readonly number[];
  /** null: none is needed. */
  readonly zeroShape: readonly number[] | null;
}

/** Weights as they were stored, each once however many layers read it in that layout. */
export class StoredWeights {
  readonly #stored = new Map<string, StoredWeight>();
  readonly #edit: Editor;
  readonly #desk: Desk;

  constructor(edit: Editor, desk: Desk) {
    this.#edit = edit;
    this.#desk = desk;
  }

  /** For the graph of `node`. */
  store(node: Node, plan: WeightPlan, layout: Layout): StoredWeight {
    const { levels, turned, shape, scale, scaleShape, zeroShape } = layout;
    const home = this.#edit.pathOf(node);
    const { value } = plan.target;
    const parts = [value, plan.scheme.name, shape, turned, scaleShape, zeroShape, scale[0], home];
    const key = JSON.stringify(parts);
    const known = this.#stored.get(key);
    if (known !== undefined) return known;
    const { name } = this.#edit.value(value);
    const put = (suffix: string, tensor: Tensor): ValueId =>
      this.#edit.addConstant(`${name}_${suffix}`, tensor, undefined, home);
    const data = put('quantized', this.#desk.weights.put(plan.dataType, shape, copyBytes(levels)));
    const scales = put('scale', floatTensor(this.#desk, scale, scaleShape));
    const zeros = new Uint8Array(countOf(zeroShape ?? [])).fill(plan.scheme.middle);
    const zeroPoint =
      zeroShape === null ? scales : put('zero_point', this.#desk.weights.put(plan.dataType, zeroShape, zeros));
    const stored = { levels: data, scale: scales, zeroPoint };
    this.#stored.set(key, stored);
    return stored;
  }
}

export function floatTensor(desk: Desk, data: Float32Array, shape: readonly number[]): Tensor {
  return desk.weights.put('f32', shape, copyBytes(data));
}
