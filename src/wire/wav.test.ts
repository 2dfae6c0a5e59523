/** WAV recordings are read in every plain encoding, in part, mixed down; what is none of them is named. */
import { describe, expect, it } from 'vitest';
import { memorySource } from '#base/sources.ts';
import { readWavHeader, readWavMono } from './wav.ts';

interface Made {
  readonly codec?: number;
  readonly bits: number;
  readonly channels?: number;
  readonly data: Uint8Array;
  /** What the data chunk says of its size; its true size where absent. */
  readonly says?: number;
  readonly before?: Uint8Array;
  readonly extensible?: boolean;
}

function wav({ codec = 1, bits, channels = 1, data, says, before, extensible = false }: Made): Uint8Array {
  const formatBytes = extensible ? 40 : 16;
  const extra = before ?? new Uint8Array(0);
  const bytes = new Uint8Array(12 + 8 + formatBytes + extra.length + 8 + data.length);
  const view = new DataView(bytes.buffer);
  const tag = (at: number, text: string): void => text.split('').forEach((c, i) => (bytes[at + i] = c.charCodeAt(0)));
  tag(0, 'RIFF');
  view.setUint32(4, bytes.length - 8, true);
  tag(8, 'WAVE');
  tag(12, 'fmt ');
  view.setUint32(16, formatBytes, true);
  view.setUint16(20, extensible ? 0xfffe : codec, true);
  view.setUint16(22, channels, true);
  view.setUint32(24, 8000, true);
  view.setUint16(34, bits, true);
  if (extensible) view.setUint16(44, codec, true);
  const at = 20 + formatBytes;
  bytes.set(extra, at);
  tag(at + extra.length, 'data');
  view.setUint32(at + extra.length + 4, says ?? data.length, true);
  bytes.set(data, at + extra.length + 8);
  return bytes;
}

async function mono(bytes: Uint8Array, from = 0, count?: number): Promise<number[]> {
  const source = memorySource('a.wav', bytes);
  const header = await readWavHeader(source);
  return [...(await readWavMono(source, header, from, count ?? header.frames))];
}

const bytesOf = (array: { readonly buffer: ArrayBufferLike }): Uint8Array =>
  new Uint8Array(array.buffer as ArrayBuffer);

describe('samples', () => {
  it.each([
    ['8 bits, unsigned', { bits: 8, data: Uint8Array.of(0, 128, 192) }],
    ['16 bits', { bits: 16, data: bytesOf(Int16Array.of(-32_768, 0, 16_384)) }],
    ['24 bits', { bits: 24, data: Uint8Array.of(0, 0, 0x80, 0, 0, 0, 0, 0, 0x40) }],
    ['32 bits', { bits: 32, data: bytesOf(Int32Array.of(-(2 ** 31), 0, 2 ** 30)) }],
    ['32-bit floats', { codec: 3, bits: 32, data: bytesOf(Float32Array.of(-1, 0, 0.5)) }],
    ['64-bit floats', { codec: 3, bits: 64, data: bytesOf(Float64Array.of(-1, 0, 0.5)) }],
    [
      '16 bits, in the extensible form',
      { bits: 16, extensible: true, data: bytesOf(Int16Array.of(-32_768, 0, 16_384)) },
    ],
  ] as const)('of %s', async (_name, made) => {
    expect(await mono(wav(made))).toEqual([-1, 0, 0.5]);
  });

  it('keep the lowest byte of 24 bits', async () => {
    const [value] = await mono(wav({ bits: 24, data: Uint8Array.of(0xff, 0xff, 0xff) }));
    expect(value).toBeCloseTo(-1 / 2 ** 23, 12);
    const [other] = await mono(wav({ bits: 24, data: Uint8Array.of(0x80, 0, 0) }));
    expect(other).toBeCloseTo(128 / 2 ** 23, 12);
  });

  it('of two channels are mixed down', async () => {
    const data = bytesOf(Int16Array.of(16_384, 0, -16_384, 16_384));
    expect(await mono(wav({ bits: 16, channels: 2, data }))).toEqual([0.25, 0]);
  });

  it('are read in part', async () => {
    const data = bytesOf(Int16Array.from({ length: 10 }, (_, i) => i * 1024));
    expect(await mono(wav({ bits: 16, data }), 3, 2)).toEqual([3 / 32, 4 / 32]);
  });

  it('lie behind chunks that say other things, of odd sizes too', async () => {
    const before = Uint8Array.of(0x4c, 0x49, 0x53, 0x54, 3, 0, 0, 0, 1, 2, 3, 0);
    expect(await mono(wav({ bits: 8, data: Uint8Array.of(192), before }))).toEqual([0.5]);
  });

  it('go to the end where a recorder left their size open', async () => {
    for (const says of [0, 0xffffffff]) {
      expect(await mono(wav({ bits: 8, data: Uint8Array.of(128, 192), says }))).toEqual([0, 0.5]);
    }
  });
});

describe('refusals', () => {
  it.each([
    ['cut short', wav({ bits: 16, data: new Uint8Array(10), says: 100 }), 'wav/truncated'],
    ['another file', new TextEncoder().encode('not a recording at all'), 'wav/magic'],
    ['empty', new Uint8Array(0), 'wav/truncated'],
    ['compressed', wav({ codec: 85, bits: 16, data: new Uint8Array(4) }), 'wav/codec'],
    ['12 bits', wav({ bits: 12, data: new Uint8Array(4) }), 'wav/format'],
    ['without samples', wav({ bits: 16, data: new Uint8Array(2) }).subarray(0, 36), 'wav/no-samples'],
  ] as const)('of what is %s', async (_name, bytes, code) => {
    await expect(readWavHeader(memorySource('a.wav', bytes))).rejects.toMatchObject({ parts: { code, file: 'a.wav' } });
  });
});
