/** TensorFlow models: a SavedModel folder, or one frozen graph in a `.pb` file. */
import { PareError } from '#base/failure.ts';
import type { Format } from '#formats/format.ts';
import { sniffSavedModel } from './sniff.ts';

export const savedmodel: Format = {
  id: 'savedmodel',
  title: 'TensorFlow SavedModel or frozen graph',
  extensions: ['.pb'],
  sniff: sniffSavedModel,

  async read(input, store) {
    if (!input.files.has(input.main)) {
      throw new PareError({ code: 'savedmodel/no-file', file: input.main, problem: 'There is no such file.' });
    }
    const { readSavedModel } = await import('./read.ts');
    return readSavedModel(input, store);
  },
};
