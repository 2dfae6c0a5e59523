import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePicture } from './picture-decoder.ts';

/** Every alpha across, and grey of every fifth level down. */
function everyAlpha(): Uint8Array {
  const data = new Uint8Array(256 * 52 * 4);
  for (let y = 0; y < 52; y++) {
    for (let alpha = 0; alpha < 256; alpha++) data.set([5 * y, 255 - 5 * y, 128, alpha], 4 * (256 * y + alpha));
  }
  return data;
}

describe('decodePicture', () => {
  it.each([
    ['png', Math.round],
    ['webp', Math.floor],
  ] as const)('lays transparent parts of %s over white, as Chromium does', async (kind, round) => {
    const given = everyAlpha();
    const made = sharp(given, { raw: { width: 256, height: 52, channels: 4 } });
    const bytes = await (kind === 'png' ? made.png() : made.webp({ lossless: true, exact: true })).toBuffer();
    const { width, height, data } = await decodePicture(`a.${kind}`, new Uint8Array(bytes));
    expect([width, height]).toEqual([256, 52]);
    const wanted = given.map((value, at) => {
      const alpha = given[at - (at % 4) + 3] ?? 0;
      return at % 4 === 3 ? 255 : 255 - alpha + round((value * alpha) / 255);
    });
    expect(Buffer.compare(new Uint8Array(data), wanted)).toBe(0);
  });

  it('gives grey, 16 bits and pictures with one channel of alpha as four bytes a pixel', async () => {
    const grey = sharp(Uint8Array.of(9, 200), { raw: { width: 2, height: 1, channels: 1 } }).toColourspace('b-w');
    const deep = sharp(Uint16Array.of(0x09ff, 0xc800, 0x1234), { raw: { width: 1, height: 1, channels: 3 } });
    expect([...(await decodePicture('grey.png', await grey.png().toBuffer())).data]).toEqual([
      9, 9, 9, 255, 200, 200, 200, 255,
    ]);
    const deepBytes = await deep.toColourspace('rgb16').png().toBuffer();
    expect([...(await decodePicture('deep.png', deepBytes)).data]).toEqual([9, 200, 18, 255]);
  });

  it('names the file that cannot be decoded', async () => {
    await expect(decodePicture('a.png', Uint8Array.of(1, 2, 3))).rejects.toThrow(/a\.png.*cannot be decoded/);
  });
});
