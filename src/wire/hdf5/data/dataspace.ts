/** How many elements there are: dataspace messages. Specification 3.0, section IV.A.2.b. */
import { countOf } from '#base/dtype.ts';
import type { Cursor } from '#wire/hdf5/structure/cursor.ts';
import { MAX_RANK } from '#wire/hdf5/structure/limits.ts';

/** The sizes, none for a single element; null where there is no element at all. */
export type Dataspace = readonly number[] | null;

export function readDataspace(body: Cursor): Dataspace {
  const version = body.u8();
  const rank = body.u8();
  body.skip(1);
  if (version === 1) body.skip(5);
  else if (version !== 2) throw body.broken(`Sizes written in version ${version} are not known.`);
  else if (body.u8() === 2) return null;
  if (rank > MAX_RANK) throw body.broken(`A dataset of ${rank} axes is not known.`);
  const shape = Array.from({ length: rank }, () => body.length());
  if (Number.isSafeInteger(countOf(shape) * 16)) return shape;
  throw body.broken(`A dataset of shape [${shape.join(', ')}] is impossible.`);
}

export function elementsOf(space: Dataspace): number {
  return space === null ? 0 : countOf(space);
}
