/** Attributes of an object: in its header, or many and large ones in a heap. Specification 3.0, sections IV.A.2.m and v. */
import { PareError } from '#base/failure.ts';
import { readNewTree } from '#wire/hdf5/structure/btree.ts';
import { type Cursor, textOf } from '#wire/hdf5/structure/cursor.ts';
import type { Hdf5Bytes } from '#wire/hdf5/structure/file.ts';
import { openFractalHeap } from '#wire/hdf5/structure/fractal-heap.ts';
import { MESSAGE, type Message, readShared } from '#wire/hdf5/structure/header.ts';
import { MAX_ATTRIBUTES } from '#wire/hdf5/structure/limits.ts';
import { type Dataspace, elementsOf, readDataspace } from './dataspace.ts';
import { type Datatype, readDatatype } from './datatype.ts';
import { type HeapText, type Hdf5Value, readValue } from './value.ts';

/** An attribute that was found but whose value was not read yet. */
export interface FoundAttribute {
  readonly type: Datatype;
  readonly space: Dataspace;
  readonly bytes: Uint8Array;
}

export async function readAttributes(
  file: Hdf5Bytes,
  messages: readonly Message[],
): Promise<ReadonlyMap<string, FoundAttribute>> {
  const found = new Map<string, FoundAttribute>();
  const add = async (body: Cursor): Promise<void> => {
    const { name, attribute } = await readAttribute(file, body);
    if (found.size >= MAX_ATTRIBUTES) throw body.broken('An object has more attributes than are read.');
    found.set(name, attribute);
  };
  for (const { type, shared, body } of messages) {
    body.at = 0;
    if (type === MESSAGE.attribute) await add(shared ? await readShared(file, type, body) : body);
    if (type !== MESSAGE.attributeInfo) continue;
    body.skip(1);
    if ((body.u8() & 1) !== 0) body.skip(2);
    const heapAt = body.maybePlace();
    const treeAt = body.maybePlace();
    if (heapAt === null || treeAt === null) continue;
    const heap = await openFractalHeap(file, heapAt);
    const tree = await readNewTree(file, treeAt, MAX_ATTRIBUTES);
    if (tree.type !== 8) throw body.broken('The list of attributes of an object is a tree of something else.', treeAt);
    for (const record of tree.records) {
      const object = await heap.object(record.part(8));
      await add((record.u8() & 2) !== 0 ? await readShared(file, MESSAGE.attribute, object) : object);
    }
  }
  return found;
}

async function readAttribute(
  file: Hdf5Bytes,
  body: Cursor,
): Promise<{ readonly name: string; readonly attribute: FoundAttribute }> {
  const version = body.u8();
  if (version < 1 || version > 3) throw body.broken(`An attribute of version ${version} is not known.`);
  const flags = body.u8();
  const sharing = version === 1 ? 0 : flags;
  const nameBytes = body.u16();
  const typeBytes = body.u16();
  const spaceBytes = body.u16();
  if (version === 3) body.skip(1);
  const part = (length: number): Cursor => {
    const from = body.at;
    const taken = body.part(length);
    if (version === 1) body.align(8, from);
    return taken;
  };
  const name = textOf(part(nameBytes).bytes);
  const typeBody = part(typeBytes);
  const spaceBody = part(spaceBytes);
  const type = readDatatype((sharing & 1) === 0 ? typeBody : await readShared(file, MESSAGE.datatype, typeBody));
  const space = readDataspace((sharing & 2) === 0 ? spaceBody : await readShared(file, MESSAGE.dataspace, spaceBody));
  return { name, attribute: { type, space, bytes: body.take(elementsOf(space) * type.sizeBytes) } };
}

/** The value of an attribute; null where it is of a kind that has none here, such as a reference. */
export async function valueOfAttribute(
  file: Hdf5Bytes,
  heap: HeapText,
  name: string,
  { type, space, bytes }: FoundAttribute,
): Promise<Hdf5Value | null> {
  try {
    return await readValue(file, heap, type, space, bytes);
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
    throw new PareError({ ...error.parts, place: `attribute ${name}` }, { cause: error });
  }
}
