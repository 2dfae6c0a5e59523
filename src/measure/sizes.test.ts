import { inflateRawSync, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { seededRandom } from '#base/random.ts';
import { fileBytesFigure, zippedBytesFigure } from './sizes.ts';

describe('sizes', () => {
  it('counts the bytes of all files', () => {
    expect(fileBytesFigure([{ sizeBytes: 3 }, { sizeBytes: 4 }])).toMatchObject({
      value: 7,
      unit: 'bytes',
      how: 'counted',
    });
  });

  it('measures what deflate makes of bytes and ranges together', async () => {
    const random = seededRandom(1);
    const bytes = Uint8Array.from({ length: 50_000 }, () => random.below(16));
    const source: ByteSource = {
      name: 'w',
      sizeBytes: bytes.length,
      read: async (offset, length) => bytes.slice(offset, offset + length),
    };
    const chunks = [bytes.subarray(0, 10_000), { source, offset: 10_000, length: 40_000 }];
    const { value } = await zippedBytesFigure([{ path: 'w', chunks, sizeBytes: bytes.length }]);
    const expected = deflateRawSync(bytes);
    expect(inflateRawSync(expected)).toHaveLength(bytes.length);
    // Block boundaries depend on how the bytes arrive, so a tenth of a percent is allowed.
    expect(Math.abs(value - expected.length)).toBeLessThan(expected.length / 1000);
  });

  it('passes on a failure to read', async () => {
    const source: ByteSource = { name: 'w', sizeBytes: 9, read: () => Promise.reject(new Error('gone')) };
    const file = { path: 'w', chunks: [{ source, offset: 0, length: 9 }], sizeBytes: 9 };
    await expect(zippedBytesFigure([file])).rejects.toThrow('gone');
  });
});
