/**
 * A TensorFlow graph that is ready to be lowered: one list of nodes with calls inlined and variables frozen to constants. What
 * SavedModels, frozen graphs and TF.js graph models have in common once they are read.
 */
import type { DType } from '#base/dtype.ts';
import type { Quantization, Tensor } from '#ir/model.ts';

/** One output of a node. */
export interface TfRef {
  readonly node: string;
  readonly output: number;
}

/** An attribute by the kind that the file gives it; shapes hold null for sizes that are not known, and are null of unknown rank. */
export type TfAttr =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  /** null: a type that has no counterpart here, such as a resource or a variant. */
  | { readonly kind: 'type'; readonly value: DType | null }
  | { readonly kind: 'shape'; readonly value: readonly (number | null)[] | null }
  /** With `quantization` the tensor holds levels of a float constant (quantized weights of TF.js): hand both to `lowering.constant`. */
  | {
      readonly kind: 'tensor';
      readonly value: Tensor;
      readonly bytes?: Uint8Array;
      readonly quantization?: Quantization;
    }
  | { readonly kind: 'function'; readonly value: string }
  | { readonly kind: 'list'; readonly value: readonly TfAttr[] };

export interface TfNode {
  /** Unique in its graph; nodes of inlined calls carry the caller's name in front. */
  readonly name: string;
  readonly op: string;
  /** Data inputs in order; control edges are gone. */
  readonly inputs: readonly TfRef[];
  /** As stored: attributes at their default value may be missing, so read them with the default of the operator. */
  readonly attrs: ReadonlyMap<string, TfAttr>;
}

export interface TfInput {
  /** What callers name it: the key of the signature, or the node's name in a frozen graph. */
  readonly name: string;
  /** Its node, of operator `Placeholder`. */
  readonly node: string;
  /** null only in bodies: a variant, which is a list of tensors that a loop carries. */
  readonly dtype: DType | null;
  readonly shape: readonly (number | null)[] | null;
}

export interface TfOutput {
  readonly name: string;
  readonly ref: TfRef;
}

/**
 * Body of a While, branch of an If: its inputs are the caller's, in order. Variables are no inputs: they are frozen inside, and
 * the caller's inputs (and a While's outputs) that were handles of variables are gone too.
 */
export interface TfBody {
  readonly name: string;
  readonly inputs: readonly TfInput[];
  readonly outputs: readonly TfOutput[];
  /** In execution order: a node comes after those that it reads. */
  readonly nodes: readonly TfNode[];
}

export interface TfGraph extends TfBody {
  /** Bodies that nodes name in attributes of kind `function` (While, If and their stateless forms), flat like the graph itself. */
  readonly functions: ReadonlyMap<string, TfBody>;
}
