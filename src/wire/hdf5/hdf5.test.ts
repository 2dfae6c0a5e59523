/** Our HDF5 reader against the HDF5 library, on real models and on files that Python's h5py wrote in every form it has. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import { describeWithTestdata, testModels, testdata } from '#base/testing/testdata.ts';
import { openHdf5 } from './hdf5.ts';
import { seenByLibrary, seenByUs } from './testing/oracle.ts';

const FIXTURES = join(import.meta.dirname, '../../../fixtures/formats/keras/containers');

const temporary = mkdtempSync(join(tmpdir(), 'hdf5-'));

/** Where the unpacked fixture lies, for the library to open. */
const fixture = (name: string): string => {
  const path = join(temporary, `${name}.h5`);
  writeFileSync(path, gunzipSync(readFileSync(join(FIXTURES, `hdf5-${name}.h5.gz`))));
  return path;
};

const open = (path: string): ReturnType<typeof openHdf5> =>
  openHdf5(memorySource(basename(path), new Uint8Array(readFileSync(path))));

describe('HDF5 files of h5py', () => {
  it.each(['types', 'chunked', 'latest', 'dense', 'ordered', 'user-block'])(
    '%s: all is as the library reads it',
    async (name) => {
      const path = fixture(name);
      expect(await seenByUs(await open(path))).toEqual(await seenByLibrary(path));
    },
  );
});

describeWithTestdata('HDF5 files of real models', () => {
  it.each([...testModels('.h5'), ...testModels('.hdf5')])('%s: all is as the library reads it', async (model) => {
    const path = testdata(`models/${model}`);
    expect(await seenByUs(await open(path))).toEqual(await seenByLibrary(path));
  });
});
