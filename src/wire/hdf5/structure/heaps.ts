/** The two plain heaps: names of an old group's links, and texts of variable length. Specification 3.0, III.D and III.E. */
import { Cursor } from './cursor.ts';
import { type Hdf5Bytes, readBlock } from './file.ts';

/** The names of an old group: texts at offsets. */
export async function readLocalHeap(file: Hdf5Bytes, address: number): Promise<(offset: number) => string> {
  const head = await readBlock(file, address, 8 + 2 * file.lengthBytes + file.offsetBytes);
  head.expect('HEAP');
  head.skip(4);
  const length = head.length();
  head.length();
  const data = await readBlock(file, head.place(), length);
  return (offset) => {
    if (offset >= length) throw data.broken('The name of a link lies outside of its heap.');
    const from = new Cursor(file, data.bytes, data.address);
    from.skip(offset);
    return from.terminated();
  };
}

/** Objects of one collection of the global heap by their number. */
type Collection = ReadonlyMap<number, Uint8Array>;

/** Reads objects of the global heap; the last collections stay at hand, since lists of texts lie together. */
export function openGlobalHeap(file: Hdf5Bytes): (address: number, index: number) => Promise<Uint8Array> {
  const kept = new Map<number, Promise<Collection>>();
  return async (address, index) => {
    let collection = kept.get(address);
    if (collection === undefined) {
      collection = readCollection(file, address);
      kept.set(address, collection);
      const oldest = kept.size > 4 ? kept.keys().next().value : undefined;
      if (oldest !== undefined) kept.delete(oldest);
    }
    const object = (await collection).get(index);
    if (object !== undefined) return object;
    throw new Cursor(file, new Uint8Array(0), address).broken(`Text ${index} is missing from its heap.`);
  };
}

async function readCollection(file: Hdf5Bytes, address: number): Promise<Collection> {
  const head = await readBlock(file, address, 8 + file.lengthBytes);
  head.expect('GCOL');
  head.skip(4);
  const length = head.length();
  const body = await readBlock(file, address, length);
  body.skip(head.at);
  const objects = new Map<number, Uint8Array>();
  while (body.left >= 8 + file.lengthBytes) {
    const index = body.u16();
    body.skip(6);
    const size = body.length();
    if (index === 0) break;
    objects.set(index, body.take(size));
    body.skip(Math.min((8 - (size % 8)) % 8, body.left));
  }
  return objects;
}
