/** Families of layers, and small networks: what onnxruntime makes of the converted model is what Keras itself answered. */
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import { expectOutputs, type Expected } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { readKeras } from './read.ts';

const FOLDER = 'fixtures/formats/keras/layers';
const MODELS = readdirSync(FOLDER).filter((name) => /\.(h5|keras)\.gz$/.test(name));

/** Keras computed these in half precision. */
const HALVES = /^precision\./;

describe('models that Keras saved', () => {
  it.each(MODELS.map((file) => [file.replace(/\.gz$/, '')]))('%s answers as in Keras', async (name) => {
    const bytes = gunzipSync(readFileSync(`${FOLDER}/${name}.gz`));
    const store = createWeightStore();
    const { model } = await readKeras(memorySource(name, bytes), store);
    const json = gunzipSync(readFileSync(`${FOLDER}/${name}.expected.json.gz`)).toString();
    const expected = JSON.parse(json) as Expected & { readonly names: readonly string[] };
    expect(refusalsOf(model).map(({ node }) => node)).toEqual([]);
    await expectOutputs(model, store, expected, HALVES.test(name) ? 1e-3 : 1e-5);
  });
});
