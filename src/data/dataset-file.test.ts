import { describe, expect, it } from 'vitest';
import { readDatasetFile } from './dataset-file.ts';

describe('readDatasetFile', () => {
  it('reads paths and settings', () => {
    const file = readDatasetFile(
      '{"version": 1, "data": "images", "settings": {"mean": 127.5, "std": 127.5}}',
      'set.json',
    );
    expect(file.data).toEqual(['images']);
    expect(file.settings).toMatchObject({ mean: 127.5, std: 127.5, split: { calibration: 100, seed: 1 } });
    expect(readDatasetFile('{"version": 1, "data": ["a.npy", "b.npy"], "labels": "y.npy"}', 'set.json')).toEqual({
      data: ['a.npy', 'b.npy'],
      labels: 'y.npy',
    });
  });

  it.each([
    ['{', 'set.json: it is not JSON'],
    ['{"version": 2, "data": "x"}', 'set.json, version: it is no dataset file'],
    ['{"version": 1}', 'set.json, data: it is no dataset file'],
    ['{"version": 1, "data": "x", "settings": {"std": "a"}}', 'set.json, settings.std: it is no dataset file'],
  ])('refuses %s', (text, sentence) => {
    expect(() => readDatasetFile(text, 'set.json')).toThrow(sentence);
  });
});
