/** CRC-32C (Castagnoli, polynomial 0x82F63B78), which TensorFlow and LevelDB check blocks with. */
import { crcOf } from './crc.ts';

export const crc32c = crcOf(0x82f63b78);

/** A checksum as it is stored beside data that may hold checksums itself. */
export function maskCrc(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
