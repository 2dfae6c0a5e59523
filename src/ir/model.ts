/**
 * The model as immutable plain data: structure without weight bytes. It can be posted to a page, kept for undo and
 * compared as it is. Operator semantics are those of ONNX at the opset the model declares; layout is NCHW.
 */
import type { DType } from '#base/dtype.ts';

/** A size: known, or a name that only the caller resolves (`batch`), or `null` when nothing is known. */
export type Dim = number | string | null;
export type Shape = readonly Dim[];

export type ValueId = number & { readonly __brand: 'ValueId' };
export type NodeId = number & { readonly __brand: 'NodeId' };

/** A claim ticket for bytes in the weight store. `key` is unique for the life of the store. */
export interface Tensor {
  readonly key: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/**
 * How stored integers stand for real numbers: real = scale * (q - zeroPoint). On a value whose `constant` holds integers, or,
 * with `levels`, on a value that is computed: whoever reads it, a graph output included, sees it rounded to this grid.
 * The value's own dtype stays the real one.
 */
export interface Quantization {
  /** f32 or f16. Shape: scalar (tensor), [channels] (axis), or the data's shape with `axis` divided by `block`. */
  readonly scale: Tensor;
  /** Same dtype as the stored integers, same shape as scale; absent means 0. */
  readonly zeroPoint?: Tensor;
  readonly axis?: number;
  readonly block?: number;
  /** Convention by name, such as `int4-symmetric-15`, kept in the file's metadata. */
  readonly convention?: string;
  /**
   * How a writer should spell it; without it, the fused operator where one applies. `qoperator` on an activation: operators
   * of integers in the whole model, instead of QuantizeLinear and DequantizeLinear around float ones.
   */
  readonly form?: 'dequantize' | 'nbits' | 'qoperator';
  /** Type of the integers of a value that is not constant (an activation); absent on constants, whose `constant` has it. */
  readonly levels?: DType;
}

export interface Value {
  readonly id: ValueId;
  readonly name: string;
  /** null: not known. */
  readonly dtype: DType | null;
  /** null: rank not known. */
  readonly shape: Shape | null;
  readonly constant?: Tensor;
  readonly quantization?: Quantization;
  /** Non-tensor types (sequence, optional, map) and anything else in the type that has no field here, verbatim. */
  readonly rawType?: Uint8Array;
  /** True when the file itself declared this type (graph input, output or value_info) rather than inference. */
  readonly declared?: boolean;
  readonly doc?: string;
  /** Fields of the source's record that have no place above, verbatim, so that a round trip loses nothing. */
  readonly extra?: Uint8Array;
}

/** `extra`: fields of the source's record that have no place here, verbatim, so that a round trip loses nothing. */
export type Attr = AttrContent & { readonly extra?: Uint8Array };

export type AttrContent =
  | { readonly type: 'int'; readonly value: number | bigint }
  | { readonly type: 'float'; readonly value: number }
  | { readonly type: 'string'; readonly value: Uint8Array }
  | { readonly type: 'ints'; readonly value: readonly (number | bigint)[] }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly Uint8Array[] }
  | { readonly type: 'tensor'; readonly value: Tensor; readonly name?: string }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  /** Anything else (sparse tensors, types, references inside functions), verbatim. */
  | { readonly type: 'raw'; readonly value: Uint8Array };

export type Attrs = ReadonlyMap<string, Attr>;

export interface Node {
  readonly id: NodeId;
  /** Unique in the model; made up from operator and position where the file gave none or a duplicate. */
  readonly name: string;
  /** The name in the file where it differs from `name` (missing or duplicate), so that a round trip keeps it. */
  readonly sourceName?: string;
  readonly op: string;
  /** Empty string: the default ONNX domain. */
  readonly domain: string;
  /** null: an optional input left out. Inputs of nodes in a subgraph may name values of the graphs around it. */
  readonly inputs: readonly (ValueId | null)[];
  readonly outputs: readonly (ValueId | null)[];
  readonly attrs: Attrs;
  readonly doc?: string;
  readonly extra?: Uint8Array;
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly ValueId[];
  readonly outputs: readonly ValueId[];
  /** In execution order. */
  readonly nodes: readonly Node[];
  /** Values that this graph defines: inputs, constants and node outputs. Ids are unique across the whole model. */
  readonly values: ReadonlyMap<ValueId, Value>;
  readonly doc?: string;
  readonly extra?: Uint8Array;
}

export interface Model {
  readonly name: string;
  readonly graph: Graph;
  /** Domain to version; the default domain is the empty string. */
  readonly opsets: ReadonlyMap<string, number>;
  readonly irVersion: number;
  readonly producer: { readonly name: string; readonly version: string };
  readonly domain?: string;
  readonly modelVersion?: number | bigint;
  readonly doc?: string;
  readonly metadata: ReadonlyMap<string, string>;
  /** Local functions, verbatim. */
  readonly functions: readonly Uint8Array[];
  readonly extra?: Uint8Array;
  readonly source: ModelSource;
}

export interface ModelSource {
  readonly format: 'onnx' | 'tflite' | 'keras' | 'savedmodel' | 'tfjs' | 'made';
  /** Name of the file as the person knows it. */
  readonly file: string;
  readonly sizeBytes: number;
  /** Whether weights lay in a separate file, and its path, so that a round trip writes them the same way. */
  readonly externalData?: string;
}
