/** The files that fuzzing starts from: fixtures of this repository, and small real models where the test data is there. */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import { hasTestdata, testdata } from '#base/testing/testdata-place.ts';

export const FUZZED = ['tflite', 'h5', 'keras', 'savedmodel', 'frozen', 'tfjs', 'onnx'] as const;
export type Fuzzed = (typeof FUZZED)[number];

/** A model as it would be dropped; `attacked` are the files that mutations go to, the likeliest first. */
export interface FuzzBase {
  readonly name: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly attacked: readonly string[];
}

const fixtures = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'fixtures', 'formats');

/** Real ones: small, so that many mutants fit in a minute. Larger ones would say the same more slowly. */
const REAL: Readonly<Record<Fuzzed, readonly string[]>> = {
  tflite: [
    'hand_keypoint/keypoint_classifier.tflite',
    'mnist/mnist_lstm.tflite',
    'mlperf_tiny_kws/kws_ref_model.tflite',
    'mlperf_tiny_resnet8/pretrainedResnet_quant.tflite',
    'selfie_segmentation/selfie_segmentation.tflite',
  ],
  h5: ['hand_keypoint/keypoint_classifier.hdf5'],
  keras: [],
  savedmodel: ['mlperf_tiny_kws/kws_ref_model'],
  frozen: [],
  tfjs: ['doodlenet_tfjs/model.json', 'human_tfjs/blazeface.json'],
  onnx: ['mnist/mnist.onnx', 'onnx_light/light_squeezenet.onnx', 'ultraface/version-RFB-320.onnx'],
};

/** Files that are larger than this are left out of a base: weights, whose bytes are opaque to a reader. */
const MOST_BYTES = 4e6;

export function fuzzBases(kind: Fuzzed): readonly FuzzBase[] {
  const real = hasTestdata ? REAL[kind].map((path) => baseAt(kind, testdata(`models/${path}`))) : [];
  return [...real, ...fixturesOf(kind)];
}

function fixturesOf(kind: Fuzzed): readonly FuzzBase[] {
  if (!existsSync(fixtures)) return [];
  const entries = readdirSync(fixtures, { recursive: true, encoding: 'utf8' }).toSorted();
  const paths = entries.map((path) => join(fixtures, path)).filter((path) => statSync(path).isFile());
  const plain = (path: string): string => path.replace(/\.gz$/, '');
  const ending = (...ends: string[]): readonly FuzzBase[] =>
    paths.filter((path) => ends.some((end) => plain(path).endsWith(end))).map((path) => baseAt(kind, path));
  switch (kind) {
    case 'tflite':
      return ending('.tflite');
    case 'h5':
      // Containers alone, without a model, are refused before much is read.
      return ending('.h5', '.hdf5').filter(({ name }) => !name.startsWith('hdf5-'));
    case 'keras':
      return ending('.keras');
    case 'savedmodel':
      return [
        ...paths.filter((path) => /saved_model\.pb(\.gz)?$/.test(path)).map((path) => baseAt(kind, dirname(path))),
        ...zipped(paths, kind, /saved_model\.pb$|\.index$/),
      ];
    case 'frozen':
      return paths
        .filter((path) => /\.pb(\.gz)?$/.test(path) && !/saved_model\.pb/.test(path))
        .map((path) => baseAt(kind, path));
    case 'tfjs':
      return [
        ...paths
          .filter((path) => plain(path).endsWith('.json') && !path.includes('.expected.') && isTfjs(path))
          .map((path) => baseAt(kind, path)),
        ...zipped(paths, kind, /model\.json$/),
      ];
    case 'onnx':
      return ownSamples();
  }
}

/** The samples that the studio offers. */
function ownSamples(): readonly FuzzBase[] {
  const folder = join(fixtures, '..', '..', 'public', 'samples');
  const names = readdirSync(folder).filter((name) => name.endsWith('.onnx'));
  return names.toSorted().map((name) => baseAt('onnx', join(folder, name)));
}

/** Folders that were zipped to save space, as the folders that they were. */
function zipped(paths: readonly string[], kind: Fuzzed, attacked: RegExp): readonly FuzzBase[] {
  const archives = paths.filter((path) => path.endsWith('.zip') && basename(dirname(path)) === kind);
  return archives.map((path) => {
    const files = new Map(Object.entries(unzipSync(readFileSync(path))));
    return {
      name: basename(path),
      files,
      attacked: [...files.keys()].filter((name) => attacked.test(name)).toSorted(),
    };
  });
}

function isTfjs(path: string): boolean {
  return bytesAt(path).toString('utf8').includes('"weightsManifest"');
}

function bytesAt(path: string): Buffer {
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

function baseAt(kind: Fuzzed, path: string): FuzzBase {
  if (kind === 'savedmodel') return folderBase(path);
  const name = basename(path).replace(/\.gz$/, '');
  const bytes = new Uint8Array(bytesAt(path));
  if (kind !== 'tfjs') return { name, files: new Map([[name, bytes]]), attacked: [name] };
  const { weightsManifest } = JSON.parse(new TextDecoder().decode(bytes)) as { weightsManifest: { paths: string[] }[] };
  const shards = weightsManifest.flatMap(({ paths }) => paths);
  const beside = shards.map((shard) => [shard, new Uint8Array(shardAt(join(dirname(path), shard)))] as const);
  return { name: `${basename(dirname(path))}/${name}`, files: new Map([[name, bytes], ...beside]), attacked: [name] };
}

function shardAt(path: string): Buffer {
  return bytesAt(existsSync(path) ? path : `${path}.gz`);
}

function folderBase(folder: string): FuzzBase {
  const name = basename(folder);
  const files = new Map<string, Uint8Array>();
  for (const path of readdirSync(folder, { recursive: true, encoding: 'utf8' }).toSorted()) {
    const full = join(folder, path);
    if (statSync(full).isFile() && statSync(full).size <= MOST_BYTES) {
      files.set(`${name}/${path.replace(/\.gz$/, '')}`, new Uint8Array(bytesAt(full)));
    }
  }
  const attacked = [...files.keys()].filter((path) => /saved_model\.pb$|\.index$/.test(path)).toSorted();
  return { name, files, attacked };
}
