/** CRC-32 as zip files use it (polynomial 0xEDB88320), eight bytes at a time. */

const TABLES = makeTables();

/** The checksum of `bytes`, going on from that of what came before. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = TABLES;
  let crc = ~before;
  let at = 0;
  for (; at + 8 <= bytes.byteLength; at += 8) {
    crc ^=
      byteAt(bytes, at) | (byteAt(bytes, at + 1) << 8) | (byteAt(bytes, at + 2) << 16) | (byteAt(bytes, at + 3) << 24);
    crc =
      entry(t7, crc) ^
      entry(t6, crc >>> 8) ^
      entry(t5, crc >>> 16) ^
      entry(t4, crc >>> 24) ^
      entry(t3, byteAt(bytes, at + 4)) ^
      entry(t2, byteAt(bytes, at + 5)) ^
      entry(t1, byteAt(bytes, at + 6)) ^
      entry(t0, byteAt(bytes, at + 7));
  }
  for (; at < bytes.byteLength; at++) crc = (crc >>> 8) ^ entry(t0, crc ^ byteAt(bytes, at));
  return ~crc >>> 0;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function entry(table: Int32Array | undefined, index: number): number {
  return table?.[index & 0xff] ?? 0;
}

/** Table k advances a byte by k further zero bytes. */
function makeTables(): readonly Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[0]?.fill(crc, byte, byte + 1);
  }
  for (let k = 1; k < 8; k++) {
    for (let byte = 0; byte < 256; byte++) {
      const before = entry(tables[k - 1], byte);
      tables[k]?.fill((before >>> 8) ^ entry(tables[0], before), byte, byte + 1);
    }
  }
  return tables;
}
