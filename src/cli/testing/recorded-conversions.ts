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

/** How far TFLite's own kernels (XNNPACK, optimized, reference) lie apart on the same inputs. */
export interface RecordedSpread {
  readonly input: InputRange & { readonly samples: number };
  readonly maxAbs: number;
  readonly equalShare: number;
}

/** What a model scores on labelled data in its own runtime. */
export interface RecordedScore {
  readonly runtime: string;
  readonly right: number;
  readonly of: number;
}

interface Recordings {
  readonly models: Readonly<Record<string, RecordedModel>>;
  readonly spreads: Readonly<Record<string, RecordedSpread>>;
  readonly scores: Readonly<Record<string, RecordedScore>>;
}

const place = new URL('../../../scripts/reference/formats/conversions.json', import.meta.url);
let recordings: Recordings | undefined;

function recorded(): Recordings {
  recordings ??= JSON.parse(readFileSync(place, 'utf8')) as Recordings;
  return recordings;
}

/** The recording for a model, by its path below `models/`. */
export function recordedConversion(path: string): RecordedModel | undefined {
  return recorded().models[path];
}

export function recordedSpread(path: string): RecordedSpread | undefined {
  return recorded().spreads[path];
}

export function recordedScore(path: string): RecordedScore | undefined {
  return recorded().scores[path];
}

export function recordedValues({ data }: RecordedOutput): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(data, 'base64')).buffer);
}
