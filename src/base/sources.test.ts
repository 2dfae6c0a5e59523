import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from './bytes.ts';
import { PareError } from './failure.ts';
import { blobSource, memorySource, outputSource, subSource } from './sources.ts';

const SIZE = 3_000_000;
const BYTES = Uint8Array.from({ length: SIZE }, (_, index) => (index * 31 + (index >> 8)) & 255);

/** A Blob that counts how often it is cut. */
class CountingBlob extends Blob {
  slices = 0;
  override slice(...parts: Parameters<Blob['slice']>): Blob {
    this.slices += 1;
    return super.slice(...parts);
  }
}

const sources: readonly (readonly [string, ByteSource])[] = [
  ['memory', memorySource('m', BYTES)],
  ['Blob', blobSource('b', new Blob([BYTES]))],
  ['part of memory', subSource(memorySource('m', Uint8Array.from([9, ...BYTES, 9])), 1, SIZE)],
  ['part of a Blob', subSource(blobSource('b', new Blob([Uint8Array.of(9), BYTES])), 1, SIZE)],
  [
    'output in pieces',
    outputSource({
      path: 'o',
      sizeBytes: SIZE,
      chunks: [
        BYTES.subarray(0, 10),
        new Uint8Array(0),
        { source: memorySource('m', BYTES), offset: 10, length: 70_000 },
        BYTES.subarray(70_010),
      ],
    }),
  ],
];

describe.each(sources)('a source over %s', (_, source) => {
  it('reads exactly the bytes asked for', async () => {
    const place = fc.tuple(fc.nat(SIZE), fc.oneof(fc.nat(100), fc.nat(70_000), fc.nat(SIZE)));
    await fc.assert(
      fc.asyncProperty(place, async ([offset, wished]) => {
        const length = Math.min(wished, SIZE - offset);
        const read = await source.read(offset, length);
        expect(Buffer.compare(read, BYTES.subarray(offset, offset + length))).toBe(0);
      }),
      { seed: 1, numRuns: 60 },
    );
  });

  it.each([
    [SIZE - 3, 4],
    [SIZE + 1, 0],
    [-1, 1],
    [0.5, 1],
    [0, Number.NaN],
    [0, -1],
    [2 ** 53, 2 ** 53],
  ])('refuses %d, %d with file and place', async (offset, length) => {
    await expect(source.read(offset, length)).rejects.toThrow(PareError);
    await expect(source.read(offset, length)).rejects.toThrow(`${source.name}, byte ${offset}: `);
  });
});

describe('blobSource', () => {
  it('serves a walk in tiny steps with few reads of the file', async () => {
    const blob = new CountingBlob([BYTES]);
    const source = blobSource('b', blob);
    for (let at = 0; at + 20 < 1_000_000; at += 500) await source.read(at, 20);
    expect(blob.slices).toBeLessThan(20);
  });

  it('gives bytes that the caller may keep and change', async () => {
    const source = blobSource('b', new Blob([BYTES]));
    (await source.read(0, 8)).fill(0);
    expect([...(await source.read(0, 4))]).toEqual([...BYTES.subarray(0, 4)]);
  });

  it('says that a file has gone when it cannot be read any more', async () => {
    class GoneBlob extends Blob {
      override slice(): Blob {
        const gone = new Blob();
        gone.arrayBuffer = () => Promise.reject(new DOMException('gone', 'NotReadableError'));
        return gone;
      }
    }
    const source = blobSource('m.onnx', new GoneBlob([BYTES]));
    await expect(source.read(0, 4)).rejects.toThrow(/^m\.onnx, byte 0: The file can no longer be read\./);
  });
});
