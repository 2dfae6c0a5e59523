/** Reflected 32-bit checksums, eight bytes at a time (slicing-by-8, Kounavis and Berry 2008). */

/** The checksum of `bytes`, going on from that of what came before. */
export type Crc = (bytes: Uint8Array, before?: number) => number;

/** The checksum with that polynomial, its bits reversed. */
export function crcOf(polynomial: number): Crc {
  const table = tableOf(polynomial);
  return (bytes, before = 0) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const whole = bytes.byteLength - (bytes.byteLength % 8);
    let crc = ~before;
    let at = 0;
    for (; at < whole; at += 8) {
      const low = crc ^ view.getInt32(at, true);
      const high = view.getInt32(at + 4, true);
      crc =
        (table[1792 + (low & 255)] as number) ^
        (table[1536 + ((low >>> 8) & 255)] as number) ^
        (table[1280 + ((low >>> 16) & 255)] as number) ^
        (table[1024 + (low >>> 24)] as number) ^
        (table[768 + (high & 255)] as number) ^
        (table[512 + ((high >>> 8) & 255)] as number) ^
        (table[256 + ((high >>> 16) & 255)] as number) ^
        (table[high >>> 24] as number);
    }
    for (; at < bytes.byteLength; at++) crc = (crc >>> 8) ^ (table[(crc ^ view.getUint8(at)) & 255] as number);
    return ~crc >>> 0;
  };
}

/** Table k (entries 256 k to 256 k + 255) advances a byte by k further zero bytes. */
function tableOf(polynomial: number): Int32Array {
  const table = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    table[byte] = crc;
  }
  for (let index = 256; index < table.length; index++) {
    const before = table[index - 256] as number;
    table[index] = (before >>> 8) ^ (table[before & 255] as number);
  }
  return table;
}
