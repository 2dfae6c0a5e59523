/**
 * Reads a LevelDB-style table, the form of a TensorFlow checkpoint's index: sorted keys with values in blocks, each block
 * followed by its type and a masked CRC-32C, and a footer that leads to the index block.
 *
 * Format: https://github.com/google/leveldb/blob/main/doc/table_format.md
 */
import type { ByteSource } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { crc32c, maskCrc } from './crc32c.ts';
import { readVarint } from './protobuf/varint.ts';

const FOOTER_BYTES = 48;
const MAGIC = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb];
/** Type byte and CRC after each block. */
const TRAILER_BYTES = 5;
/** An index names tensors; beyond these sizes it is no index. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
const MAX_ENTRIES = 1_000_000;
const MAX_KEY_BYTES = 4096;
const MAX_KEYS_BYTES = 64 * 1024 * 1024;

const KEYS = new TextDecoder('utf-8');

/** All entries, in the order of the file. Keys that are not text keep what can be shown of them. */
export async function readTable(source: ByteSource): Promise<ReadonlyMap<string, Uint8Array>> {
  if (source.sizeBytes < FOOTER_BYTES || source.sizeBytes > MAX_FILE_BYTES) {
    throw broken(source, 'size', 0, `It has ${source.sizeBytes} bytes, which no index of a checkpoint has.`);
  }
  const footer = await source.read(source.sizeBytes - FOOTER_BYTES, FOOTER_BYTES);
  if (!MAGIC.every((byte, index) => footer[FOOTER_BYTES - MAGIC.length + index] === byte)) {
    throw broken(source, 'magic', source.sizeBytes - 8, 'It does not end with the mark of a checkpoint index.');
  }
  const budget = { entries: MAX_ENTRIES, keyBytes: MAX_KEYS_BYTES };
  const metaindex = readHandle(source, footer, 0, source.sizeBytes - FOOTER_BYTES);
  const index = readHandle(source, footer, metaindex.next, source.sizeBytes - FOOTER_BYTES);
  const entries = new Map<string, Uint8Array>();
  for (const handle of await readBlock(source, index, budget)) {
    const block = readHandle(source, handle.value, 0, index.offset);
    for (const { key, value } of await readBlock(source, block, budget)) entries.set(KEYS.decode(key), value);
  }
  return entries;
}

interface Handle {
  readonly offset: number;
  readonly size: number;
  readonly next: number;
}

interface Entry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** Offset and size of a block, which must end before `end`. */
function readHandle(source: ByteSource, bytes: Uint8Array, at: number, end: number): Handle {
  const offset = readVarint(bytes, at);
  const size = offset === undefined ? undefined : readVarint(bytes, offset.next);
  if (offset === undefined || size === undefined) {
    throw broken(source, 'handle', end, 'The place of a block is cut short.');
  }
  const from = Number(offset.value);
  if (from + Number(size.value) + TRAILER_BYTES > end) {
    throw broken(source, 'handle', from, `A block of ${String(size.value)} bytes should lie here, beyond the end.`);
  }
  return { offset: from, size: Number(size.value), next: size.next };
}

async function readBlock(
  source: ByteSource,
  { offset, size }: Handle,
  budget: { entries: number; keyBytes: number },
): Promise<readonly Entry[]> {
  const bytes = (await source.read(offset, size + TRAILER_BYTES)).slice();
  const view = new DataView(bytes.buffer);
  if (view.getUint32(size + 1, true) !== maskCrc(crc32c(bytes.subarray(0, size + 1)))) {
    throw broken(source, 'crc', offset, 'The checksum of a block is wrong.');
  }
  if (bytes[size] !== 0) {
    const kind = bytes[size] === 1 ? 'Snappy' : `method ${bytes[size]}`;
    throw new PareError({
      code: 'leveldb/compressed',
      file: source.name,
      place: `byte ${offset}`,
      problem: `A block is compressed with ${kind}, which is not read.`,
      hint: 'TensorFlow writes checkpoints uncompressed: save the model again with it.',
    });
  }
  const restarts = size < 4 ? -1 : view.getUint32(size - 4, true);
  const end = size - 4 - 4 * restarts;
  if (restarts < 0 || end < 0)
    throw broken(source, 'block', offset, 'A block is too short for its own list of places.');
  const entries: Entry[] = [];
  let key = new Uint8Array(0);
  for (let at = 0; at < end;) {
    const shared = readVarint(bytes, at, end);
    const unshared = shared && readVarint(bytes, shared.next, end);
    const length = unshared && readVarint(bytes, unshared.next, end);
    if (shared === undefined || unshared === undefined || length === undefined) {
      throw broken(source, 'entry', offset + at, 'An entry is cut short.');
    }
    const start = length.next;
    const keep = Number(shared.value);
    const add = Number(unshared.value);
    const value = start + add;
    const next = value + Number(length.value);
    if (keep > key.byteLength || next > end)
      throw broken(source, 'entry', offset + at, 'An entry ends outside its block.');
    budget.entries -= 1;
    budget.keyBytes -= keep + add;
    if (keep + add > MAX_KEY_BYTES || budget.entries < 0 || budget.keyBytes < 0) {
      throw broken(source, 'keys', offset + at, 'It has more or longer names than any model.');
    }
    const joined = new Uint8Array(keep + add);
    joined.set(key.subarray(0, keep));
    joined.set(bytes.subarray(start, value), keep);
    key = joined;
    entries.push({ key, value: bytes.subarray(value, next) });
    at = next;
  }
  return entries;
}

function broken(source: ByteSource, code: string, at: number, problem: string): PareError {
  return new PareError({
    code: `leveldb/${code}`,
    file: source.name,
    place: `byte ${at}`,
    problem,
    hint: 'The file is damaged or of another kind: save the model again.',
  });
}
