/** What running a recipe gives besides the model: what each step did, to which layer, and what it cost. */
import type { Figure } from '#base/figure.ts';
import type { Notice } from '#base/notice.ts';
import type { LedgerEntry } from '#passes/pass.ts';

export interface StepReport {
  readonly pass: string;
  readonly title: string;
  readonly durationMs: number;
  readonly added: number;
  readonly removed: number;
  readonly ledger: readonly LedgerEntry[];
  readonly notices: readonly Notice[];
}

/** One layer after the whole recipe. */
export interface LayerResult {
  readonly layer: string;
  readonly op: string;
  readonly parameters: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
  /** Stored bits of its main weight; null for a layer without weights. */
  readonly bits: number | null;
  /** null where no lossy pass touched it. */
  readonly error: LayerError | null;
  readonly sparsity: number | null;
  /** Why the last lossy pass left it alone; absent when it was changed. */
  readonly skipped?: string;
  readonly skippedCode?: string;
  readonly granularity?: string;
  readonly convention?: string;
}

/** Error of a layer's weights against the float ones: whole tensor, double accumulation. */
export interface LayerError {
  /** 10 log10(sum x^2 / sum (x - x')^2); Infinity when equal. */
  readonly sqnrDb: number;
  readonly mse: number;
  readonly cosine: number;
  readonly maxAbs: number;
}

export interface Report {
  readonly recipe: string;
  readonly before: ModelFigures;
  readonly after: ModelFigures;
  readonly steps: readonly StepReport[];
  readonly layers: readonly LayerResult[];
  readonly notices: readonly Notice[];
  readonly backend: string;
  /** Data and runtime that ranges of activations were measured with; absent where no step needed any. */
  readonly calibratedOn?: string;
}

export interface ModelFigures {
  readonly fileBytes: Figure;
  readonly weightBytes: Figure;
  /** Bytes of the file after deflate: what a download or an app package takes. Absent in previews. */
  readonly zippedBytes?: Figure;
  readonly parameters: Figure;
  /** SQNR over the weights of all changed layers together. */
  readonly weightSqnr?: Figure;
}
