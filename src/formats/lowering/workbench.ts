/** What the parts of the lowering use besides its contract: values as they lie. */
import type { Quantization, Shape, ValueId } from '#ir/model.ts';
import type { Lowering, NodeOptions, Operand } from './lowering.ts';
import type { View } from './views.ts';

export interface Workbench extends Lowering {
  /** Emits an operator on values as they lie; results lie as the operator gives them. */
  emit(op: string, inputs: readonly (ValueId | null)[], options: NodeOptions): readonly ValueId[];
  /** The value with the axes as `to` says; a Transpose where they lie otherwise. */
  materialize(operand: Operand, to?: View): ValueId;
  physicalShape(id: ValueId): Shape | null;
  quantizationOf(id: ValueId): Quantization | undefined;
  isConstant(id: ValueId): boolean;
  /** Remembers that a value is another one flattened, first axis kept, after it was brought into the source's order. */
  noteFlattened(id: ValueId, of: Operand): void;
  flattenedFrom(id: ValueId): Operand | undefined;
  /** Gives a value that stands for another one the other's grid. */
  copyGrid(from: ValueId, to: ValueId): void;
  /** A constant as it lies, under another shape. */
  relabeled(id: ValueId, shape: readonly number[]): ValueId | undefined;
}
