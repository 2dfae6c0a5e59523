import { zipSync } from 'fflate';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRange, joinChunks } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { crc32 } from './crc32.ts';
import { writeZip } from './write-zip.ts';
import { readZip } from './zip.ts';

const TEXT = new TextEncoder().encode('a model in a box, '.repeat(100));

async function contents(bytes: Uint8Array): Promise<Record<string, Uint8Array>> {
  const found: Record<string, Uint8Array> = {};
  for (const member of await readZip(memorySource('a.zip', bytes))) {
    const source = await member.open();
    found[member.path] = await source.read(0, source.sizeBytes);
  }
  return found;
}

describe('zip', () => {
  it('unpacks deflated members and reads stored ones in place', async () => {
    const bytes = zipSync({
      'm/a.onnx': [TEXT, { level: 9 }],
      'm/b.data': [TEXT, { level: 0 }],
      'm/c': new Uint8Array(0),
    });
    expect(await contents(bytes)).toEqual({ 'm/a.onnx': TEXT, 'm/b.data': TEXT, 'm/c': new Uint8Array(0) });
    const stored = (await readZip(memorySource('a.zip', bytes))).find((member) => member.path === 'm/b.data');
    const source = await stored?.open();
    expect(stored?.stored).toBe(true);
    expect(source?.bytes?.buffer).toBe(bytes.buffer);
  });

  it('writes archives that hold ranges of other files without copying them', async () => {
    const source = memorySource('weights', TEXT);
    const files = [
      { path: 'a.onnx', chunks: [TEXT.slice(0, 5), { source, offset: 5, length: 20 }], sizeBytes: 25 },
      { path: 'ä.data', chunks: [], sizeBytes: 0 },
    ];
    const zip = await writeZip('out.zip', files);
    expect(zip.chunks.filter(isRange)).toEqual([{ source, offset: 5, length: 20 }]);
    const bytes = await joinChunks(zip.chunks);
    expect(bytes.byteLength).toBe(zip.sizeBytes);
    expect(await contents(bytes)).toEqual({ 'a.onnx': TEXT.slice(0, 25), 'ä.data': new Uint8Array(0) });
  });

  it('computes the checksum of the specification', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926);
    expect(crc32(TEXT.subarray(7), crc32(TEXT.subarray(0, 7)))).toBe(crc32(TEXT));
  });

  it.each([
    ['a bomb', zipSync({ bomb: [new Uint8Array(32 * 1024 * 1024), { level: 9 }] }), /would unpack from/],
    ['a path that climbs', zipSync({ '../evil.onnx': TEXT }), /leads out of the archive/],
    ['an absolute path', zipSync({ '/etc/evil.onnx': TEXT }), /leads out of the archive/],
    ['a drive path', zipSync({ 'C:\\evil.onnx': TEXT }), /leads out of the archive/],
    ['a truncated archive', zipSync({ a: TEXT }).slice(0, -30), /end of the archive is missing/],
    ['a lying size', lying(zipSync({ a: [TEXT, { level: 9 }] })), /more than the 10 bytes/],
    ['a wrong checksum', flipped(zipSync({ a: [TEXT, { level: 9 }] })), /checksum is wrong/],
  ])('refuses %s in a sentence', async (_, bytes, sentence) => {
    await expect(contents(bytes)).rejects.toThrow(sentence);
    await expect(contents(bytes)).rejects.toThrow(PareError);
  });

  it('opens or refuses damaged archives, and never anything else', async () => {
    const bytes = zipSync({ a: [TEXT, { level: 9 }], b: [TEXT, { level: 0 }] });
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, value) => {
        const damaged = bytes.slice();
        damaged[at] = value;
        await contents(damaged).catch((error: unknown) => expect(error).toBeInstanceOf(PareError));
      }),
      { seed: 11, numRuns: 400 },
    );
  });
});

/** The directory says 10 bytes. */
function lying(bytes: Uint8Array): Uint8Array {
  new DataView(bytes.buffer).setUint32(directoryAt(bytes) + 24, 10, true);
  return bytes;
}

function flipped(bytes: Uint8Array): Uint8Array {
  const at = directoryAt(bytes) + 16;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes;
}

function directoryAt(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(bytes.length - 22 + 16, true);
}
