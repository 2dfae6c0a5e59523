/** Every model of the test data that is not ONNX or Core ML, found by looking: a new one is tried without being listed. */
import { readFileSync } from 'node:fs';
import { testdata, testModels } from '#base/testing/testdata-place.ts';

export interface ForeignModel {
  /** Below `models/`: a file, or the folder of a SavedModel. */
  readonly path: string;
  readonly format: 'tflite' | 'keras' | 'savedmodel' | 'tfjs';
}

const KERAS = ['.h5', '.hdf5', '.keras'];

export function foreignModels(): readonly ForeignModel[] {
  const of = (format: ForeignModel['format'], paths: readonly string[]): ForeignModel[] =>
    paths.map((path) => ({ path, format }));
  const folders = testModels('/saved_model.pb').map((path) => path.slice(0, path.lastIndexOf('/')));
  return [
    ...of('tflite', testModels('.tflite')),
    ...of('keras', KERAS.flatMap((ending) => testModels(ending)).toSorted()),
    ...of('savedmodel', folders),
    ...of('tfjs', testModels('.json').filter(isTfjs)),
  ];
}

function isTfjs(path: string): boolean {
  return readFileSync(testdata(`models/${path}`), 'utf8').includes('"weightsManifest"');
}
