/** Where the bytes of a dataset lie: layout and fill value messages. Specification 3.0, sections IV.A.2.e to i. */
import { type Cursor, unsupported } from '#wire/hdf5/structure/cursor.ts';
import type { Hdf5Bytes } from '#wire/hdf5/structure/file.ts';
import { MESSAGE, type Message, messageOf } from '#wire/hdf5/structure/header.ts';
import { MAX_RANK } from '#wire/hdf5/structure/limits.ts';

export type Layout =
  | { readonly kind: 'compact'; readonly bytes: Uint8Array }
  /** `address` null: never written. `length` null: as long as shape and type say. */
  | { readonly kind: 'contiguous'; readonly address: number | null; readonly length: number | null }
  | {
      readonly kind: 'chunked';
      readonly address: number | null;
      readonly chunk: readonly number[];
      readonly index: ChunkIndex;
    };

/** How the chunks of a dataset are found. */
export type ChunkIndex =
  | { readonly kind: 'old-tree' }
  | { readonly kind: 'single'; readonly storedBytes: number | null; readonly mask: number }
  | { readonly kind: 'implicit' }
  | { readonly kind: 'fixed-array' }
  | { readonly kind: 'new-tree' };

export function readLayout(file: Hdf5Bytes, body: Cursor): Layout {
  const version = body.u8();
  if (version < 3) return readOldest(body);
  if (version > 4) throw body.broken(`A layout of version ${version} is not known.`);
  const kind = body.u8();
  if (kind === 0) return { kind: 'compact', bytes: body.take(body.u16()) };
  if (kind === 1) return { kind: 'contiguous', address: body.maybePlace(), length: body.length() };
  if (kind === 2) return version === 3 ? readChunked3(body) : readChunked4(file, body);
  throw unsupported(
    file.name,
    body.here,
    kind === 3 ? 'A dataset is put together from other files.' : `A layout of kind ${kind} is not known.`,
    'Copy its values into a plain dataset: save the model again with Keras.',
  );
}

function readOldest(body: Cursor): Layout {
  const rank = checkRank(body, body.u8());
  const kind = body.u8();
  body.skip(5);
  const address = kind === 0 ? null : body.maybePlace();
  const sizes = Array.from({ length: rank }, () => body.u32());
  if (kind === 0) return { kind: 'compact', bytes: body.take(body.u32()) };
  if (kind === 1) return { kind: 'contiguous', address, length: null };
  if (kind !== 2) throw body.broken(`A layout of kind ${kind} is not known.`);
  return { kind: 'chunked', address, chunk: sizes.slice(0, -1), index: { kind: 'old-tree' } };
}

function readChunked3(body: Cursor): Layout {
  const rank = checkRank(body, body.u8());
  const address = body.maybePlace();
  // The last size is that of an element.
  const chunk = Array.from({ length: rank - 1 }, () => body.u32());
  return { kind: 'chunked', address, chunk, index: { kind: 'old-tree' } };
}

function readChunked4(file: Hdf5Bytes, body: Cursor): Layout {
  const flags = body.u8();
  const rank = checkRank(body, body.u8());
  const width = body.u8();
  if (width < 1 || width > 8) throw body.broken('The sizes of chunks are of an impossible width.');
  const chunk = Array.from({ length: rank - 1 }, () => body.uint(width));
  body.uint(width);
  if ((flags & 1) !== 0) {
    const hint = 'Save the model again without that option.';
    throw unsupported(file.name, body.here, 'Chunks at the edges of a dataset are stored without its filters.', hint);
  }
  const index = readChunkIndex(file, body, flags);
  return { kind: 'chunked', chunk, index, address: body.maybePlace() };
}

function readChunkIndex(file: Hdf5Bytes, body: Cursor, flags: number): ChunkIndex {
  const kind = body.u8();
  switch (kind) {
    case 1:
      if ((flags & 2) === 0) return { kind: 'single', storedBytes: null, mask: 0 };
      return { kind: 'single', storedBytes: body.length(), mask: body.u32() };
    case 2:
      return { kind: 'implicit' };
    case 3:
      body.skip(1);
      return { kind: 'fixed-array' };
    case 5:
      body.skip(6);
      return { kind: 'new-tree' };
    default: {
      const problem =
        kind === 4 ? 'A dataset can grow along one axis.' : `An index of chunks of kind ${kind} is not known.`;
      const hint = 'Save it without maxshape, or without libver="latest".';
      throw unsupported(file.name, body.here, problem, hint);
    }
  }
}

function checkRank(body: Cursor, rank: number): number {
  if (rank <= MAX_RANK + 1) return rank;
  throw body.broken(`A dataset of ${rank} axes is not known.`);
}

/** The bytes of one element that was never written; none for zeros. */
export async function readFill(file: Hdf5Bytes, messages: readonly Message[]): Promise<Uint8Array> {
  const body = await messageOf(file, messages, MESSAGE.fill);
  if (body === undefined) {
    const old = await messageOf(file, messages, MESSAGE.oldFill);
    return old === undefined ? new Uint8Array(0) : old.take(old.u32());
  }
  const version = body.u8();
  if (version === 3) {
    const defined = (body.u8() & 0x20) !== 0;
    return defined ? body.take(body.u32()) : new Uint8Array(0);
  }
  body.skip(2);
  const defined = body.u8() !== 0;
  return defined || version === 1 ? body.take(body.u32()) : new Uint8Array(0);
}
