/** A dropped .npy or .npz as the inputs of a comparison. */
import { readNpy, readNpz } from '#wire/npy.ts';
import { isZip } from '#wire/zip.ts';
import type { ByteSource } from '#base/bytes.ts';
import type { InputChoice } from './compare.ts';

/** Arrays by name; a lone .npy has none, and serves a model with one input. */
export async function readInputArrays(source: ByteSource): Promise<InputChoice> {
  const head = await source.read(0, Math.min(64, source.sizeBytes));
  const arrays = isZip(head)
    ? await readNpz(source)
    : new Map([['', readNpy(source.name, await source.read(0, source.sizeBytes))]]);
  return { arrays, file: source.name };
}
