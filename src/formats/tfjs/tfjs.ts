/** TF.js models: a `model.json` with the graph or the layers, and files of weights beside it. */
import { PareError } from '#base/failure.ts';
import type { Format } from '#formats/format.ts';

/** Keys that a model.json starts with; other JSON files have none of them. */
const KEYS = /"(modelTopology|weightsManifest)"\s*:|"format"\s*:\s*"(graph|layers)-model"/;

export const tfjs: Format = {
  id: 'tfjs',
  title: 'TensorFlow.js model',
  extensions: ['.json'],

  sniff(head) {
    const start = new TextDecoder().decode(head);
    return /^\ufeff?\s*\{/.test(start) && KEYS.test(start);
  },

  async read(input, store) {
    if (!input.files.has(input.main)) {
      throw new PareError({ code: 'tfjs/no-file', file: input.main, problem: 'There is no such file.' });
    }
    const { readTfjs } = await import('./read.ts');
    return readTfjs(input, store);
  },
};
