/**
 * The contract of the one lowering that all readers of foreign formats share: a builder that takes operators of ONNX in the
 * source's own layout, keeps the layout that costs least, folds shape arithmetic, and ends in a model.
 *
 * A reader works on `Operand`s, whose shape and axes are always those of the source ("logical"). How the elements really lie
 * is the lowering's matter: `transpose` costs nothing and only turns the view, a convolution asks for channels first, and
 * operators that do not mind keep what they get. A Transpose node appears only where two needs cannot be reconciled.
 *
 * Given:  y = Conv2D<NHWC>(x, w); z = Relu(y)
 * Calls:  y = convolve(x, w, ...); z = node('Relu', [y])
 * Result: t = Transpose<perm=[0, 3, 1, 2]>(x); y = Conv(t, w); z = Relu(y), seen through the view [0, 2, 3, 1]
 */
import type { DType } from '#base/dtype.ts';
import type { Notice } from '#base/notice.ts';
import type { Attr, Dim, Graph, Model, ModelSource, Quantization, Shape, Tensor, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

/** A tensor of the source model: a value of the graph that is made, seen through an order of its axes. */
export interface Operand {
  readonly id: ValueId;
  /** Axis `i` of the source is axis `view[i]` of the value; undefined: as it lies. */
  readonly view?: readonly number[];
}

/** What `node` takes besides operator and inputs. */
export interface NodeOptions {
  /** Name in the source. Made unique. */
  readonly name: string;
  /** Names of the outputs in the source, one for each output; left out: one output, named as the node. */
  readonly outputs?: readonly (string | null)[];
  readonly attrs?: Readonly<Record<string, AttrInput>>;
  readonly domain?: string;
  /** Types in the source's layout, for operators whose rule cannot tell. */
  readonly types?: readonly { readonly dtype: DType | null; readonly shape: Shape | null }[];
}

/** Attributes as plain values: a whole `number` is an int, `{ float }` forces a float, a list of whole numbers is ints. */
export type AttrInput =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly graph: Graph }
  | Attr;

/** `SAME` and `VALID` as TensorFlow means them; else pads before all spatial axes, then after them, as ONNX lists them. */
export type Padding = 'SAME' | 'VALID' | readonly number[];

export interface SpatialOptions {
  readonly name: string;
  readonly output?: string;
  /** One for each spatial axis. */
  readonly strides: readonly number[];
  readonly padding: Padding;
  readonly dilations?: readonly number[];
  /** Axes of the input and of the result: batch, spatial, channels (the default) or batch, channels, spatial. */
  readonly channelsFirst?: boolean;
}

export interface ConvolutionOptions extends SpatialOptions {
  /** 1 by default; the number of input channels for a depthwise convolution. */
  readonly groups?: number;
}

export interface TransposedConvolutionOptions extends SpatialOptions {
  readonly groups?: number;
  /** Sizes of the result's spatial axes, where the source gives them: they decide the pads. */
  readonly outputSizes?: readonly number[];
  readonly outputPadding?: readonly number[];
}

export interface PoolOptions extends SpatialOptions {
  readonly kind: 'max' | 'average';
  /** Size of the window on each spatial axis. */
  readonly window: readonly number[];
  /** Average only: whether padded places count; false by default, as in TensorFlow. */
  readonly countPadding?: boolean;
}

export interface ResizeOptions {
  readonly name: string;
  readonly output?: string;
  readonly mode: 'nearest' | 'linear' | 'cubic';
  /** Sizes of the result's spatial axes. */
  readonly sizes: Operand | readonly number[];
  readonly alignCorners?: boolean;
  readonly halfPixelCenters?: boolean;
  readonly channelsFirst?: boolean;
}

export interface RecurrentOptions {
  readonly name: string;
  readonly output?: string;
  readonly direction: 'forward' | 'reverse';
  readonly hidden: number;
  /** Whether the first axis of input and output is time; else batch, time, features. */
  readonly timeMajor?: boolean;
  /** ONNX names in ONNX order; the operator's own by default. */
  readonly activations?: readonly string[];
  /** GRU: whether the reset gate is applied after the product (`reset_after`). */
  readonly linearBeforeReset?: boolean;
  /** LSTM and GRU: cell values are clipped to ± this. */
  readonly clip?: number;
  /** [batch, hidden] each: h, and c for LSTM; zeros where left out. */
  readonly initial?: readonly (Operand | null)[];
}

/** A recurrent layer's results in the source's layout. */
export interface RecurrentResult {
  /** [batch, time, hidden], or [time, batch, hidden] when `timeMajor`. */
  readonly sequence: Operand;
  /** [batch, hidden]. */
  readonly last: Operand;
  /** [batch, hidden]: LSTM only. */
  readonly cell?: Operand;
}

export interface OpaqueOptions {
  readonly name: string;
  readonly outputs: readonly string[];
  /** Of the source: `tflite`, `tensorflow`, `keras`. */
  readonly domain: 'tflite' | 'tensorflow' | 'keras';
  readonly reason: string;
  readonly hint: string;
  readonly types?: readonly { readonly dtype: DType | null; readonly shape: Shape | null }[];
  /** Options of the operator in the source's own bytes, so that nothing is lost. */
  readonly options?: Uint8Array;
}

export interface LoweringOptions {
  readonly store: WeightStore;
  readonly name: string;
  readonly source: ModelSource;
  /** 17 by default; readers that meet 4-bit integers, 16-bit levels or Gelu ask for more at the start. */
  readonly opset?: number;
  readonly producer?: Model['producer'];
  readonly metadata?: ReadonlyMap<string, string>;
}

export interface Lowering {
  readonly store: WeightStore;
  readonly opset: number;

  // --- values -------------------------------------------------------------------------------------------------------------

  /** An input of the model. Names stand for sizes that the caller chooses: `batch`. */
  input(name: string, dtype: DType, shape: Shape): Operand;
  /**
   * A constant of the source. `bytes`, where the reader has them at hand, let shape arithmetic be folded: give them for
   * integers and for floats up to 4096 elements. With `quantization` it holds levels (axes are the source's).
   */
  constant(
    name: string,
    tensor: Tensor,
    more?: { readonly bytes?: Uint8Array; readonly quantization?: Quantization },
  ): Operand;
  /** Small constants that the reader makes up: an axis list, an epsilon. 64-bit integers unless said otherwise. */
  small(values: readonly number[] | number, dtype?: DType, name?: string): Operand;
  /** A constant that follows from others without being read now: gates put in another order, two kernels joined. */
  derived(
    name: string,
    dtype: DType,
    shape: readonly number[],
    from: readonly Operand[],
    make: (bytes: readonly Uint8Array[]) => Uint8Array,
  ): Operand;
  /** An output of the model, in the source's layout. The value takes the name. */
  output(name: string, operand: Operand): void;
  /**
   * Rounds a computed operand to a grid of one scale; its levels are `quantization.levels`. Returns the rounded operand, which
   * is a copy where the value has another grid already: use it from there on.
   */
  round(operand: Operand, quantization: Quantization): Operand;

  // --- what is known ------------------------------------------------------------------------------------------------------

  dtype(operand: Operand): DType | null;
  /** In the source's layout. */
  shape(operand: Operand): Shape | null;
  /** Throws a refusal when the rank is not known. */
  rank(operand: Operand): number;
  /** The constant behind an operand in the source's layout, where it is one. */
  constantOf(operand: Operand): { readonly tensor: Tensor; readonly quantization?: Quantization } | undefined;
  /** Values of a small tensor, all known; row-major in the source's layout. */
  numbers(operand: Operand): readonly number[] | undefined;
  /** Values of a small integer tensor, some perhaps names (`batch`) or unknown. */
  elements(operand: Operand): readonly Dim[] | undefined;

  // --- operators ----------------------------------------------------------------------------------------------------------

  /**
   * An operator of ONNX, with axes and settings in the source's layout. Elementwise operators, reductions, concatenation
   * and others that do not mind keep the view of their inputs; others get inputs as the source lays them.
   * All-constant small integers and shape arithmetic are folded. Returns one operand for each output.
   */
  node(op: string, inputs: readonly (Operand | null)[], options: NodeOptions): readonly Operand[];
  /** As `node`, of the operators with one output. */
  apply(op: string, inputs: readonly (Operand | null)[], options: NodeOptions): Operand;
  /** The same elements with axes in another order: result axis `i` is axis `order[i]`. Makes no node. */
  transpose(operand: Operand, order: readonly number[]): Operand;
  /** `sizes` may hold one -1; an operand may be partly known (named sizes), and is then turned into the list that holds for every run. */
  reshape(
    operand: Operand,
    sizes: readonly number[] | Operand,
    options: { readonly name: string; readonly output?: string },
  ): Operand;
  /** `axis` list of a reduction such as `ReduceMean`: attribute or input, whichever the opset wants. */
  reduce(
    op: string,
    operand: Operand,
    axes: readonly number[],
    options: { readonly name: string; readonly output?: string; readonly keepDims: boolean },
  ): Operand;
  /** `weights`: [out, in / groups, ...spatial]. `bias`: [out]. */
  convolve(x: Operand, weights: Operand, bias: Operand | null, options: ConvolutionOptions): Operand;
  /** `weights`: [in, out / groups, ...spatial], as ONNX ConvTranspose wants them. */
  convolveTransposed(
    x: Operand,
    weights: Operand,
    bias: Operand | null,
    options: TransposedConvolutionOptions,
  ): Operand;
  pool(x: Operand, options: PoolOptions): Operand;
  resize(x: Operand, options: ResizeOptions): Operand;
  /** BatchNormalization at inference: all four [channels]. */
  normalizeBatch(
    x: Operand,
    affine: { readonly scale: Operand; readonly shift: Operand; readonly mean: Operand; readonly variance: Operand },
    options: {
      readonly name: string;
      readonly output?: string;
      readonly epsilon: number;
      readonly channelsFirst?: boolean;
    },
  ): Operand;
  /** `weights` is [in, out] when `transposed` is false (the default), else [out, in]: Gemm on rank 2, else MatMul and Add. */
  dense(
    x: Operand,
    weights: Operand,
    bias: Operand | null,
    options: { readonly name: string; readonly output?: string; readonly transposed?: boolean },
  ): Operand;
  /** x: [batch, time, in] (or time first). W: [1, gates * hidden, in], R: [1, gates * hidden, hidden], B: [1, 2 * gates * hidden], gates in ONNX order. */
  recurrent(
    op: 'LSTM' | 'GRU' | 'RNN',
    x: Operand,
    weights: { readonly W: Operand; readonly R: Operand; readonly B: Operand | null },
    options: RecurrentOptions,
  ): RecurrentResult;
  /** An operator that has no counterpart in ONNX: kept by name, so that the rest can be inspected. Never throws. */
  opaque(operator: string, inputs: readonly (Operand | null)[], options: OpaqueOptions): readonly Operand[];

  // --- branches and the end -----------------------------------------------------------------------------------------------

  /**
   * A subgraph for If or Loop, built by the same rules; it may read operands from around it. Its inputs come first in
   * `build`'s arguments; what `build` returns are its outputs, as the source lays them.
   */
  subgraph(
    name: string,
    inputs: readonly { readonly name: string; readonly dtype: DType; readonly shape: Shape | null }[],
    build: (inside: Lowering, inputs: readonly Operand[]) => readonly Operand[],
  ): Graph;
  notice(notice: Notice): void;
  /** Drops what no output needs, and gives the model. */
  finish(): { readonly model: Model; readonly notices: readonly Notice[] };
}
