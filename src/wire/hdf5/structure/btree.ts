/** The two kinds of trees that HDF5 keeps links, attributes and chunks in, as lists of their records. Specification 3.0, III.A. */
import { Cursor } from './cursor.ts';
import { type Hdf5Bytes, readBlock, verify } from './file.ts';

/** A leaf's entry of a version 1 tree: its key, and what it leads to. */
export interface OldEntry {
  readonly key: Cursor;
  readonly child: number;
}

/** All entries of the lowest level of a version 1 tree, in order. `type` 0: groups, 1: chunks. */
export async function readOldTree(
  file: Hdf5Bytes,
  root: number,
  type: 0 | 1,
  keyBytes: number,
  most: number,
): Promise<readonly OldEntry[]> {
  const found: OldEntry[] = [];
  const headBytes = 8 + 2 * file.offsetBytes;
  const entryBytes = keyBytes + file.offsetBytes;
  const walk = async (address: number, above: number | null): Promise<void> => {
    const head = await readBlock(file, address, headBytes);
    head.expect('TREE');
    const kind = head.u8();
    const level = head.u8();
    const count = head.u16();
    // Levels go down by one on the way to the leaves, so that no circle passes.
    if (kind !== type || (above !== null && level !== above - 1)) {
      throw head.broken('A node of a tree is not of the kind or level that it should be.', address);
    }
    const body = await readBlock(file, address + headBytes, count * entryBytes);
    for (let index = 0; index < count; index++) {
      const key = body.part(keyBytes);
      const child = body.place();
      if (level > 0) await walk(child, level);
      else found.push({ key, child });
    }
    if (found.length > most) throw head.broken(`A tree has more than ${most} entries.`, root);
  };
  await walk(root, null);
  return found;
}

export interface NewTree {
  /** Which kind of records it holds. */
  readonly type: number;
  readonly records: readonly Cursor[];
}

/** All records of a version 2 tree, in order. */
export async function readNewTree(file: Hdf5Bytes, address: number, most: number): Promise<NewTree> {
  const head = await readBlock(file, address, 4 + 2 + 4 + 2 + 2 + 2 + file.offsetBytes + 2 + file.lengthBytes + 4);
  verify(head);
  head.expect('BTHD');
  head.skip(1);
  const type = head.u8();
  const nodeBytes = head.u32();
  const recordBytes = head.u16();
  const depth = head.u16();
  head.skip(2);
  const root = head.maybePlace();
  const rootCount = head.u16();
  const total = head.length();
  if (total > most) throw head.broken(`A tree has more than ${most} entries.`, address);
  const records: Cursor[] = [];
  if (root === null || total === 0) return { type, records };
  if (recordBytes === 0 || nodeBytes < 32 || depth > 32)
    throw head.broken('The shape of a tree is impossible.', address);

  const levels = levelsOf(file, nodeBytes, recordBytes, depth);
  const walk = async (place: number, count: number, level: number): Promise<void> => {
    const { totalBytes, countBytes } = levels[level] ?? { totalBytes: 0, countBytes: 0 };
    const pointerBytes = level === 0 ? 0 : file.offsetBytes + countBytes + totalBytes;
    const used = 6 + count * recordBytes + (level === 0 ? 0 : (count + 1) * pointerBytes) + 4;
    if (used > nodeBytes) throw head.broken('A node of a tree has more records than fit in it.', place);
    const node = await readBlock(file, place, used);
    verify(node);
    node.expect(level === 0 ? 'BTLF' : 'BTIN');
    node.skip(2);
    const own = Array.from({ length: count }, () => node.part(recordBytes));
    for (let index = 0; index <= count; index++) {
      if (level > 0) {
        const child = node.place();
        const childCount = node.uint(countBytes);
        node.skip(totalBytes);
        await walk(child, childCount, level - 1);
      }
      const record = own[index];
      if (record !== undefined) records.push(record);
    }
    if (records.length > total) throw head.broken('A tree has more records than it says.', address);
  };
  await walk(root, rootCount, depth);
  if (records.length !== total) throw head.broken('A tree has fewer records than it says.', address);
  return { type, records };
}

/** How wide counts are in pointers of each level: as wide as the fullest node below needs. */
function levelsOf(
  file: Hdf5Bytes,
  nodeBytes: number,
  recordBytes: number,
  depth: number,
): readonly { readonly countBytes: number; readonly totalBytes: number }[] {
  const leafMost = Math.floor((nodeBytes - 10) / recordBytes);
  const countBytes = bytesForCount(leafMost);
  const levels = [{ countBytes, totalBytes: 0 }];
  let below = leafMost;
  let totalBytes = 0;
  for (let level = 1; level <= depth; level++) {
    const pointerBytes = file.offsetBytes + countBytes + totalBytes;
    const most = Math.max(0, Math.floor((nodeBytes - 10 - pointerBytes) / (recordBytes + pointerBytes)));
    levels.push({ countBytes, totalBytes });
    below = (most + 1) * below + most;
    totalBytes = bytesForCount(below);
  }
  return levels;
}

/** Bytes that hold any number up to `most`. */
function bytesForCount(most: number): number {
  let bytes = 1;
  for (let limit = 256; limit <= most && bytes < 8; limit *= 256) bytes += 1;
  return bytes;
}
