/** What TensorFlow answered where no JavaScript runtime can: the outputs that scripts/reference/formats/record-conversions.py kept. */
import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { InputRange } from './generated-input.ts';

export interface RecordedModel {
  readonly runtime: string;
  readonly input: InputRange & { readonly name: string; readonly shape: readonly number[] };
  readonly samples: readonly RecordedSample[];
}

export interface RecordedSample {
  readonly seed: number;
  readonly outputs: Readonly<Record<string, RecordedOutput>>;
}

export interface RecordedOutput {
  readonly shape: readonly number[];
  /** Every so many-th value was kept, from the first on. */
  readonly stride: number;
  readonly data: string;
}

const place = new URL('../../../scripts/reference/formats/conversions.json', import.meta.url);
let models: Readonly<Record<string, RecordedModel>> | undefined;

/** The recording for a model, by its path below `models/`. */
export function recordedConversion(path: string): RecordedModel | undefined {
  models ??= JSON.parse(readFileSync(place, 'utf8')).models as Readonly<Record<string, RecordedModel>>;
  return models[path];
}

export function recordedValues({ data }: RecordedOutput): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer);
}
