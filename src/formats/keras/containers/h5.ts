/** Keras models saved as `.h5`, by Keras 2 and in the same form by Keras 3. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { KerasArchive } from '#formats/keras/archive.ts';
import type { WeightStore } from '#ir/weights.ts';

/** Reads configuration and places of weights; the weights stay in the file. */
export async function readH5Archive(source: ByteSource, _store: WeightStore): Promise<KerasArchive> {
  throw new PareError({ code: 'keras/not-yet', file: source.name, problem: 'Keras .h5 files are not read yet.' });
}
