/** What evaluation gives: plain data with counts, intervals and methods, for pages, files and terminals. */
import type { Notice } from '#base/notice.ts';

/** A share with the interval that its number of trials allows: Wilson score, 95 %. */
export interface Proportion {
  readonly hits: number;
  readonly of: number;
  /** hits / of, 0 to 1; NaN when nothing was tried. */
  readonly share: number;
  readonly low: number;
  readonly high: number;
}

export interface ClassRow {
  readonly index: number;
  readonly name: string;
  /** Samples labelled with it. A sample that accepts several classes counts for the one it was predicted as, else the first. */
  readonly samples: number;
  readonly recall: Proportion;
  readonly predicted: number;
  readonly precision: Proportion;
}

export interface Classification {
  /** Output the scores were taken from. */
  readonly output: string;
  readonly classes: number;
  readonly top1: Proportion;
  /** null with five classes or fewer. */
  readonly top5: Proportion | null;
  /** Every class; of more than a hundred, those that were labelled or that one of the compared models predicted. */
  readonly rows: readonly ClassRow[];
  /** counts[label][prediction], both in the order of `rows`. */
  readonly confusion: readonly (readonly number[])[];
}

/** How far an output of the result is from the original's, over all samples. */
export interface OutputAgreement {
  readonly name: string;
  readonly sqnrDb: number;
  readonly cosine: number;
  readonly maxAbs: number;
  readonly mse: number;
  /** Same largest element along the last axis; null for outputs of one element. */
  readonly top1: Proportion | null;
  /** Same side of 0.5, element by element; null where the original's values are not all within 0 to 1. */
  readonly threshold: Proportion | null;
  /** Mean Kullback-Leibler divergence of softmax(result) from softmax(original), in nats; null where it means nothing. */
  readonly klNats: number | null;
}

/** Exact McNemar test on the same samples. */
export interface PairedTest {
  readonly bothRight: number;
  readonly onlyBefore: number;
  readonly onlyAfter: number;
  readonly bothWrong: number;
  /** Two-sided; 1 when no sample differs. */
  readonly pValue: number;
  /** Change of accuracy in points (after - before), with its 95 % interval (Newcombe 1998, method 10). */
  readonly differencePoints: number;
  readonly lowPoints: number;
  readonly highPoints: number;
}

export interface SampleFailure {
  readonly sample: string;
  readonly problem: string;
}

/** One model on labelled or unlabelled data. */
export interface ModelEvaluation {
  readonly samples: number;
  readonly classification: Classification | null;
  /** Outputs against golden ones that came with the data; empty without any. */
  readonly golden: readonly OutputAgreement[];
  /** Largest bytes held by the process or the runtime's heap during the runs; null when it cannot be known, with the reason. */
  readonly peakBytes: number | null;
  readonly peakMethod: string;
}

export interface Evaluation {
  readonly before: ModelEvaluation;
  readonly after: ModelEvaluation | null;
  /** null without `after`. */
  readonly agreement: readonly OutputAgreement[];
  readonly paired: PairedTest | null;
  readonly latency: LatencyPair | null;
  readonly failures: readonly SampleFailure[];
  readonly data: string;
  readonly runtime: string;
  readonly notices: readonly Notice[];
}

export interface Latency {
  readonly medianMs: number;
  /** Quartiles: half of the runs lie between. */
  readonly lowMs: number;
  readonly highMs: number;
  readonly minMs: number;
  readonly runs: number;
}

export interface LatencyPair {
  readonly before: Latency;
  readonly after: Latency | null;
  /** after / before: median of the ratios of neighbouring runs, and their quartiles. */
  readonly ratio: { readonly median: number; readonly low: number; readonly high: number } | null;
  readonly warmUp: number;
  /** `interleaved, 5 warm-up runs, one input, 1 thread`. */
  readonly method: string;
}

/** Noise of one layer's output: mean square of the error, and against the signal. */
export interface Noise {
  readonly mse: number;
  /** 10 log10(sum y² / sum (y - y')²); Infinity when equal. */
  readonly sqnrDb: number;
}

export interface LayerActivationError {
  readonly layer: string;
  readonly op: string;
  /** Output that is measured: the value that the layer's integers stand for, after an activation function that was folded in. */
  readonly output: string;
  /** In the finished model: everything before it is quantized as well. */
  readonly cumulative: Noise | null;
  /** This layer alone, on inputs of the float model: its own weights, its inputs' grid and its output's grid. */
  readonly alone: Noise;
  /**
   * Parts of `alone`, each by itself: they need not add up, since they may cancel. Weights: its quantized constants, bias
   * included. Activations: its inputs and its output, cut off at the ends of their grids, and rounded between them. null
   * where it has no such part.
   */
  readonly weightRounding: Noise | null;
  readonly activationClipping: Noise | null;
  readonly activationRounding: Noise | null;
}

export interface LayerErrors {
  readonly layers: readonly LayerActivationError[];
  readonly samples: number;
  readonly data: string;
  readonly method: string;
  readonly notices: readonly Notice[];
}
