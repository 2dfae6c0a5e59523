/**
 * The protocol between the page and the engine: one line per request, each with what goes in and what comes out. The
 * engine owns models and weights; the page owns recipes and what it draws.
 */
import type { Figure } from '#base/figure.ts';
import type { Notice } from '#base/notice.ts';
import type { Dataset, SampleView } from '#data/dataset.ts';
import type { DataSettings } from '#data/settings.ts';
import type { Layer } from '#ir/layer.ts';
import type { Evaluation, LatencyPair, LayerErrors } from '#measure/evaluation/report.ts';
import type { RangeChoice } from '#passes/pass.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { LayerResult, Report } from '#recipes/report.ts';
import type { LintRow } from '#runtimes/onnxruntime/integer-lint.ts';

// The page imports from here alone, so the types that travel are named here too.
export type { DataKind, Dataset, InputView, SamplePicture, SampleView } from '#data/dataset.ts';
export type { AudioSettings, DataSettings, ImageSettings, SplitSettings } from '#data/settings.ts';
export type { Picture } from '#data/samples.ts';
export type {
  ClassRow,
  Classification,
  Evaluation,
  Latency,
  LatencyPair,
  LayerActivationError,
  LayerErrors,
  ModelEvaluation,
  Noise,
  OutputAgreement,
  PairedTest,
  Proportion,
} from '#measure/evaluation/report.ts';
export type { Figure } from '#base/figure.ts';
export type { Notice } from '#base/notice.ts';
export type { Progress } from '#base/progress.ts';
export type { Layer, LayerWeight } from '#ir/layer.ts';
export type { LedgerEntry } from '#passes/pass.ts';
export type { LayerSettings, Recipe, Step } from '#recipes/recipe.ts';
export type { LintRow } from '#runtimes/onnxruntime/integer-lint.ts';
export type { LayerError, LayerResult, ModelFigures, Report, StepReport } from '#recipes/report.ts';

/** A dropped file: the browser's `File` with its path inside a dropped folder. Posts by reference. */
export interface DroppedFile {
  readonly path: string;
  readonly file: Blob;
}

export interface ModelSummary {
  readonly id: string;
  readonly name: string;
  /** `onnx`, and how it is shown: `ONNX, opset 17, IR 8, made by pytorch 2.1`. */
  readonly format: string;
  readonly formatLabel: string;
  /** As ONNX: of the files themselves, or of what a model of another format is written as. */
  readonly fileBytes: number;
  readonly parameters: number;
  readonly weightBytes: number;
  /** null when some layer's cost is not known: see the notice. */
  readonly macs: number | null;
  readonly inputs: readonly SlotSummary[];
  readonly outputs: readonly SlotSummary[];
  readonly layers: readonly Layer[];
  readonly notices: readonly Notice[];
  /** Kept in the browser's private file system, so that it survives a reload. */
  readonly kept: boolean;
  /** Of formats with several entry points: the one that was read, and all of them. */
  readonly signatures?: { readonly chosen: string; readonly all: readonly string[] };
  /** Why the model cannot be written, in one sentence; absent when it can. */
  readonly notWritable?: string;
}

export interface SlotSummary {
  readonly name: string;
  readonly dtype: string | null;
  readonly shape: readonly (number | string | null)[] | null;
}

/** A pass for menus and forms: its options as JSON Schema (draft 2020-12) made from the pass's own zod schema. */
export interface PassInfo {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly keeps: 'bits' | 'values' | 'accuracy';
  /** What must be measured on data first: `ranges`. */
  readonly needs: readonly string[];
  readonly after: readonly string[];
  readonly schema: object;
  readonly defaults: Readonly<Record<string, unknown>>;
}

export interface PresetInfo {
  readonly id: string;
  readonly title: string;
  readonly summary: string;
  readonly recipe: Recipe;
}

export interface EngineInfo {
  readonly passes: readonly PassInfo[];
  readonly presets: readonly PresetInfo[];
  /** Settings of data as JSON Schema (draft 2020-12), made from their zod schema: the form of the data pane. */
  readonly dataSchema: object;
  /** Which compute backend is in use and why, in one sentence. */
  readonly backend: { readonly name: string; readonly description: string; readonly threads: number };
}

/** Measured per-layer outcome of a recipe without making the model; fast enough to follow a slider. */
export interface Preview {
  readonly layers: readonly LayerResult[];
  readonly weightBytesBefore: number;
  readonly weightBytesAfter: number;
  readonly fileBytesBefore: number;
  /** Estimated from the weights: the graph around them is counted as unchanged. */
  readonly fileBytesAfter: number;
  readonly weightSqnrDb: number | null;
  readonly durationMs: number;
  readonly notices: readonly Notice[];
}

export interface LayerHistogram {
  readonly layer: string;
  readonly weight: string;
  readonly counts: readonly number[];
  readonly low: number;
  readonly high: number;
  readonly zeros: number;
  readonly count: number;
  /** Real values of the quantization levels over the histogram's range: for the row shown, or the tensor's. */
  readonly grid: readonly number[];
  /** What the grid is: `channel 3 of 64, scale 0.0123`. */
  readonly gridLabel: string | null;
  readonly rows: number;
  readonly row: number | null;
}

/** Errors of one model output: result against original, over all runs. */
export interface OutputError {
  readonly name: string;
  /** In the original's last run. */
  readonly shape?: readonly number[];
  readonly sqnrDb: number;
  readonly cosine: number;
  readonly maxAbs: number;
  /** Share of positions along the last axis whose largest element is the same, 0 to 1; null for outputs of one element. */
  readonly top1Agreement: number | null;
  readonly mse: number;
}

export interface Comparison {
  readonly outputs: readonly OutputError[];
  /** `4 runs on seeded random inputs (seed 1, floats normal with deviation 1, 0.1, ...)` or `inputs.npz`. */
  readonly method: string;
  readonly runtime: string;
  readonly notices: readonly Notice[];
}

export interface OptimizeResult {
  /** Id of the result inside the engine; for `compare`, `save` and `histogram`. */
  readonly resultId: string;
  readonly report: Report;
  readonly summary: ModelSummary;
}

/** A saved result: written, opened again by the runtime, compared, and ready to hand over. */
export interface Saved {
  readonly files: readonly { readonly path: string; readonly blob: Blob; readonly sizeBytes: number }[];
  readonly verified: Comparison | null;
  /** Why it could not be run, when `verified` is null. */
  readonly notVerified?: string;
  readonly zippedBytes: Figure | null;
}

/** Opened data as it suits one model. */
export interface DataSummary extends Dataset {
  /** As they were guessed from model and files, with what the caller gave over them. */
  readonly settings: DataSettings;
  /** Samples that the settings make of the items. */
  readonly samples: number;
  readonly calibration: number;
  readonly evaluation: number;
  /** Why these settings, in a sentence each: `225 x 225 from the model's input`, `means nothing is scaled`. */
  readonly guesses: readonly string[];
  /** What keeps the data from being fed to the model; null when nothing does. */
  readonly problem: string | null;
}

/** Which opened data, prepared how. */
export interface DataChoice {
  readonly dataId: string;
  readonly settings: DataSettings;
}

/** What calibration saw of one activation, and what a recipe makes of it. Real units. */
export interface ActivationView {
  /** Name of the value, and of the layer that computes it (or `input`). */
  readonly value: string;
  readonly layer: string;
  readonly op: string;
  readonly min: number;
  readonly max: number;
  readonly low: number;
  readonly high: number;
  /** Share of elements outside low to high, 0 to 1. */
  readonly clipped: number;
  /** Of the quantized value; null when the recipe leaves it in float. */
  readonly scale: number | null;
  readonly zeroPoint: number | null;
  readonly levels: string | null;
}

export interface ActivationHistogram extends ActivationView {
  readonly counts: readonly number[];
  /** Edges of the histogram. */
  readonly from: number;
  readonly to: number;
  readonly count: number;
  /** What every method would choose, to compare. */
  readonly choices: readonly { readonly method: RangeChoice['method']; readonly low: number; readonly high: number }[];
}

export interface ActivationViews {
  readonly views: readonly ActivationView[];
  readonly method: string;
}

export interface Lint {
  readonly rows: readonly LintRow[];
  /** `onnxruntime 1.30, CPU, x64`. */
  readonly target: string;
  readonly notices: readonly Notice[];
}

/** Jobs about data: what comes in as samples, and what is measured on them. */
export interface DataJobs {
  /** Opens dropped data beside a model; labels may lie among the files. Unreadable files are counted and listed. */
  openData: {
    in: { readonly modelId: string; readonly files: readonly DroppedFile[]; readonly settings?: DataSettings };
    out: DataSummary;
  };
  /** The same data under other settings, or for another model. */
  fitData: { in: { readonly modelId: string } & DataChoice; out: DataSummary };
  viewSample: { in: { readonly modelId: string; readonly index: number } & DataChoice; out: SampleView };
  closeData: { in: { readonly dataId: string }; out: null };
  /** Original and result on the evaluation part of the data; without a result the original alone. */
  evaluate: {
    in: {
      readonly modelId: string;
      readonly resultId: string | null;
      readonly data: DataChoice;
      readonly latency: boolean;
    };
    out: Evaluation;
  };
  /** Error of every layer's output on samples of the evaluation part. */
  layerErrors: {
    in: { readonly modelId: string; readonly resultId: string; readonly data: DataChoice; readonly samples: number };
    out: LayerErrors;
  };
  /** Latency of original and result, interleaved, on a sample of the data or a seeded random input. */
  latency: {
    in: {
      readonly modelId: string;
      readonly resultId: string | null;
      readonly data?: DataChoice;
      readonly runs: number;
    };
    out: LatencyPair;
  };
  /** Ranges of all activations that the recipe quantizes; measured on the calibration part unless that was done before. */
  activations: {
    in: { readonly modelId: string; readonly recipe: Recipe; readonly data: DataChoice };
    out: ActivationViews;
  };
  activationHistogram: {
    in: {
      readonly modelId: string;
      readonly recipe: Recipe;
      readonly data: DataChoice;
      readonly value: string;
      readonly bins: number;
    };
    out: ActivationHistogram;
  };
  lint: { in: { readonly modelId: string; readonly resultId: string }; out: Lint };
}

export interface Jobs extends DataJobs {
  info: { in: { readonly backend?: 'auto' | 'reference' | 'wasm' | 'webgpu' }; out: EngineInfo };
  open: { in: { readonly files: readonly DroppedFile[] }; out: ModelSummary };
  /** Reads another entry point of an opened model: it is opened beside the first. */
  openSignature: { in: { readonly modelId: string; readonly signature: string }; out: ModelSummary };
  /** Models kept from earlier visits. */
  restore: { in: Record<never, never>; out: readonly ModelSummary[] };
  /**
   * Copies an opened model into the browser's private file system. Small models are kept when they are opened; for a
   * larger one (`ModelSummary.kept` is false) the page asks, and shows the progress.
   */
  keep: { in: { readonly modelId: string }; out: { readonly kept: boolean; readonly notKept?: string } };
  /** Also forgets a kept copy. */
  close: { in: { readonly modelId: string }; out: null };
  preview: { in: { readonly modelId: string; readonly recipe: Recipe; readonly data?: DataChoice }; out: Preview };
  /** Steps that need ranges calibrate on the calibration part of the data first; what was seen is kept for the next run. */
  optimize: {
    in: { readonly modelId: string; readonly recipe: Recipe; readonly data?: DataChoice };
    out: OptimizeResult;
  };
  histogram: {
    in: {
      readonly modelId: string;
      readonly layer: string;
      readonly recipe: Recipe;
      readonly bins: number;
      /** Channel or block to show; null: the whole tensor. */
      readonly row: number | null;
      /** Data that was calibrated on: levels of steps that need ranges are known with it alone. */
      readonly data?: DataChoice;
    };
    out: LayerHistogram;
  };
  compare: {
    in: {
      readonly modelId: string;
      readonly resultId: string;
      readonly runs: number;
      readonly seed: number;
      /** A dropped .npy or .npz; without it, seeded random inputs. */
      readonly inputs?: DroppedFile;
    };
    out: Comparison;
  };
  save: { in: { readonly modelId: string; readonly resultId: string; readonly verify: boolean }; out: Saved };
}

export type JobName = keyof Jobs;
