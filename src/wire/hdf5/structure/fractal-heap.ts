/** Fractal heaps: what new groups keep many links and many or large attributes in. Specification 3.0, III.G. */
import { readNewTree } from './btree.ts';
import { Cursor } from './cursor.ts';
import { type Hdf5Bytes, readBlock, verify } from './file.ts';
import { MAX_ATTRIBUTES } from './limits.ts';

export interface FractalHeap {
  /** The object that an identifier of this heap stands for. */
  object(id: Cursor): Promise<Cursor>;
}

interface Shape {
  readonly address: number;
  /** Bytes of a place and of a length in the identifier of an object. */
  readonly placeBytes: number;
  readonly lengthBytes: number;
  readonly width: number;
  readonly firstBlockBytes: number;
  readonly rowsOfDirect: number;
  readonly checked: boolean;
}

export async function openFractalHeap(file: Hdf5Bytes, address: number): Promise<FractalHeap> {
  const { offsetBytes, lengthBytes } = file;
  const head = await readBlock(file, address, 22 + 12 * lengthBytes + 3 * offsetBytes + 4);
  head.expect('FRHP');
  head.skip(1);
  const idBytes = head.u16();
  const filterBytes = head.u16();
  if (filterBytes !== 0) throw head.broken('A heap of links is compressed, which is not read.', address);
  verify(head);
  const checked = (head.u8() & 2) !== 0;
  const mostManaged = head.u32();
  head.length();
  const hugeTree = head.maybePlace();
  head.length();
  head.maybePlace();
  for (let index = 0; index < 8; index++) head.length();
  const width = head.u16();
  const firstBlockBytes = head.length();
  const mostDirect = head.length();
  const mostBits = head.u16();
  head.skip(2);
  const root = head.maybePlace();
  const rows = head.u16();
  if (width === 0 || firstBlockBytes === 0 || mostDirect < firstBlockBytes || mostBits > 64) {
    throw head.broken('The shape of a heap is impossible.', address);
  }
  const shape: Shape = {
    address,
    placeBytes: Math.ceil(mostBits / 8),
    lengthBytes: Math.min(Math.ceil(Math.log2(mostDirect) / 8), bytesOf(mostManaged)),
    width,
    firstBlockBytes,
    rowsOfDirect: Math.round(Math.log2(mostDirect) - Math.log2(firstBlockBytes)) + 2,
    checked,
  };
  const blocks = new Map<number, Promise<Cursor>>();

  const managed = async (place: number, length: number): Promise<Cursor> => {
    if (root === null) throw head.broken('A heap without blocks has objects.', address);
    let [at, from, size] = [root, 0, firstBlockBytes];
    if (rows > 0) [at, from, size] = await directBlock(file, shape, root, rows, place);
    let block = blocks.get(at);
    if (block === undefined) {
      block = readDirectBlock(file, shape, at, size);
      blocks.set(at, block);
    }
    const body = await block;
    const object = new Cursor(file, body.bytes, body.address);
    object.skip(place - from);
    return object.part(length);
  };

  const huge = async (id: Cursor): Promise<Cursor> => {
    if (idBytes - 1 >= offsetBytes + lengthBytes) return readBlock(file, id.place(), id.length());
    const number = id.uint(Math.min(lengthBytes, idBytes - 1));
    if (hugeTree === null) throw head.broken('A heap without large objects names one.', address);
    for (const record of (await readNewTree(file, hugeTree, MAX_ATTRIBUTES)).records) {
      const place = record.place();
      const length = record.length();
      if (record.length() === number) return readBlock(file, place, length);
    }
    throw head.broken(`Object ${number} is missing from its heap.`, address);
  };

  return {
    async object(id) {
      const first = id.u8();
      const kind = (first >> 4) & 3;
      if (kind === 0) return managed(id.uint(shape.placeBytes), id.uint(shape.lengthBytes));
      if (kind === 1) return huge(id);
      if (kind !== 2) throw id.broken('An object of a heap is of an unknown kind.');
      if (idBytes <= 17) return id.part((first & 15) + 1);
      return id.part((((first & 15) << 8) | id.u8()) + 1);
    },
  };
}

async function readDirectBlock(file: Hdf5Bytes, shape: Shape, address: number, length: number): Promise<Cursor> {
  const block = await readBlock(file, address, length);
  block.expect('FHDB');
  block.skip(1);
  if (block.maybePlace() !== shape.address) throw block.broken('A block belongs to another heap.', address);
  if (shape.checked) {
    // The checksum is taken with its own field set to zero.
    const at = block.at + shape.placeBytes;
    const copy = new Uint8Array(block.bytes.byteLength + 4);
    copy.set(block.bytes);
    copy.fill(0, at, at + 4);
    copy.set(block.bytes.subarray(at, at + 4), block.bytes.byteLength);
    verify(new Cursor(file, copy, address));
  }
  return block;
}

/** Address, first place and size of the direct block that a place of the heap lies in. */
async function directBlock(
  file: Hdf5Bytes,
  shape: Shape,
  root: number,
  rootRows: number,
  place: number,
): Promise<[number, number, number]> {
  let [address, from, rows] = [root, 0, rootRows];
  // Every level down is a smaller part of the heap: as many levels as it has bits are never needed.
  for (let level = 0; level < 64; level++) {
    const directRows = Math.min(rows, shape.rowsOfDirect);
    const prefix = 4 + 1 + file.offsetBytes + shape.placeBytes;
    const block = await readBlock(file, address, prefix + rows * shape.width * file.offsetBytes + 4);
    verify(block);
    block.expect('FHIB');
    block.skip(prefix - 4);
    let row = 0;
    let rowFrom = from;
    while (row < rows && place >= rowFrom + shape.width * rowBytes(shape, row)) {
      rowFrom += shape.width * rowBytes(shape, row);
      row += 1;
    }
    const size = rowBytes(shape, row);
    const column = Math.floor((place - rowFrom) / size);
    if (row >= rows || place < rowFrom) throw block.broken('An object lies outside of its heap.', address);
    block.skip((row * shape.width + column) * file.offsetBytes);
    address = block.place();
    from = rowFrom + column * size;
    if (row < directRows) return [address, from, size];
    rows = Math.round(Math.log2(size) - Math.log2(shape.firstBlockBytes * shape.width)) + 1;
  }
  throw new Cursor(file, new Uint8Array(0), root).broken('A heap is nested too deeply.');
}

/** Bytes of each block of a row. */
function rowBytes(shape: Shape, row: number): number {
  return shape.firstBlockBytes * 2 ** Math.max(0, row - 1);
}

function bytesOf(most: number): number {
  let bytes = 1;
  for (let limit = 256; limit <= most; limit *= 256) bytes += 1;
  return bytes;
}
