/** Our HDF5 reader against the HDF5 library, on real models and on files that Python's h5py wrote in every form it has. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import { seededRandom } from '#base/random.ts';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testModels, testdata } from '#base/testing/testdata.ts';
import { type Hdf5Dataset, type Hdf5Group, type Hdf5Object, openHdf5 } from './hdf5.ts';
import { seenByLibrary, seenByUs } from './testing/oracle.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/formats/keras/containers');

const temporary = mkdtempSync(join(tmpdir(), 'hdf5-'));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Where the unpacked fixture lies, for the library to open. */
const fixture = (name: string): string => {
  const path = join(temporary, `${name}.h5`);
  writeFileSync(path, gunzipSync(readFileSync(join(FIXTURES, `hdf5-${name}.h5.gz`))));
  return path;
};

const open = (path: string): ReturnType<typeof openHdf5> =>
  openHdf5(memorySource(basename(path), new Uint8Array(readFileSync(path))));

const datasetOf = async (root: Hdf5Group, name: string): Promise<Hdf5Dataset> => {
  const found = await root.get(name);
  if (found?.kind === 'dataset') return found;
  throw new Error(`no dataset ${name}`);
};

describe('HDF5 files of h5py', () => {
  it.each(['types', 'chunked', 'latest', 'dense', 'ordered', 'user-block'])(
    '%s: all is as the library reads it',
    async (name) => {
      const path = fixture(name);
      expect(await seenByUs(await open(path))).toEqual(await seenByLibrary(path));
    },
  );
});

describe('what the library for JavaScript does not read', () => {
  it('halves, of both byte orders', async () => {
    const root = await open(fixture('halves'));
    const halves = [0.5, -2, 65504, 0.3330078125];
    expect((await datasetOf(root, 'half')).dtype).toBe('f16');
    expect((await (await datasetOf(root, 'half')).values())?.values).toEqual(halves);
    expect((await (await datasetOf(root, 'big half')).values())?.values).toEqual(halves);
    expect(await root.attribute('half')).toEqual({ shape: [], values: [0.3330078125] });
    const bfloat = await datasetOf(root, 'bfloat16');
    expect(bfloat.sizeBytes).toBe(8);
    expect([...(await bfloat.read())].slice(0, 4)).toEqual([0x00, 0x3f, 0x00, 0xc0]);
  });
});

describe('where the elements lie', () => {
  it('is told of plain datasets, in the order of bytes that tickets have', async () => {
    const path = fixture('types');
    const bytes = readFileSync(path);
    const root = await open(path);
    const plain = await datasetOf(root, 'type f4');
    const { offset, length } = plain.place ?? { offset: 0, length: 0 };
    expect(new Uint8Array(bytes.subarray(offset, offset + length))).toEqual(await plain.read());
    for (const name of ['type big f4', 'compact', 'never written', 'texts']) {
      expect([name, (await datasetOf(root, name)).place === undefined]).toEqual([name, true]);
    }
    const behind = await open(fixture('user-block'));
    expect((await datasetOf(behind, 'data')).place?.offset).toBeGreaterThan(1024);
  });
});

describe('what is not read is refused', () => {
  const refusal = async (act: () => Promise<unknown>): Promise<string> => {
    try {
      await act();
    } catch (error) {
      if (error instanceof PareError) return error.parts.code;
      throw error;
    }
    return 'was read';
  };

  it('links in circles and into other files, virtual and external datasets', async () => {
    const root = await open(fixture('refused'));
    expect(await refusal(() => root.get('circle a'))).toBe('hdf5/links');
    expect(await refusal(() => root.get('outside'))).toBe('hdf5/external');
    expect(await refusal(() => root.get('elsewhere'))).toBe('hdf5/external');
    expect(await refusal(() => root.get('virtual'))).toBe('hdf5/unsupported');
    expect(await root.get('nowhere')).toBeUndefined();
    expect(await root.get('records/inside')).toBeUndefined();
  });

  it('other compression, datasets that grow, and those that the file does not hold', async () => {
    const root = await open(fixture('refused'));
    const lzf = await datasetOf(root, 'lzf');
    expect(await refusal(() => lzf.read())).toBe('hdf5/unsupported');
    expect(await refusal(() => root.get('grows'))).toBe('hdf5/unsupported');
    const bomb = await datasetOf(root, 'shape bomb');
    expect(bomb.shape).toEqual([2 ** 33]);
    expect(await refusal(() => bomb.read())).toBe('hdf5/too-big');
    // What a small file of zeros unpacks to stays within what a small file may.
    expect((await (await datasetOf(root, 'bomb')).read()).byteLength).toBe(2 ** 22);
  });

  it('records and references have no values, but do not stand in the way', async () => {
    const root = await open(fixture('refused'));
    const records = await datasetOf(root, 'records');
    expect([records.dtype, records.typeName, await records.values()]).toEqual([null, 'records', null]);
    expect(await root.attributeNames()).toEqual(['reference']);
    expect(await root.attribute('reference')).toBeNull();
  });

  it('files that are cut short, at any length', async () => {
    const bytes = new Uint8Array(readFileSync(fixture('ordered')));
    for (let length = 0; length < bytes.byteLength; length += 97) {
      const cut = memorySource('cut.h5', bytes.subarray(0, length));
      const act = async (): Promise<unknown> => seenByUs(await openHdf5(cut));
      expect(await refusal(act)).toMatch(/^hdf5\/(damaged|signature)$/);
    }
  });
});

describe('damaged files', () => {
  /** Everything that can be asked of a file; only refusals may come out. */
  const askAll = async (object: Hdf5Object, depth: number): Promise<void> => {
    const ask = async <T>(act: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await act();
      } catch (error) {
        if (error instanceof PareError) return undefined;
        throw error;
      }
    };
    for (const name of (await ask(() => object.attributeNames())) ?? []) await ask(() => object.attribute(name));
    if (object.kind === 'dataset') {
      await ask(() => object.read());
      return;
    }
    if (depth > 6) return;
    for (const name of ((await ask(() => object.names())) ?? []).slice(0, 300)) {
      const child = await ask(() => object.get(name));
      if (child !== undefined) await askAll(child, depth + 1);
    }
  };

  it.each(['types', 'chunked', 'latest', 'dense', 'ordered', 'user-block'])(
    '%s: 150 of them give refusals alone',
    async (name) => {
      const whole = new Uint8Array(readFileSync(fixture(name)));
      const { below } = seededRandom(name.length * 1000 + name.charCodeAt(0));
      for (let trial = 0; trial < 150; trial++) {
        const bytes = whole.slice();
        for (let change = 0; change <= below(6); change++) {
          const at = below(bytes.byteLength);
          const kind = below(4);
          if (kind === 0) bytes[at] = below(256);
          else if (kind === 1) bytes.fill(0xff, at, at + 1 + below(8));
          else if (kind === 2) bytes.fill(0, at, at + 1 + below(16));
          else bytes.copyWithin(at, below(bytes.byteLength), below(bytes.byteLength));
        }
        try {
          await askAll(await openHdf5(memorySource('damaged.h5', bytes)), 0);
        } catch (error) {
          expect(error, `trial ${trial}`).toBeInstanceOf(PareError);
        }
      }
    },
  );
});

describeWithTestdata('HDF5 files of real models', () => {
  it.each([...testModels('.h5'), ...testModels('.hdf5')])('%s: all is as the library reads it', async (model) => {
    const path = testdata(`models/${model}`);
    expect(await seenByUs(await open(path))).toEqual(await seenByLibrary(path));
  });
});
