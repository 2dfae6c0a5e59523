/** The contract of a file format: recognise, read, tell what writing would lose, write. */
import type { ByteSource, Files, OutputFile } from '#base/bytes.ts';
import type { Notice } from '#base/notice.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

export interface Format {
  readonly id: 'onnx';
  readonly title: string;
  /** With the dot, lower case. */
  readonly extensions: readonly string[];
  /** Whether a file that starts with these bytes (up to 4 KiB) can be of this format. */
  sniff(head: Uint8Array): boolean;
  /** Reads structure only; weights become tickets in `store`. */
  read(input: FormatInput, store: WeightStore): Promise<ReadModel>;
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
}

export interface ReadModel {
  readonly model: Model;
  readonly notices: readonly Notice[];
  /** The files that the model is made of, found ones included; the model itself first. */
  readonly used: Files;
}

export interface WriteOptions {
  readonly path?: string;
  readonly externalData?: 'keep' | 'inline' | 'external';
}
