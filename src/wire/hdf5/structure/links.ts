/** The links of a group, in whichever of the three ways they are stored. Specification 3.0, sections III.A to C, IV.A.2.g and r. */
import { readNewTree, readOldTree } from './btree.ts';
import { type Cursor, textOf } from './cursor.ts';
import { type Hdf5Bytes, readBlock } from './file.ts';
import { openFractalHeap } from './fractal-heap.ts';
import { MESSAGE, type Message } from './header.ts';
import { readLocalHeap } from './heaps.ts';
import { MAX_LINKS } from './limits.ts';

export type Link =
  | { readonly kind: 'hard'; readonly address: number }
  | { readonly kind: 'soft'; readonly path: string }
  /** Into another file. */
  | { readonly kind: 'external' };

/** Name to link. */
export type Links = ReadonlyMap<string, Link>;

export function isGroup(messages: readonly Message[]): boolean {
  return messages.some(
    ({ type }) => type === MESSAGE.symbolTable || type === MESSAGE.linkInfo || type === MESSAGE.link,
  );
}

export async function readLinks(file: Hdf5Bytes, messages: readonly Message[]): Promise<Links> {
  const links = new Map<string, Link>();
  const add = (name: string, link: Link, at: Cursor): void => {
    if (links.size >= MAX_LINKS) throw at.broken(`A group has more than ${MAX_LINKS} links.`);
    links.set(name, link);
  };
  for (const { type, body } of messages) {
    body.at = 0;
    if (type === MESSAGE.symbolTable) await readSymbolTable(file, body, add);
    else if (type === MESSAGE.linkInfo) await readDense(file, body, add);
    else if (type === MESSAGE.link) readLink(body, add);
  }
  return links;
}

type Add = (name: string, link: Link, at: Cursor) => void;

async function readSymbolTable(file: Hdf5Bytes, body: Cursor, add: Add): Promise<void> {
  const tree = body.place();
  const nameAt = await readLocalHeap(file, body.place());
  const entryBytes = 2 * file.offsetBytes + 24;
  for (const { child } of await readOldTree(file, tree, 0, file.lengthBytes, MAX_LINKS)) {
    const head = await readBlock(file, child, 8);
    head.expect('SNOD');
    head.skip(2);
    const count = head.u16();
    const node = await readBlock(file, child + 8, count * entryBytes);
    for (let index = 0; index < count; index++) {
      const entry = node.part(entryBytes);
      const name = nameAt(entry.uint(file.offsetBytes));
      const address = entry.maybePlace();
      const cached = entry.u32();
      entry.skip(4);
      if (cached === 2) add(name, { kind: 'soft', path: nameAt(entry.u32()) }, entry);
      else if (address !== null) add(name, { kind: 'hard', address }, entry);
    }
  }
}

/** Many links: their messages lie in a heap, and a tree lists them. */
async function readDense(file: Hdf5Bytes, body: Cursor, add: Add): Promise<void> {
  body.skip(1);
  if ((body.u8() & 1) !== 0) body.skip(8);
  const heapAt = body.maybePlace();
  const treeAt = body.maybePlace();
  if (heapAt === null || treeAt === null) return;
  const heap = await openFractalHeap(file, heapAt);
  const { type, records } = await readNewTree(file, treeAt, MAX_LINKS);
  if (type !== 5) throw body.broken('The list of links of a group is a tree of something else.', treeAt);
  for (const record of records) {
    // A hash of the name stands in front of the identifier.
    record.skip(4);
    readLink(await heap.object(record), add);
  }
}

function readLink(body: Cursor, add: Add): void {
  const version = body.u8();
  if (version !== 1) throw body.broken(`A link of version ${version} is not known.`);
  const flags = body.u8();
  const kind = (flags & 8) === 0 ? 0 : body.u8();
  if ((flags & 4) !== 0) body.skip(8);
  if ((flags & 16) !== 0) body.skip(1);
  const name = textOf(body.take(body.uint(2 ** (flags & 3))));
  if (kind === 0) add(name, { kind: 'hard', address: body.place() }, body);
  else if (kind === 1) add(name, { kind: 'soft', path: textOf(body.take(body.u16())) }, body);
  else add(name, { kind: 'external' }, body);
}
