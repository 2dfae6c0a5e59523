/** The contract of a file format: recognise, read, tell what writing would lose, write. */
import type { ByteSource, Files, OutputFile } from '#base/bytes.ts';
import type { Notice } from '#base/notice.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

export interface Format {
  readonly id: 'onnx' | 'tflite' | 'keras' | 'savedmodel' | 'tfjs';
  readonly title: string;
  /** With the dot, lower case. */
  readonly extensions: readonly string[];
  /** Whether a file that starts with these bytes (up to 4 KiB) and has this name can be the main file of this format. */
  sniff(head: Uint8Array, path: string): boolean;
  /** Reads structure only; weights become tickets in `store`. */
  read(input: FormatInput, store: WeightStore): Promise<ReadModel>;
}

/** A format that models can be written in. */
export interface WritableFormat extends Format {
  /** What writing this model would lose, before it is tried. */
  check(model: Model): readonly Notice[];
  /** The model first, then files that belong to it. */
  write(model: Model, store: WeightStore, options?: WriteOptions): Promise<readonly OutputFile[]>;
}

export interface FormatInput {
  readonly files: Files;
  /** Path of the model in `files`. */
  readonly main: string;
  /** Looks for a file beside the model that was not given, by its path relative to the model. */
  readonly find?: (path: string) => Promise<ByteSource | undefined>;
  /** Which of the model's signatures to read, of formats that have several; the format's usual one by default. */
  readonly signature?: string;
}

export interface ReadModel {
  readonly model: Model;
  readonly notices: readonly Notice[];
  /** The files that the model is made of, found ones included; the model itself first. */
  readonly used: Files;
  /** Of formats with several entry points: the one that was read, and all of them. */
  readonly signatures?: { readonly chosen: string; readonly all: readonly string[] };
}

export interface WriteOptions {
  readonly path?: string;
  readonly externalData?: 'keep' | 'inline' | 'external';
}
