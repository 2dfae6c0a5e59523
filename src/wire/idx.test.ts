/** IDX files, plain and packed by gzip. */
import { gzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import { gunzip, isGzip } from './gzip.ts';
import { isIdx, readIdxElements, readIdxHeader } from './idx.ts';

function idx(type: number, shape: readonly number[], body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(4 + 4 * shape.length + body.length);
  bytes.set([0, 0, type, shape.length]);
  shape.forEach((size, axis) => new DataView(bytes.buffer).setUint32(4 + 4 * axis, size));
  bytes.set(body, 4 + 4 * shape.length);
  return bytes;
}

describe('IDX', () => {
  it('numbers are big-endian', () => {
    const bytes = idx(0x0b, [3], Uint8Array.of(0, 1, 1, 0, 0xff, 0xff));
    const header = readIdxHeader('a', bytes, bytes.length);
    expect(readIdxElements(header, header.shape, bytes.subarray(header.dataAt))).toEqual({
      dtype: 'i16',
      shape: [3],
      data: Int16Array.of(1, 256, -1),
    });
    const floats = idx(0x0d, [1], Uint8Array.of(0x3f, 0x80, 0, 0));
    const head = readIdxHeader('a', floats, floats.length);
    expect([...readIdxElements(head, [1], floats.subarray(head.dataAt)).data]).toEqual([1]);
  });

  it('is told by its head and its size together', () => {
    const bytes = idx(8, [2, 3], new Uint8Array(6));
    expect(isIdx(bytes, bytes.length)).toBe(true);
    expect(isIdx(bytes, bytes.length + 1)).toBe(false);
    expect(isIdx(new Uint8Array(16), 16)).toBe(false);
  });

  it('is refused where it is cut short, or another file', () => {
    const bytes = idx(8, [2, 3], new Uint8Array(5));
    expect(() => readIdxHeader('a.idx', bytes, bytes.length)).toThrow(/a\.idx.*should have 18 bytes.*has 17/);
    expect(() => readIdxHeader('a.idx', new TextEncoder().encode('letters'), 7)).toThrow('not an IDX file');
    const huge = idx(8, [0xffffffff, 0xffffffff, 0xffffffff], new Uint8Array(0));
    expect(() => readIdxHeader('a.idx', huge, huge.length)).toThrow('impossible');
  });
});

describe('gzip', () => {
  const plain = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 251);
  const packed = gzipSync(plain);

  it('is unpacked', async () => {
    expect(isGzip(packed)).toBe(true);
    const source = await gunzip(memorySource('a.gz', packed), 1e6);
    expect(source.name).toBe('a');
    expect(await source.read(0, source.sizeBytes)).toEqual(plain);
  });

  it('is refused where it unpacks to more than the limit, is damaged or cut short', async () => {
    const unpack = (bytes: Uint8Array, most = 1e6): Promise<unknown> => gunzip(memorySource('a.gz', bytes), most);
    await expect(unpack(gzipSync(new Uint8Array(100_000)), 50_000)).rejects.toMatchObject({
      parts: { code: 'gzip/too-big' },
    });
    await expect(unpack(packed.subarray(0, packed.length - 40))).rejects.toMatchObject({ parts: { file: 'a.gz' } });
    const damaged = packed.slice();
    damaged.fill(0xff, 20, 60);
    await expect(unpack(damaged)).rejects.toMatchObject({ parts: { file: 'a.gz' } });
    await expect(unpack(Uint8Array.of(0x1f, 0x8b))).rejects.toMatchObject({ parts: { file: 'a.gz' } });
  });
});
