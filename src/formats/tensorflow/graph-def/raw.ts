/** A TensorFlow graph as its file has it, binary or JSON: nodes with references as text, and functions that are called. */
import type { Quantization, Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

export type RawAttr =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'bool'; readonly value: boolean }
  | { readonly kind: 'string'; readonly value: string }
  /** Number of the type, see data-type.ts. */
  | { readonly kind: 'type'; readonly value: number }
  | { readonly kind: 'shape'; readonly value: readonly (number | null)[] | null }
  | { readonly kind: 'tensor'; readonly value: RawTensor }
  | { readonly kind: 'function'; readonly value: string; readonly attrs: ReadonlyMap<string, RawAttr> }
  /** In a function that serves several types: the caller's attribute of that name. */
  | { readonly kind: 'placeholder'; readonly value: string }
  | { readonly kind: 'list'; readonly value: readonly RawAttr[] };

/** A constant that has not been read yet. */
export interface RawTensor {
  /** Number of the type. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Its packed bytes where they are few and at hand without reading the file. */
  small(): Uint8Array | undefined;
  /** Links it in the store, once. */
  load(store: WeightStore): Promise<LoadedTensor>;
}

export interface LoadedTensor {
  readonly tensor: Tensor;
  readonly bytes?: Uint8Array;
  readonly quantization?: Quantization;
}

export interface RawNode {
  readonly name: string;
  readonly op: string;
  /** `node`, `node:1`, `^control`; in functions `argument`, `node:output:0`. */
  readonly inputs: readonly string[];
  readonly attrs: ReadonlyMap<string, RawAttr>;
}

/** An argument or result of a function; `count` names the attribute that says how many or which types it stands for. */
export interface RawArgument {
  readonly name: string;
  readonly type: number;
  /** Type of a function that serves several: the attribute that says it. */
  readonly typeAttr?: string;
  readonly shape?: readonly (number | null)[] | null;
}

export interface RawFunction {
  readonly name: string;
  readonly inputs: readonly RawArgument[];
  readonly outputs: readonly RawArgument[];
  readonly nodes: readonly RawNode[];
  /** Name of a result to the reference that gives it. */
  readonly results: ReadonlyMap<string, string>;
  /** Texts that name what the function does, such as `api_implements`. */
  readonly attrs: ReadonlyMap<string, RawAttr>;
}

export interface RawGraph {
  /** Name of the file, for refusals. */
  readonly file: string;
  readonly nodes: readonly RawNode[];
  readonly functions: ReadonlyMap<string, RawFunction>;
}
