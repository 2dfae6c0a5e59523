/**
 * What the use cases hand to each other: an opened model, a result, and what a job may use. The use cases themselves are
 * one file each beside this one (open, inspect, preview, optimize, write, compare, histogram, save); they know no worker
 * and no page, so the command line calls them as they are and `workers/engine.ts` serves them through a door.
 */
import type { Files } from '#base/bytes.ts';
import type { Notice } from '#base/notice.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Layer } from '#ir/layer.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { CompleteBackend } from '#kernels/kernels.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { Report } from '#recipes/report.ts';

/** What a job may use besides its input. */
export interface WorkContext {
  readonly backend: CompleteBackend;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** A model whose structure was read; its weights stay in the files until somebody asks for them. */
export interface OpenModel {
  /** Made from the content, so that the same file opened again has the same id. */
  readonly id: string;
  readonly name: string;
  readonly files: Files;
  /** Bytes of the model as ONNX: of its own files, or of what a model of another format is written as. */
  readonly fileBytes: number;
  /** Bytes of the opened files together. */
  readonly sourceBytes: number;
  readonly model: Model;
  readonly weights: WeightStore;
  readonly layers: readonly Layer[];
  readonly notices: readonly Notice[];
  /** Of formats with several entry points: the one that was read, and all of them. */
  readonly signatures?: { readonly chosen: string; readonly all: readonly string[] };
}

/** A model that a recipe made. Its weights lie over those of the opened model, which is left as it is. */
export interface Optimized {
  readonly recipe: Recipe;
  readonly model: Model;
  readonly weights: WeightStore;
  readonly layers: readonly Layer[];
  readonly report: Report;
}
