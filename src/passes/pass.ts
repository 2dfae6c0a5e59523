/**
 * The contract of a pass. A pass declares what it is; the runner checks it. Name and summary are the menu entry, the help
 * text and the docs; the options schema is the form, the flags and the bounds.
 */
import type { z } from 'zod';
import type { OnProgress } from '#base/progress.ts';
import type { Notice } from '#base/notice.ts';
import type { Backend, ErrorSums, Kernels } from '#kernels/kernels.ts';
import type { Editor } from '#ir/editor.ts';
import type { Tensor, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

/** What a pass keeps: every bit of every output, every value up to float rounding, or only accuracy. */
export type Keeps = 'bits' | 'values' | 'accuracy';

/** What happened to one layer's weight, or why nothing did. */
export interface LedgerEntry {
  /** Node name; for graph-wide work the empty string. */
  readonly layer: string;
  /** Name of the weight, where the entry is about one. */
  readonly weight?: string;
  readonly action: 'changed' | 'left';
  /** Stable code, such as `too-small`, `excluded`, `not-constant`, `block-does-not-divide`. */
  readonly code: string;
  /** One sentence: what was done, or why the layer was left alone and what would change that. */
  readonly text: string;
  readonly outcome?: WeightOutcome;
}

/** Measured result for one weight tensor. */
export interface WeightOutcome {
  readonly value: ValueId;
  readonly bits: number;
  /** Bytes before and after in the file, scales and zero points included. */
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Weights after this pass against the weights before the first lossy pass. */
  readonly error: ErrorSums;
  readonly granularity?: 'tensor' | 'channel' | 'block';
  readonly block?: number;
  readonly axis?: number;
  readonly convention?: string;
  /** Share of weights that are exactly zero, 0 to 1. */
  readonly sparsity?: number;
}

/** How the range of an activation is chosen from what was seen of it. */
export interface RangeChoice {
  readonly method: 'minmax' | 'moving-average' | 'percentile' | 'entropy' | 'mse';
  /** Share of values that is not clipped, in percent: `percentile` only. */
  readonly percentile?: number;
  /** Weight of the newest sample: `moving-average` only. */
  readonly averaging?: number;
  /** Width of the levels that the range is for, and whether they lie evenly about zero: `entropy` and `mse` depend on it. */
  readonly bits: number;
  readonly symmetric: boolean;
}

/** What calibration saw of one activation, and the range that was chosen. All in real units. */
export interface ActivationRange {
  readonly low: number;
  readonly high: number;
  readonly min: number;
  readonly max: number;
  /** Elements seen. */
  readonly count: number;
  /** Share of elements outside the chosen range, 0 to 1. */
  readonly clipped: number;
  /** Mean of each channel, where channels were asked for. */
  readonly channelMeans?: Float64Array;
}

/** What was measured about activations on the person's data. Measured once; other choices of ranges need no second run. */
export interface Evidence {
  /** `100 samples of kws01.npz in onnxruntime-web 1.30 (wasm, 1 thread)`. */
  readonly description: string;
  /**
   * Ranges of float values of the model as it stands before the step. Values that no sample reached (in a branch that was
   * never taken) or that the runtime cannot show (inside subgraphs) are left out. NaN or infinity is refused, with the
   * tensor and the sample named. `channelAxes`: the axis along which means are wanted too, for some of the values.
   */
  ranges(
    values: readonly ValueId[],
    choice: RangeChoice,
    channelAxes?: ReadonlyMap<ValueId, number>,
  ): Promise<ReadonlyMap<ValueId, ActivationRange>>;
}

/** Everything a pass may use besides the editor. */
export interface Desk {
  readonly weights: WeightStore;
  readonly kernels: Kernels;
  readonly backend: Backend;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /**
   * In a preview nothing needs to be written: the pass measures each layer and leaves the model as it is. Only the last
   * lossy step of a recipe is ever previewed.
   */
  readonly preview: boolean;
  /** The layers this step is about: false for a layer that the recipe excludes or the step's `where` leaves out. */
  includes(layer: string, op: string): boolean;
  /** Why `includes` said no, for the ledger. */
  whyNot(layer: string, op: string): string;
  /** Options of the step for one layer: the step's own with the layer's overrides over them. */
  optionsFor<Options>(layer: string, options: Options): Options;
  /** float32 copy of a weight, in the backend's memory and cached while it fits; NaN and infinities are refused here by name. */
  floats(tensor: Tensor): Promise<Float32Array>;
  /**
   * An array that follows from one weight alone, such as its layout in rows: made once for each name and kept in the
   * backend's memory as long as the weight is. `of` is what `floats` or `derive` gave; the result must not be changed.
   */
  derive(of: Float32Array, name: string, make: () => Promise<Float32Array>): Promise<Float32Array>;
  /** null: no data was given. A pass that `needs` ranges is not run without, except in a preview. */
  readonly evidence: Evidence | null;
  /** The weight as it was before the first lossy step, to measure errors against. */
  original(value: ValueId, current: Tensor): Tensor;
}

export interface Pass<Options extends object = object> {
  /** `group/name`, such as `quantize/weights`. */
  readonly name: string;
  readonly title: string;
  /** One line. */
  readonly summary: string;
  readonly keeps: Keeps;
  /** zod object; every field has a default and `.meta({ title, description, unit?, showIf? })`. */
  readonly options: z.ZodType<Options>;
  /** What must be measured on data before it can run. */
  readonly needs?: readonly 'ranges'[];
  /** Names of passes that must come earlier when both are in a recipe. */
  readonly after?: readonly string[];
  run(edit: Editor, options: Options, desk: Desk): Promise<PassResult>;
}

export interface PassResult {
  readonly ledger: readonly LedgerEntry[];
  readonly notices: readonly Notice[];
}
