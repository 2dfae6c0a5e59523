/** What an output of a TensorFlow node is held as while its graph is lowered. */
import type { DType } from '#base/dtype.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfRef } from '#formats/tensorflow/graph.ts';

/** A list of tensors of one shape (`TensorList`, the arrays of loops), held as one tensor with the items along axis 0. */
export interface TfList {
  readonly kind: 'list';
  readonly dtype: DType;
  /** Shape of an item, null where it is not known. */
  readonly item: readonly (number | null)[] | null;
  /** How many items it has, where that is known. */
  readonly count: Operand | null;
  /** The items; null while nothing was written. */
  readonly items: Operand | null;
  /** In the body of a loop: what is written there in each round becomes an item, so nothing is written at once. */
  readonly scan?: { readonly written: Operand | null };
}

/** A product (convolution, matrix) that waits for the bias after it, so that both become one operator. */
export interface TfPending {
  readonly kind: 'pending';
  /** Emits it: with a bias, under the name of the output that then holds both. */
  readonly emit: (bias: Operand | null, output: string) => Operand;
}

/** Complex numbers as two tensors. */
export interface TfComplex {
  readonly kind: 'complex';
  readonly real: Operand;
  readonly imaginary: Operand;
}

/** The side of a TF1 `Switch` that is not taken. */
export interface TfDead {
  readonly kind: 'dead';
}

export type Held = Operand | TfList | TfPending | TfComplex | TfDead;

export function isOperand(held: Held): held is Operand {
  return !('kind' in held);
}

export function keyOf(ref: TfRef): string {
  return `${ref.output}:${ref.node}`;
}
