/** An HDF5 file as blocks of bytes at addresses: every read is held against the file's size and against a budget. */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { lookup3 } from './checksum.ts';
import { Cursor, damaged } from './cursor.ts';
import { MAX_BLOCKS, MAX_STRUCTURE_BYTES } from './limits.ts';

export interface Hdf5Bytes {
  readonly name: string;
  readonly source: ByteSource;
  /** What every address is counted from. */
  readonly base: number;
  readonly offsetBytes: number;
  readonly lengthBytes: number;
  /** What may still be read: trees whose branches meet again would otherwise never end. */
  readonly budget: { blocks: number; bytes: number };
}

export function freshBudget(): Hdf5Bytes['budget'] {
  return { blocks: MAX_BLOCKS, bytes: MAX_STRUCTURE_BYTES };
}

/** The block of `length` bytes at an address. */
export async function readBlock(file: Hdf5Bytes, address: number, length: number): Promise<Cursor> {
  const at = file.base + address;
  if (at + length > file.source.sizeBytes) {
    const problem = `${length} bytes should lie here, but the file ends at byte ${file.source.sizeBytes}.`;
    throw damaged(file.name, at, problem);
  }
  spend(file, length);
  return new Cursor(file, await file.source.read(at, length), address);
}

/** Up to `length` bytes: fewer where the file ends. */
export async function readSome(file: Hdf5Bytes, address: number, length: number): Promise<Cursor> {
  return readBlock(file, address, Math.max(0, Math.min(length, file.source.sizeBytes - file.base - address)));
}

/** Holds a block that ends in its checksum against it. */
export function verify(block: Cursor): void {
  const { bytes } = block;
  const end = bytes.byteLength - 4;
  if (end < 0) throw block.broken('A block is too short for its checksum.');
  const stored = new DataView(bytes.buffer, bytes.byteOffset + end, 4).getUint32(0, true);
  if (lookup3(bytes.subarray(0, end)) !== stored) {
    throw block.broken('The checksum of a block is wrong.', block.address);
  }
}

function spend(file: Hdf5Bytes, length: number): void {
  file.budget.blocks -= 1;
  file.budget.bytes -= length;
  if (file.budget.blocks >= 0 && file.budget.bytes >= 0) return;
  throw new PareError({
    code: 'hdf5/too-much',
    file: file.name,
    problem: `Its structure takes more than ${MAX_BLOCKS} blocks or ${MAX_STRUCTURE_BYTES} bytes to read, which no model's does.`,
    hint: 'The file is damaged, or was made to stall whoever reads it.',
  });
}
