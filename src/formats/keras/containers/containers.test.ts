/** The containers of Keras against what Python found in the same files: every weight of every layer, in the order of its class. */
import { mkdtempSync, openAsBlob, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as h5wasm from 'h5wasm/node';
import { afterAll, describe, expect, it } from 'vitest';
import { joinChunks, type ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { blobSource, memorySource } from '#base/sources.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import type { KerasArchive } from '#formats/keras/archive.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { crc32 } from '#wire/crc32.ts';
import { writeZip } from '#wire/write-zip.ts';
import { readZip } from '#wire/zip.ts';
import { readH5Archive } from './h5.ts';
import { placesOf } from './h5-names.ts';
import { readKerasArchive } from './keras-zip.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures/formats/keras/containers');
const temporary = mkdtempSync(join(tmpdir(), 'keras-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

interface Recorded {
  readonly version: string;
  readonly layers: readonly {
    readonly path: readonly string[];
    readonly weights: readonly (readonly [readonly number[], string])[];
  }[];
}

interface Opened {
  readonly archive: KerasArchive;
  readonly store: WeightStore;
}

const fixture = (file: string): ByteSource => memorySource(file, new Uint8Array(readFileSync(join(FIXTURES, file))));

const open = async (source: ByteSource): Promise<Opened> => {
  const store = createWeightStore();
  const read = source.name.endsWith('.keras') ? readKerasArchive : readH5Archive;
  return { archive: await read(source, store), store };
};

/** The layers that Python found, as we find them. */
const found = async ({ archive, store }: Opened, layers: Recorded['layers']): Promise<Recorded['layers']> => {
  const all: Recorded['layers'][number][] = [];
  for (const { path } of layers) {
    const weights: [readonly number[], string][] = [];
    for (const { tensor } of archive.weights.layer(path)) {
      weights.push([
        tensor.shape,
        crc32(await store.read(tensor))
          .toString(16)
          .padStart(8, '0'),
      ]);
    }
    all.push({ path, weights });
  }
  return all;
};

const refusal = async (source: ByteSource): Promise<string> => {
  try {
    await open(source);
  } catch (error) {
    if (error instanceof PareError) return error.parts.code;
    throw error;
  }
  return 'was read';
};

/** A `.keras` file of other members, stored or as they were. */
const rezipped = async (file: string, change: (members: Map<string, Uint8Array>) => void): Promise<ByteSource> => {
  const members = new Map<string, Uint8Array>();
  for (const member of await readZip(fixture(file))) {
    const part = await member.open();
    members.set(member.path, await part.read(0, part.sizeBytes));
  }
  change(members);
  const files = [...members].map(([path, bytes]) => ({ path, chunks: [bytes], sizeBytes: bytes.byteLength }));
  return memorySource('model.keras', await joinChunks((await writeZip('model.keras', files)).chunks));
};

describe('weights by layer are those that Python has', () => {
  const files = readdirSync(FIXTURES).filter((name) => /\.(h5|keras)$/.test(name));
  it.each(files)('%s', async (file) => {
    const recorded = JSON.parse(readFileSync(join(FIXTURES, `${file}.json`), 'utf8')) as Recorded;
    const opened = await open(fixture(file));
    expect(opened.archive.version).toBe(recorded.version);
    expect(await found(opened, recorded.layers)).toEqual(recorded.layers);
  });
});

describe('names of weights', () => {
  const names = async (file: string, ...path: string[]): Promise<readonly string[]> =>
    (await open(fixture(file))).archive.weights.layer(path).map(({ name }) => name);

  it('are those of the variables in .h5', async () => {
    expect(await names('sequential-2.h5', 'first')).toEqual(['kernel', 'bias']);
    expect(await names('nested-2.h5', 'inner', 'deep', 'deep_norm')).toEqual([
      'gamma',
      'beta',
      'moving_mean',
      'moving_variance',
    ]);
    expect(await names('nested-3.h5', 'inner', 'twin')).toEqual(['kernel', 'bias']);
    expect(await names('sequences-3.h5', 'memory')).toEqual([
      'lstm_cell/kernel',
      'lstm_cell/recurrent_kernel',
      'lstm_cell/bias',
    ]);
    expect((await names('sequences-2.h5', 'bidirectional')).slice(2, 4)).toEqual([
      'forward_lstm/lstm_cell/bias',
      'backward_lstm/lstm_cell/kernel',
    ]);
    expect(await names('wrapped-2.h5', 'each')).toEqual(['look/kernel', 'look/bias', 'see/kernel', 'see/bias']);
  });

  it('are paths of parts and numbers in .keras, the layers of a wrapped model by name', async () => {
    expect(await names('sequential-3.keras', 'first')).toEqual(['vars/0', 'vars/1']);
    expect(await names('sequences-2.keras', 'memory')).toEqual(['cell/vars/0', 'cell/vars/1', 'cell/vars/2']);
    const attention = ['query_dense', 'key_dense', 'value_dense', 'output_dense'];
    const expected = attention.flatMap((part) => [`${part}/vars/0`, `${part}/vars/1`]);
    expect(await names('sequences-3.keras', 'multi_head_attention')).toEqual(expected);
    expect(await names('sequences-2.13.keras', 'multi_head_attention')).toEqual(expected);
    expect(await names('wrapped-3.keras', 'each')).toEqual([
      'layer/look/vars/0',
      'layer/look/vars/1',
      'layer/see/vars/0',
      'layer/see/vars/1',
    ]);
  });

  it('bfloat16, which HDF5 has no name for, is told by its note', async () => {
    const { archive } = await open(fixture('narrow-3.keras'));
    expect(archive.weights.layer(['dense']).map(({ tensor }) => tensor.dtype)).toEqual(['bf16', 'bf16']);
    expect(archive.weights.layer(['dense_1']).map(({ tensor }) => tensor.dtype)).toEqual(['f16', 'f16']);
  });
});

describe('a stored .keras file', () => {
  it('gives its weights as ranges of the archive itself', async () => {
    const source = await rezipped('sequential-3.keras', () => undefined);
    const { archive, store } = await open(source);
    const [kernel] = archive.weights.layer(['first']);
    const [chunk] = kernel === undefined ? [] : store.chunks(kernel.tensor);
    expect(chunk).toMatchObject({ length: 3 * 3 * 3 * 4 * 4 });
    const recorded = JSON.parse(readFileSync(join(FIXTURES, 'sequential-3.keras.json'), 'utf8')) as Recorded;
    expect(await found({ archive, store }, recorded.layers)).toEqual(recorded.layers);
  });

  it('may lie in a folder of the archive', async () => {
    const source = await rezipped('nested-3.keras', (members) => {
      const old = [...members];
      members.clear();
      for (const [path, bytes] of old) members.set(`my model/${path}`, bytes);
    });
    expect((await open(source)).archive.weights.layer(['inner', 'deep', 'deep_dense'])).toHaveLength(2);
  });
});

describe('what is not a model is refused and explained', () => {
  const other = (name: string, write: (file: h5wasm.File) => void): ByteSource => {
    const path = join(temporary, name);
    const file = new h5wasm.File(path, 'w');
    write(file);
    file.close();
    return memorySource(name, new Uint8Array(readFileSync(path)));
  };

  it('weights alone, of either kind', async () => {
    await h5wasm.ready;
    const old = other('old.h5', (file) => file.create_attribute('layer_names', ['dense']));
    expect(await refusal(old)).toBe('keras/weights-only');
    const split = other('split.h5', (file) => file.create_attribute('layer_names0', ['dense']));
    expect(await refusal(split)).toBe('keras/weights-only');
    const fresh = other('model.weights.h5', (file) => file.create_group('layers').create_group('dense'));
    expect(await refusal(fresh)).toBe('keras/weights-only');
  });

  it('HDF5 files of something else, and no HDF5 files', async () => {
    await h5wasm.ready;
    expect(await refusal(other('data.h5', (file) => file.create_group('x')))).toBe('keras/no-model');
    expect(await refusal(memorySource('text.h5', new TextEncoder().encode('no model'.repeat(20))))).toBe(
      'hdf5/signature',
    );
  });

  it('archives whose weights are missing, numbered or of NumPy', async () => {
    const swap = (path: string): Promise<ByteSource> =>
      rezipped('narrow-3.keras', (members) => {
        members.delete('model.weights.h5');
        if (path !== '') members.set(path, new Uint8Array(4));
      });
    expect(await refusal(await swap('model.weights.npz'))).toBe('keras/npz');
    expect(await refusal(await swap('model.weights.json'))).toBe('keras/sharded');
    expect(await refusal(await swap(''))).toBe('keras/no-weights');
    const without = await rezipped('narrow-3.keras', (members) => void members.delete('config.json'));
    expect(await refusal(without)).toBe('keras/no-model');
  });

  it('configurations that are damaged or nest without end', async () => {
    const config = (text: string): Promise<ByteSource> =>
      rezipped('narrow-3.keras', (members) => void members.set('config.json', new TextEncoder().encode(text)));
    expect(await refusal(await config('{"class_name": '))).toBe('keras/config');
    expect(await refusal(await config('[1]'))).toBe('keras/config');
    expect(await refusal(await config('['.repeat(100_000)))).toBe('keras/config');
    const text =
      '{"class_name": "Sequential", "config": {"layers": [], "a": NaN, "b": [-Infinity, "NaN \\" Infinity"]}}';
    expect((await open(await config(text))).archive.config).toEqual({
      class_name: 'Sequential',
      config: { layers: [], a: null, b: [-Infinity, 'NaN " Infinity'] },
    });
  });
});

describe('.h5 files as other tools write them', () => {
  it('lists that were split are joined', async () => {
    await h5wasm.ready;
    const path = join(temporary, 'split-lists.h5');
    const file = new h5wasm.File(path, 'w');
    const layers = ['one', 'two', 'three'].map((name) => ({ class_name: 'Dense', config: { name } }));
    file.create_attribute('model_config', JSON.stringify({ class_name: 'Sequential', config: { layers } }));
    const weights = file.create_group('model_weights');
    weights.create_attribute('layer_names0', ['one', 'two']);
    weights.create_attribute('layer_names1', ['three']);
    for (const name of ['one', 'two', 'three']) {
      const group = weights.create_group(name);
      group.create_attribute('weight_names0', [`${name}/kernel:0`]);
      group.create_attribute('weight_names1', [`${name}/bias:0`]);
      const inner = group.create_group(name);
      inner.create_dataset({ name: 'kernel:0', data: new Float32Array([1, 2]), shape: [2, 1] });
      inner.create_dataset({ name: 'bias:0', data: new Float32Array(64).fill(3), chunks: [16], compression: 6 });
    }
    file.close();
    const { archive, store } = await open(memorySource('split-lists.h5', new Uint8Array(readFileSync(path))));
    for (const name of ['one', 'two', 'three']) {
      expect(archive.weights.layer([name]).map((weight) => weight.name)).toEqual(['kernel', 'bias']);
    }
    // Packed weights are unpacked when they are read, and come in pieces where a writer takes pieces.
    const [, bias] = archive.weights.layer(['three']);
    const expected = new Uint8Array(new Float32Array(64).fill(3).buffer);
    expect(bias === undefined ? undefined : await store.read(bias.tensor)).toEqual(expected);
    expect(bias === undefined ? undefined : await joinChunks(store.chunks(bias.tensor))).toEqual(expected);
  });

  it('scopes that Keras counted anew are matched by class and order', async () => {
    await h5wasm.ready;
    const path = join(temporary, 'scopes.h5');
    const file = new h5wasm.File(path, 'w');
    const inner = ['dense', 'dense_1'].map((name) => ({ class_name: 'Dense', config: { name } }));
    const layers = [{ class_name: 'Sequential', config: { name: 'inner', layers: inner } }];
    file.create_attribute('model_config', JSON.stringify({ class_name: 'Sequential', config: { layers } }));
    const weights = file.create_group('model_weights');
    weights.create_attribute('layer_names', ['inner']);
    const group = weights.create_group('inner');
    group.create_attribute('weight_names', ['dense_5/kernel:0', 'dense_6/kernel:0']);
    for (const [scope, value] of [
      ['dense_5', 5],
      ['dense_6', 6],
    ] as const) {
      group.create_group(scope).create_dataset({ name: 'kernel:0', data: new Float32Array([value]), shape: [1, 1] });
    }
    file.close();
    const { archive, store } = await open(memorySource('scopes.h5', new Uint8Array(readFileSync(path))));
    const [first] = archive.weights.layer(['inner', 'dense']);
    expect(first === undefined ? undefined : new Float32Array((await store.read(first.tensor)).slice().buffer)).toEqual(
      new Float32Array([5]),
    );
    expect(archive.weights.layer(['inner', 'dense_1'])).toHaveLength(1);
  });
});

describe('layers by the names of weights', () => {
  const layers = ['conv1/conv', 'conv1/bn', 'conv1', 'dense', 'dense_1'].map((name) => ({ name, className: 'Dense' }));
  const deep = { name: 'deep', className: 'Sequential', layers: [{ name: 'dense', className: 'Dense' }] };
  const model = { name: 'model', className: 'Functional', layers: [...layers, deep] };

  it.each([
    ['conv1/conv/kernel:0', ['model', 'conv1/conv'], 'kernel'],
    ['model/conv1/bn/gamma:0', ['model', 'conv1/bn'], 'gamma'],
    ['conv1/kernel:0', ['model', 'conv1'], 'kernel'],
    ['dense_1/kernel:0', ['model', 'dense_1'], 'kernel'],
    ['model/deep/dense/kernel', ['model', 'deep', 'dense'], 'kernel'],
    ['dense/cell/kernel:0', ['model', 'dense'], 'cell/kernel'],
  ])('%s', (weight, path, inside) => {
    expect(placesOf('x.h5', 'model', model, [weight])).toEqual([{ path, inside }]);
  });

  it('a weight without any is refused', () => {
    expect(() => placesOf('x.h5', 'model', model, ['kernel'])).toThrow(PareError);
  });
});

describeWithTestdata('real .h5 files', () => {
  it.each([
    ['models/mlperf_tiny_resnet8/pretrainedResnet.h5', '2.4.0', 'conv2d_8', [[1, 1, 32, 64], [64]]],
    ['models/magika_v1/model.h5', '2.11.0', 'target_label', [[256, 113], [113]]],
    ['models/hand_keypoint/keypoint_classifier.hdf5', '2.4.0', 'dense_2', [[10, 3], [3]]],
  ])('%s', async (path, version, layer, shapes) => {
    const { archive } = await open(memorySource(path, new Uint8Array(readFileSync(testdata(path)))));
    expect(archive.version).toBe(version);
    expect(archive.weights.layer([layer]).map(({ name }) => name)).toEqual(['kernel', 'bias']);
    expect(archive.weights.layer([layer]).map(({ tensor }) => tensor.shape)).toEqual(shapes);
  });
});

describe('opening a file of 100 MB', () => {
  const LAYERS = 24;
  const WIDTH = 1024;

  /** Counts what is read from a file. */
  const counting = (source: ByteSource): { readonly source: ByteSource; bytes: number } => {
    const counter = {
      bytes: 0,
      source: {
        ...source,
        read(offset: number, length: number) {
          counter.bytes += length;
          return source.read(offset, length);
        },
      },
    };
    return counter;
  };

  const names = Array.from({ length: LAYERS }, (_, index) => (index === 0 ? 'dense' : `dense_${index}`));
  const config = JSON.stringify({
    class_name: 'Sequential',
    config: { layers: names.map((name) => ({ class_name: 'Dense', config: { name, units: WIDTH } })) },
  });
  const kernel = (layer: number): Float32Array => new Float32Array(WIDTH * WIDTH).fill(layer + 1);

  it.each(['big.h5', 'big.keras'])(
    '%s reads its structure alone',
    async (name) => {
      await h5wasm.ready;
      const path = join(temporary, `${name}.h5`);
      const file = new h5wasm.File(path, 'w');
      const top = file.create_group(name === 'big.h5' ? 'model_weights' : 'layers');
      if (name === 'big.h5') {
        file.create_attribute('model_config', config);
        top.create_attribute('layer_names', names);
      }
      for (const [index, layer] of names.entries()) {
        const group = top.create_group(layer);
        if (name === 'big.h5') group.create_attribute('weight_names', [`${layer}/kernel:0`]);
        const [inner, variable] = name === 'big.h5' ? [layer, 'kernel:0'] : ['vars', '0'];
        group.create_group(inner).create_dataset({ name: variable, data: kernel(index), shape: [WIDTH, WIDTH] });
      }
      file.close();
      let blob = await openAsBlob(path);
      if (name === 'big.keras') {
        const zip = await writeZip(name, [
          { path: 'metadata.json', chunks: [new TextEncoder().encode('{}')], sizeBytes: 2 },
          { path: 'config.json', chunks: [new TextEncoder().encode(config)], sizeBytes: config.length },
          {
            path: 'model.weights.h5',
            chunks: [{ source: blobSource(path, blob), offset: 0, length: blob.size }],
            sizeBytes: blob.size,
          },
        ]);
        writeFileSync(join(temporary, name), await joinChunks(zip.chunks));
        blob = await openAsBlob(join(temporary, name));
      }
      expect(blob.size).toBeGreaterThan(100e6);
      const counter = counting(blobSource(name, blob));
      const { archive, store } = await open(counter.source);
      expect(names.map((layer) => archive.weights.layer([layer]).length)).toEqual(names.map(() => 1));
      expect(counter.bytes).toBeLessThan(2e6);
      const [last] = archive.weights.layer([`dense_${LAYERS - 1}`]);
      const [chunk] = last === undefined ? [] : store.chunks(last.tensor);
      expect(chunk).toMatchObject({ length: WIDTH * WIDTH * 4 });
      const bytes = last === undefined ? undefined : await store.read(last.tensor);
      const values = new Float32Array(bytes?.slice().buffer ?? new ArrayBuffer(0));
      expect([values.length, ...new Set(values)]).toEqual([WIDTH * WIDTH, LAYERS]);
    },
    60_000,
  );
});
