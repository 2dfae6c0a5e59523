/** A .tflite file as it describes itself: subgraphs of tensors and operators, places of buffers, signatures. Knows no operator. */
import type { ElementType } from './schema.ts';
import type { OptionValue } from './fields.ts';

/** Bytes of a constant, where they lie in the file. */
export interface BufferPlace {
  readonly offset: number;
  readonly length: number;
}

export interface TensorQuantization {
  readonly scale: readonly number[];
  readonly zeroPoint: readonly bigint[];
  /** The axis that scales belong to, when there are several. */
  readonly axis: number;
  /** Scales for blocks, which are a tensor of their own. */
  readonly blocks?: { readonly scales: number; readonly zeroPoints: number; readonly size: number };
}

/** One axis of a sparse constant: dense, or the indices that are there for each segment. */
export interface SparseAxis {
  readonly size: number;
  readonly segments?: readonly number[];
  readonly indices?: readonly number[];
}

export interface Sparsity {
  readonly traversal: readonly number[];
  readonly blockMap: readonly number[];
  readonly axes: readonly SparseAxis[];
}

export interface TfliteTensor {
  readonly index: number;
  readonly name: string;
  readonly shape: readonly number[];
  /** As `shape`, with -1 where a size is up to the caller; absent where all are fixed. */
  readonly shapeSignature?: readonly number[];
  readonly type: ElementType;
  readonly buffer: BufferPlace | undefined;
  /** Keeps its value from one run to the next. */
  readonly isVariable: boolean;
  readonly quantization?: TensorQuantization;
  readonly sparsity?: Sparsity;
}

export interface TfliteOperator {
  readonly code: number;
  /** Name of the builtin, or of the custom operator. */
  readonly name: string;
  readonly custom: boolean;
  /** -1: an optional one that is left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: Readonly<Record<string, OptionValue>>;
  readonly customOptions: Uint8Array;
}

export interface TfliteSubgraph {
  readonly name: string;
  readonly tensors: readonly TfliteTensor[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly operators: readonly TfliteOperator[];
}

export interface TfliteSignature {
  readonly key: string;
  readonly subgraph: number;
  /** Names that callers use, by tensor. */
  readonly inputs: ReadonlyMap<number, string>;
  readonly outputs: ReadonlyMap<number, string>;
}

export interface TfliteFile {
  readonly description: string;
  readonly subgraphs: readonly TfliteSubgraph[];
  readonly signatures: readonly TfliteSignature[];
  /** Names of what lies in the file beside the model, such as `TFLITE_METADATA`. */
  readonly metadata: readonly string[];
}
