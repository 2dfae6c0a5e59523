/** Pictures decoded by the browser are those that the command line decodes: PNG to the bit, JPEG and WebP to a few levels. */
import { expect, test } from '@playwright/test';
import sharp from 'sharp';
import { seededRandom } from '#base/random.ts';
import { decodePicture } from '#cli/picture-decoder.ts';
import type {} from './engine/page.ts';
import { serveEngine, type EngineServer } from './engine-server.ts';
import { sampleFile } from './studio.ts';

const WIDTH = 96;
const HEIGHT = 64;
/** Both decode JPEG and WebP by libraries of their own: inverse transforms and colour conversion round differently. */
const LARGEST = 4;
const MEAN = 0.5;

let server: EngineServer;

test.beforeAll(async () => {
  server = await serveEngine();
});

test.afterAll(() => server.close());

/** Smooth colours with edges and a little noise, as photographs have them; `channels` 4 has a transparent corner. */
function painted(channels: 3 | 4): ReturnType<typeof sharp> {
  const random = seededRandom(7);
  const data = new Uint8Array(WIDTH * HEIGHT * channels);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const at = (y * WIDTH + x) * channels;
      const inside = (x - 48) ** 2 + (y - 32) ** 2 < 400;
      data[at] = Math.min(255, Math.round((255 * x) / WIDTH) + random.below(8));
      data[at + 1] = inside ? 220 : Math.round((200 * y) / HEIGHT);
      data[at + 2] = inside ? 30 : 140;
      if (channels === 4) data[at + 3] = x < 16 && y < 16 ? 0 : 255;
    }
  }
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
}

test('decoders of page and command line agree', async ({ page }) => {
  const pictures: Readonly<Record<string, Buffer>> = {
    'plain.png': await painted(3).png().toBuffer(),
    'see-through.png': await painted(4).png().toBuffer(),
    'photo.jpg': await painted(3).jpeg({ quality: 92, chromaSubsampling: '4:4:4' }).toBuffer(),
    'subsampled.jpg': await painted(3).jpeg({ quality: 90, chromaSubsampling: '4:2:0' }).toBuffer(),
    'turned.jpg': await painted(3)
      .jpeg({ quality: 92, chromaSubsampling: '4:4:4' })
      .withMetadata({ orientation: 6 })
      .toBuffer(),
    'web.webp': await painted(3).webp({ lossless: true }).toBuffer(),
  };
  await page.goto(server.address);
  await page.waitForFunction(() => 'enginePage' in globalThis);
  await page.setInputFiles('#model', sampleFile);
  const modelId = await page.evaluate(async () => {
    const { client, dropped } = globalThis.enginePage;
    return (await client.call('open', { files: dropped() })).id;
  });
  for (const [name, bytes] of Object.entries(pictures)) {
    const seen = await page.evaluate(
      async ({ id, path, content }) => {
        const file = new Blob([Uint8Array.from(content)]);
        const { client } = globalThis.enginePage;
        const data = await client.call('openData', { modelId: id, files: [{ path, file }] });
        const choice = { modelId: id, dataId: data.id, settings: data.settings, index: 0 };
        const { original } = await client.call('viewSample', choice);
        if (original?.kind !== 'picture') return null;
        const { width, height, data: pixels } = original.picture;
        return { width, height, pixels: Array.from(pixels) };
      },
      { id: modelId, path: name, content: [...bytes] },
    );
    const wanted = await decodePicture(name, bytes);
    expect([seen?.width, seen?.height], name).toEqual([wanted.width, wanted.height]);
    const differences = (seen?.pixels ?? []).map((value, i) => Math.abs(value - (wanted.data[i] ?? 0)));
    const exact = /png|webp/.test(name);
    const largest = Math.max(...differences);
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    console.log(`${name}: largest difference ${largest}, mean ${mean.toFixed(3)}`);
    expect(largest, name).toBeLessThanOrEqual(exact ? 0 : LARGEST);
    expect(mean, name).toBeLessThanOrEqual(exact ? 0 : MEAN);
  }
});
