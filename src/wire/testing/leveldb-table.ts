/** For tests: writes tables as TensorFlow's checkpoints have them. */
import { crc32c, maskCrc } from '#wire/crc32c.ts';
import { pushVarint } from '#wire/protobuf/varint.ts';

export interface TableOptions {
  /** Entries of a data block. */
  readonly perBlock?: number;
  /** Byte after each block that says how it is compressed. */
  readonly compression?: number;
}

/** Keys must be sorted, as in every such table. */
export function writeTable(
  entries: readonly (readonly [key: string, value: Uint8Array])[],
  { perBlock = 16, compression = 0 }: TableOptions = {},
): Uint8Array {
  const out: number[] = [];
  const block = (items: readonly (readonly [Uint8Array, Uint8Array])[]): Uint8Array => {
    const bytes: number[] = [];
    let before = new Uint8Array(0);
    for (const [key, value] of items) {
      let shared = 0;
      while (shared < Math.min(before.byteLength, key.byteLength) && before[shared] === key[shared]) shared++;
      for (const number of [shared, key.byteLength - shared, value.byteLength]) pushVarint(bytes, number);
      bytes.push(...key.subarray(shared), ...value);
      before = new Uint8Array(key);
    }
    // One restart, at the start of the block.
    bytes.push(0, 0, 0, 0, 1, 0, 0, 0, compression);
    const body = Uint8Array.from(bytes);
    const crc = maskCrc(crc32c(body));
    const handle: number[] = [];
    pushVarint(handle, out.length);
    pushVarint(handle, body.byteLength - 1);
    for (const byte of body) out.push(byte);
    out.push(crc & 255, (crc >>> 8) & 255, (crc >>> 16) & 255, crc >>> 24);
    return Uint8Array.from(handle);
  };
  const encoder = new TextEncoder();
  const index: (readonly [Uint8Array, Uint8Array])[] = [];
  for (let at = 0; at < entries.length; at += perBlock) {
    const items = entries.slice(at, at + perBlock).map(([key, value]) => [encoder.encode(key), value] as const);
    index.push([items.at(-1)?.[0] ?? new Uint8Array(0), block(items)]);
  }
  const metaindex = block([]);
  const main = block(index);
  const footer = new Uint8Array(48);
  footer.set(metaindex);
  footer.set(main, metaindex.byteLength);
  footer.set([0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb], 40);
  out.push(...footer);
  return Uint8Array.from(out);
}
