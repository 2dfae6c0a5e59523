/** The Keras format: `.keras` files of Keras 3, `.h5` files of Keras 2 and 3. */
import { PareError } from '#base/failure.ts';
import type { Format } from '#formats/format.ts';

const HDF5 = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];
const ZIP = [0x50, 0x4b];

function starts(head: Uint8Array, signature: readonly number[]): boolean {
  return signature.every((byte, at) => head[at] === byte);
}

export const keras: Format = {
  id: 'keras',
  title: 'Keras',
  extensions: ['.keras', '.h5', '.hdf5'],
  sniff: (head, path) => starts(head, HDF5) || (starts(head, ZIP) && path.toLowerCase().endsWith('.keras')),

  async read({ files, main }, store) {
    const source = files.get(main);
    if (source === undefined) {
      throw new PareError({ code: 'keras/no-file', file: main, problem: 'There is no such file.' });
    }
    const { readKeras } = await import('./read.ts');
    const { model, notices } = await readKeras(source, store);
    return { model, notices, used: new Map([[main, source]]) };
  },
};
