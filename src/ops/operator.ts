/** What a row of the operator table says: signature, type rule, cost, which inputs are weights, how to evaluate. */
import type { Dim } from '#ir/model.ts';
import type { Call } from './call.ts';
import type { Dense } from './dense.ts';
import type { TensorType } from './facts.ts';

/**
 * `weight`: multiplied with activations and worth compressing. `table`: rows that are looked up. `bias`: added per output
 * channel. `affine`: scale, shift and statistics of a normalization. `quantization`: scales and zero points. `indices`:
 * positions. `setting`: shapes, axes, pads and other parameters of the operator. `data`: any other operand.
 */
export type Role = 'weight' | 'table' | 'bias' | 'affine' | 'quantization' | 'indices' | 'setting' | 'data';

export interface WeightRole {
  readonly role: Role;
  /** Axis of the output channels of a weight or the rows of a table; negative counts from the back; null for other roles. */
  readonly axis: number | null;
  /** Axis along which products are summed, where blocks run. */
  readonly sumAxis: number | null;
  /** Number of groups that output channels fall into; 1 when not grouped. */
  readonly groups: number;
  /** Every axis whose slices have ranges of their own (directions and gates of LSTM and GRU); else just `axis`. */
  readonly channelAxes?: readonly number[];
}

/** Multiply-accumulates of one run, or why they are not known. */
export type Macs = number | { readonly unknown: string };

export interface Operator {
  readonly name: string;
  /** Left out: the default ONNX domain. */
  readonly domain?: string;
  /** Names of the inputs; a trailing `?` marks an optional one, a trailing `*` any number of them. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** Types of the outputs. Inputs may be missing or of unknown type. */
  readonly infer: (call: Call) => readonly (TensorType | null)[];
  /** Inputs whose values decide the shape of an output. */
  readonly shapeInputs?: readonly number[];
  /** Elements of the outputs from partly known integers; only tried when they are few. */
  readonly follow?: (call: Call) => readonly (readonly Dim[] | undefined)[];
  /** Role by input index where it is not plain data. */
  readonly roles?: (call: Pick<Call, 'node' | 'opset' | 'int' | 'rank'>) => readonly (WeightRole | Role | undefined)[];
  /** Left out: no multiply-accumulates. */
  readonly macs?: (call: Call, outputs: readonly (TensorType | null)[]) => Macs;
  /** Exact values of the outputs when every input has values; undefined when this case is not covered. */
  readonly evaluate?: (call: Call) => readonly (Dense | undefined)[] | undefined;
  /** Gives different results on each run, so it is never folded. */
  readonly random?: boolean;
}

/** Role of a compressible weight. */
export function weight(axis: number, sumAxis: number | null, groups = 1): WeightRole {
  return { role: 'weight', axis, sumAxis, groups };
}
