/** The containers of Keras against what Python found in the same files: every weight of every layer, in the order of its class. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import type { KerasArchive } from '#formats/keras/archive.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { crc32 } from '#wire/crc32.ts';
import { readH5Archive } from './h5.ts';
import { readKerasArchive } from './keras-zip.ts';

const FIXTURES = join(import.meta.dirname, '../../../../fixtures/formats/keras/containers');

interface Recorded {
  readonly version: string;
  readonly layers: readonly {
    readonly path: readonly string[];
    readonly weights: readonly (readonly [readonly number[], string])[];
  }[];
}

const open = async (file: string): Promise<{ archive: KerasArchive; store: ReturnType<typeof createWeightStore> }> => {
  const source = memorySource(file, new Uint8Array(readFileSync(join(FIXTURES, file))));
  const store = createWeightStore();
  const read = file.endsWith('.h5') ? readH5Archive : readKerasArchive;
  return { archive: await read(source, store), store };
};

const FILES = ['sequential', 'nested', 'sequences'].flatMap((name) =>
  ['2.h5', '3.h5', '2.keras', '3.keras'].map((ending) => `${name}-${ending}`),
);

describe('weights by layer are those that Python has', () => {
  it.each(FILES)('%s', async (file) => {
    const recorded = JSON.parse(readFileSync(join(FIXTURES, `${file}.json`), 'utf8')) as Recorded;
    const { archive, store } = await open(file);
    expect(archive.version).toBe(recorded.version);
    const found: Recorded['layers'][number][] = [];
    for (const { path } of recorded.layers) {
      const weights: [readonly number[], string][] = [];
      for (const { tensor } of archive.weights.layer(path)) {
        weights.push([
          tensor.shape,
          crc32(await store.read(tensor))
            .toString(16)
            .padStart(8, '0'),
        ]);
      }
      found.push({ path, weights });
    }
    expect(found).toEqual(recorded.layers);
  });
});
