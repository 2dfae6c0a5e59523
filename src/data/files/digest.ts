/**
 * A short name for bytes: equal bytes give equal names on every machine, other bytes give others. Two 32-bit lanes of MurmurHash3
 * (Appleby, public domain): made to tell data apart, not to withstand somebody who wants a collision.
 */
import type { ByteSource, Files } from '#base/bytes.ts';

export interface Digest {
  add(part: Uint8Array | string): void;
  /** 16 hexadecimal digits of everything so far. */
  text(): string;
}

export function createDigest(): Digest {
  let a = 0x9747b28c;
  let b = 0x3c6ef372;
  let length = 0;
  const mix = (word: number): void => {
    let k = Math.imul(word, 0xcc9e2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b873593);
    a ^= k;
    a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe6546b64) | 0;
    k = Math.imul(word ^ 0x5bd1e995, 0x85ebca6b);
    k = Math.imul((k << 16) | (k >>> 16), 0xc2b2ae35);
    b ^= k;
    b = (Math.imul((b << 17) | (b >>> 15), 5) + 0x38b34ae5) | 0;
  };
  return {
    add(part) {
      const bytes = typeof part === 'string' ? new TextEncoder().encode(part) : part;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const whole = bytes.byteLength - (bytes.byteLength % 4);
      for (let at = 0; at < whole; at += 4) mix(view.getUint32(at, true));
      let rest = 0;
      for (let at = bytes.byteLength - 1; at >= whole; at--) rest = (rest << 8) | (bytes[at] ?? 0);
      // The length goes in as well, so that parts cannot run into each other.
      mix(rest);
      mix(bytes.byteLength);
      length += bytes.byteLength;
    },
    text: () => hex(finish(a ^ length)) + hex(finish(b ^ Math.imul(length, 0x9e3779b1))),
  };
}

export function digestOf(...parts: readonly string[]): string {
  const digest = createDigest();
  for (const part of parts) digest.add(part);
  return digest.text();
}

function finish(value: number): number {
  let h = value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0');
}

/** Bytes that are read of all files together, at most some more. */
const BUDGET_BYTES = 32 * 1024 * 1024;
const BLOCK_BYTES = 4096;
const MOST_PER_FILE = 4 * 1024 * 1024;

/**
 * Paths, sizes and bytes of the files. Small files count whole; of large ones the head, the tail and blocks evenly between, as
 * many as reading at once allows: an edit between the blocks goes unseen. In the order of paths, whatever order they came in.
 */
export async function digestOfFiles(files: Files): Promise<string> {
  const digest = createDigest();
  const perFile = Math.max(BLOCK_BYTES, Math.min(MOST_PER_FILE, Math.floor(BUDGET_BYTES / Math.max(1, files.size))));
  for (const [path, source] of [...files].toSorted(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) {
    digest.add(`${path}\0${source.sizeBytes}`);
    await addSource(digest, source, perFile);
  }
  return digest.text();
}

async function addSource(digest: Digest, source: ByteSource, most: number): Promise<void> {
  if (source.sizeBytes <= most) {
    digest.add(await source.read(0, source.sizeBytes));
    return;
  }
  const blocks = Math.max(2, Math.floor(most / BLOCK_BYTES));
  const last = source.sizeBytes - BLOCK_BYTES;
  for (let block = 0; block < blocks; block++) {
    digest.add(await source.read(Math.floor((last * block) / (blocks - 1)), BLOCK_BYTES));
  }
}
