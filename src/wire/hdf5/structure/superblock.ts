/** Where an HDF5 file starts: the widths of its addresses and the address of its root group. Specification 3.0, section II.A. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { isHdf5 } from '#wire/hdf5/signature.ts';
import { Cursor, damaged, unsupported } from './cursor.ts';
import { freshBudget, type Hdf5Bytes, verify } from './file.ts';

/** Longest superblock: version 1 with eight-byte addresses. */
const SUPERBLOCK_BYTES = 100;
/** A user's own block may stand in front, of a power of two from 512 bytes on; nobody's is larger than this. */
const MAX_USER_BLOCK = 16 * 1024 * 1024;

export interface Superblock {
  readonly file: Hdf5Bytes;
  readonly root: number;
}

export async function readSuperblock(source: ByteSource): Promise<Superblock> {
  for (let at = 0; at + 48 <= source.sizeBytes && at <= MAX_USER_BLOCK; at = at === 0 ? 512 : at * 2) {
    const head = await source.read(at, Math.min(SUPERBLOCK_BYTES, source.sizeBytes - at));
    if (isHdf5(head)) return parse(source, head, at);
  }
  throw new PareError({
    code: 'hdf5/signature',
    file: source.name,
    problem: 'This is not an HDF5 file, or its beginning is missing.',
    hint: 'Get the file again.',
  });
}

function parse(source: ByteSource, head: Uint8Array, at: number): Superblock {
  const narrow = new Cursor({ name: source.name, offsetBytes: 8, lengthBytes: 8 }, head, at);
  narrow.skip(8);
  const version = narrow.u8();
  if (version > 3) {
    const hint = 'Save it with an older version of the HDF5 library, or with libver="earliest".';
    throw unsupported(
      source.name,
      at,
      `It is written in version ${version} of HDF5's superblock; 0 to 3 are read.`,
      hint,
    );
  }
  if (version < 2) narrow.skip(4);
  const offsetBytes = narrow.u8();
  const lengthBytes = narrow.u8();
  if (![2, 4, 8].includes(offsetBytes) || ![2, 4, 8].includes(lengthBytes)) {
    throw damaged(source.name, at, `Addresses of ${offsetBytes} and lengths of ${lengthBytes} bytes are impossible.`);
  }
  const cursor = new Cursor({ name: source.name, offsetBytes, lengthBytes }, head, at);
  cursor.skip(narrow.at);
  let root: number;
  let base: number;
  if (version < 2) {
    // A reserved byte, two widths of tree nodes, flags; version 1 adds a third width.
    cursor.skip(1 + 2 + 2 + 4 + (version === 1 ? 4 : 0));
    base = cursor.place();
    cursor.maybePlace();
    cursor.maybePlace();
    cursor.maybePlace();
    cursor.maybePlace();
    root = cursor.place();
  } else {
    cursor.skip(1);
    base = cursor.place();
    cursor.maybePlace();
    cursor.maybePlace();
    root = cursor.place();
    verify(new Cursor(cursor.file, head.subarray(0, cursor.at + 4), at));
  }
  // A file that was put behind a block of the user's own may not have had its base address changed.
  const file = { name: source.name, source, base: base === 0 ? at : base, offsetBytes, lengthBytes };
  return { file: { ...file, budget: freshBudget() }, root };
}
