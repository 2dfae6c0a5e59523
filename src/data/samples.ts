/**
 * What calibration and evaluation consume: samples, one at a time, ready to be fed to the model. Nothing is read before it
 * is asked for, so memory does not grow with their number.
 */
import type { NdArray } from '#base/nd-array.ts';

export interface Sample {
  /** As the person knows it: a path in the dropped folder, `row 12` of an array, `speech.wav at 1.25 s`. */
  readonly name: string;
  /** By model input, in its element type and shape. */
  readonly feeds: ReadonlyMap<string, NdArray>;
  /** Class indices of the model's output that count as right; null: not labelled. */
  readonly classes: readonly number[] | null;
  /** Golden outputs that came with the data, by output name. */
  readonly expected?: ReadonlyMap<string, NdArray>;
  /** Samples of one sequence follow each other, and `Samples.carry` holds between them; absent: stands alone. */
  readonly sequence?: string;
}

export interface Samples {
  readonly length: number;
  /** For reports: `100 of 1000 samples of kws01.npz (seed 1, stratified)`. */
  readonly description: string;
  /** The same for the same bytes, preparation and choice of samples: what was measured on them may be kept under it. */
  readonly fingerprint: string;
  /** State of recurrent models: this input takes what that output gave for the sample before, in one sequence. */
  readonly carry: ReadonlyMap<string, string>;
  /** What a split goes by, known without preparing anything; absent: every sample stands alone and is not labelled. */
  readonly grouping?: Grouping;
  /** Prepares a sample. Rejects with a `PareError` where it cannot be read; the reader may go on with the next. */
  read(index: number, signal?: AbortSignal): Promise<Sample>;
}

export interface Grouping {
  /** Samples that belong together, such as those of one recording, have the same; those of a group follow each other. */
  group(index: number): number;
  /** The label as text; null: not labelled. */
  stratum(index: number): string | null;
}

/** A model's input as data is prepared for it. */
export interface InputSlot {
  readonly name: string;
  readonly dtype: NdArray['dtype'];
  /** Names and null stand for sizes that the caller chooses. */
  readonly shape: readonly (number | string | null)[];
}

/** Pixels as decoders give them: RGBA, 8 bits, rows from the top, alpha not multiplied in. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8ClampedArray<ArrayBuffer> | Uint8Array<ArrayBuffer>;
}

/** Decodes PNG, JPEG or WebP; handed in, since page and command line have decoders of their own. Rejects with a sentence. */
export type DecodePicture = (name: string, bytes: Uint8Array) => Promise<Picture>;
