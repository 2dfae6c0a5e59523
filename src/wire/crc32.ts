/** CRC-32 as zip files use it (polynomial 0xEDB88320). */
import { crcOf } from './crc.ts';

export const crc32 = crcOf(0xedb88320);
