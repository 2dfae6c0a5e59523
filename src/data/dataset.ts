/** A set of data as it was dropped, before it is prepared for a model: what it holds, its labels, and what is wrong with it. */
import type { Notice } from '#base/notice.ts';
import type { Picture } from './samples.ts';

export type DataKind = 'images' | 'audio' | 'arrays' | 'table';

export interface Dataset {
  /** Made from names and sizes of the files, so that the same data opened again has the same id. */
  readonly id: string;
  /** As the person knows it: the file, or the folder that all files lie in. */
  readonly name: string;
  readonly kind: DataKind;
  /** Files or rows; a recording may give several samples, which `samplesOf` counts once the settings are known. */
  readonly items: number;
  /** `392 pictures in 49 class folders`, `1000 rows of 49 x 10, int8`. */
  readonly label: string;
  /** Columns of the table of labels that could hold the label, the likeliest first; empty without labels. */
  readonly labelColumns: readonly string[];
  /** Names by class index, where the data tells them. */
  readonly classNames: readonly string[] | null;
  readonly labelled: number;
  readonly notices: readonly Notice[];
}

/** One sample as the studio shows it: what came in, what the network sees, and the figures that give mistakes away. */
export interface SampleView {
  readonly name: string;
  readonly labelText: string | null;
  readonly original: SamplePicture | null;
  readonly inputs: readonly InputView[];
}

export interface InputView {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  /** Standard deviation. */
  readonly deviation: number;
  /** What the network sees, scaled from min..max of this sample to 0..255; null for values that make no picture. */
  readonly picture: SamplePicture | null;
}

/** `picture`: pixels. `heat`: one value a pixel, time to the right. `wave`: lowest and highest sample of each column, -1 to 1. */
export type SamplePicture =
  | { readonly kind: 'picture'; readonly picture: Picture }
  | { readonly kind: 'heat'; readonly width: number; readonly height: number; readonly values: Float32Array }
  | { readonly kind: 'wave'; readonly low: Float32Array; readonly high: Float32Array; readonly seconds: number };
