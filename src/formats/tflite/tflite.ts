/** The TFLite format: one `.tflite` file, read only. */
import { PareError } from '#base/failure.ts';
import type { Format } from '#formats/format.ts';

export const tflite: Format = {
  id: 'tflite',
  title: 'TensorFlow Lite',
  extensions: ['.tflite'],

  /** `TFL3` behind the offset of the root table. */
  sniff: (head) => head.byteLength >= 8 && String.fromCharCode(...head.subarray(4, 8)) === 'TFL3',

  async read({ files, main, signature }, store) {
    const source = files.get(main);
    if (source === undefined) {
      throw new PareError({ code: 'tflite/no-file', file: main, problem: 'There is no such file.' });
    }
    const { readTflite } = await import('./read.ts');
    return { ...(await readTflite(source, store, signature)), used: new Map([[main, source]]) };
  },
};
