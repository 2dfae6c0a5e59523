import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { DroppedFile } from '#studio/jobs.ts';
import { kindOfName, looksLikeLabels, sortDrop } from './drop-kinds.ts';

const file = (path: string, bytes: Uint8Array = new Uint8Array(4)): DroppedFile => ({
  path,
  file: new Blob([new Uint8Array(bytes)]),
});
const zip = (...names: string[]) => zipSync(Object.fromEntries(names.map((name) => [name, new Uint8Array(9)])));

describe('dropped files', () => {
  it.each([
    ['net/model.onnx', 'model'],
    ['model.onnx_data', 'model'],
    ['model.onnx.data', 'model'],
    ['cats/1.JPG', 'data'],
    ['features.npy', 'data'],
    ['train-images-idx3-ubyte.gz', 'data'],
    ['t10k-labels.idx1-ubyte', 'data'],
    ['labels.csv', 'data'],
    ['classes.txt', 'companion'],
    ['weights', 'unknown'],
    ['kws/variables/variables.data-00000-of-00001', 'model'],
    ['kws/variables/variables.index', 'model'],
    ['darknet/group1-shard1of1', 'model'],
    ['model.keras', 'model'],
  ])('%s is %s', (name, kind) => expect(kindOfName(name)).toBe(kind));

  it('is a model, data, both, or for the person to say', async () => {
    const verdict = async (...files: DroppedFile[]) => (await sortDrop(files)).verdict;
    expect(await verdict(file('a.onnx'), file('a.onnx.data'), file('README.md'))).toBe('model');
    expect(await verdict(file('x.npy'), file('classes.txt'))).toBe('data');
    expect(await verdict(file('a.onnx'), file('x.npy'))).toBe('both');
    expect(await verdict(file('notes.txt'))).toBe('unsure');
  });

  it('knows the JSON of a TensorFlow.js model from other JSON', async () => {
    const text = (content: string) => new TextEncoder().encode(content);
    const verdict = async (...files: DroppedFile[]) => (await sortDrop(files)).verdict;
    expect(await verdict(file('model.json', text('{"modelTopology": {}}')))).toBe('model');
    expect(await verdict(file('labels.json', text('["cat", "dog"]')), file('x.npy'))).toBe('data');
  });

  it('keeps external data of any name with its model, and texts with the data', async () => {
    const { model, data } = await sortDrop([file('a.onnx'), file('blob'), file('x.npy'), file('classes.txt')]);
    expect(model.map((one) => one.path)).toEqual(['a.onnx', 'blob']);
    expect(data.map((one) => one.path)).toContain('classes.txt');
  });

  it('looks at the names inside a zip', async () => {
    const verdict = async (...names: string[]) => (await sortDrop([file('a.zip', zip(...names))])).verdict;
    expect(await verdict('m/model.onnx', 'm/readme.txt')).toBe('model');
    expect(await verdict('cats/1.png', 'labels.csv')).toBe('data');
    expect(await verdict('model.onnx', 'cats/1.png')).toBe('unsure');
    expect(await verdict('samples', 'more-samples')).toBe('unsure');
    // Neither a model nor data: the engine says what is wrong with it.
    expect(await verdict('notes.txt')).toBe('model');
    expect((await sortDrop([file('a.zip', new TextEncoder().encode('not a zip at all'))])).verdict).toBe('model');
  });

  it('knows files of labels by their names', () => {
    expect(looksLikeLabels([file('kws/labels.npy'), file('classes.txt')])).toBe(true);
    expect(looksLikeLabels([file('labels/a.npy')])).toBe(false);
  });
});
