/** Reads the arrays of a .npy or .npz file, for `feedsFromArrays`. */
import type { NdArray } from '#base/nd-array.ts';
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { readNpy, readNpz } from '#wire/npy.ts';
import { isZip } from '#wire/zip.ts';

/** Arrays by name; the one of a .npy file is called `array`. Which of the two it is shows in its first bytes. */
export async function readInputArrays(source: ByteSource): Promise<ReadonlyMap<string, NdArray>> {
  try {
    const head = await source.read(0, Math.min(4096, source.sizeBytes));
    if (isZip(head)) return await readNpz(source);
    return new Map([['array', readNpy(source.name, await source.read(0, source.sizeBytes))]]);
  } catch (error) {
    throw error instanceof PareError ? error.inFile(source.name) : error;
  }
}
