/** How an HDF5 file is told by its first bytes; apart from the reader, which is large, so that sniffing stays small. */

const SIGNATURE = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Whether an HDF5 superblock starts at `at`. */
export function isHdf5(head: Uint8Array, at = 0): boolean {
  return SIGNATURE.every((byte, index) => head[at + index] === byte);
}
