/** Keras models saved as `.keras`: a zip of configuration and weights. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { KerasArchive } from '#formats/keras/archive.ts';
import type { WeightStore } from '#ir/weights.ts';

/** Reads configuration and places of weights; the weights stay in the file where they are stored in it unpacked. */
export async function readKerasArchive(source: ByteSource, _store: WeightStore): Promise<KerasArchive> {
  throw new PareError({ code: 'keras/not-yet', file: source.name, problem: 'Files named .keras are not read yet.' });
}
