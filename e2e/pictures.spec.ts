/**
 * Pictures decoded by the browser are those that the command line decodes, and so is what the network is fed: PNG and lossless WebP to
 * the bit, JPEG and lossy WebP to a few levels.
 */
import { expect, test } from '@playwright/test';
import sharp from 'sharp';
import { seededRandom } from '#base/random.ts';
import { memorySource } from '#base/sources.ts';
import { dataFiles } from '#cli/data-files.ts';
import { decodePicture } from '#cli/picture-decoder.ts';
import { openData, sampleView, summarizeData } from '#studio/data.ts';
import { openModel } from '#studio/open.ts';
import type { OpenModel } from '#studio/workshop.ts';
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

/** Smooth colours with edges and a little noise, as photographs have them; `channels` 4 has a corner with `alpha`. */
function painted(channels: 3 | 4, alpha = 0): ReturnType<typeof sharp> {
  const random = seededRandom(7);
  const data = new Uint8Array(WIDTH * HEIGHT * channels);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const at = (y * WIDTH + x) * channels;
      const inside = (x - 48) ** 2 + (y - 32) ** 2 < 400;
      data[at] = Math.min(255, Math.round((255 * x) / WIDTH) + random.below(8));
      data[at + 1] = inside ? 220 : Math.round((200 * y) / HEIGHT);
      data[at + 2] = inside ? 30 : 140;
      if (channels === 4) data[at + 3] = x < 16 && y < 16 ? alpha : 255;
    }
  }
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels } });
}

/** Every colour under every alpha, or as many channels of noise as there are, in 8 or 16 bits. An odd size cuts blocks of JPEG. */
function noise(channels: 1 | 2 | 3 | 4, bits: 8 | 16 = 8): ReturnType<typeof sharp> {
  const random = seededRandom(11 * channels + bits);
  const [width, height] = [101, 67];
  const length = width * height * channels;
  const data = bits === 8 ? new Uint8Array(length) : new Uint16Array(length);
  for (let at = 0; at < length; at++) data[at] = random.below(2 ** bits);
  const picture = sharp(data, { raw: { width, height, channels } });
  return bits === 8 ? picture : picture.toColourspace('rgb16');
}

interface Fed {
  /** Smallest, largest and mean of the input. */
  readonly figures: readonly number[];
  /** What the network sees, as pixels. */
  readonly drawn: readonly number[];
}

/** What the command line feeds the sample model with. */
async function fedHere(model: OpenModel, name: string, bytes: Uint8Array): Promise<Fed> {
  const dataset = await openData(new Map([[name, memorySource(name, bytes)]]), { decode: decodePicture });
  const { settings } = await summarizeData(model, dataset);
  const [input] = (await sampleView(model, dataset, settings, 0)).inputs;
  if (input?.picture?.kind !== 'picture') throw new Error('the sample model takes pictures');
  return { figures: [input.min, input.max, input.mean], drawn: Array.from(input.picture.picture.data) };
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
    'lossy.webp': await painted(3).webp({ quality: 90 }).toBuffer(),
    'blended.png': await painted(4, 128).png().toBuffer(),
    'grey.png': await painted(3).greyscale().png().toBuffer(),
    'palette.png': await painted(3).png({ palette: true, colours: 32 }).toBuffer(),
    'profile.png': await painted(3).withIccProfile('p3').png().toBuffer(),
    'profile.jpg': await painted(3).withIccProfile('p3').jpeg({ quality: 92 }).toBuffer(),
    'mirrored.jpg': await painted(3).jpeg({ quality: 92 }).withMetadata({ orientation: 5 }).toBuffer(),
    'turned.webp': await painted(3).webp({ lossless: true }).withMetadata({ orientation: 6 }).toBuffer(),
    'turned.png': await painted(3).png().withMetadata({ orientation: 6 }).toBuffer(),
    'deep.png': await painted(3).toColourspace('rgb16').png().toBuffer(),
    'deep-noise.png': await noise(3, 16).png().toBuffer(),
    'deep-alpha.png': await noise(4, 16).png().toBuffer(),
    'alpha.png': await noise(4).png().toBuffer(),
    'grey-alpha.png': await noise(2).toColourspace('b-w').png().toBuffer(),
    'palette-alpha.png': await painted(4, 77).png({ palette: true, colours: 32 }).toBuffer(),
    'interlaced.png': await noise(3).png({ progressive: true }).toBuffer(),
    'alpha-web.webp': await noise(4).webp({ lossless: true, exact: true }).toBuffer(),
    'alpha-lossy.webp': await noise(4).webp({ quality: 80 }).toBuffer(),
    'progressive.jpg': await noise(3).jpeg({ progressive: true, quality: 70 }).toBuffer(),
    'odd.jpg': await noise(3).jpeg({ chromaSubsampling: '4:2:0' }).toBuffer(),
    'grey.jpg': await noise(1).toColourspace('b-w').jpeg().toBuffer(),
  };
  await page.goto(server.address);
  await page.waitForFunction(() => 'enginePage' in globalThis);
  await page.setInputFiles('#model', sampleFile);
  const modelId = await page.evaluate(async () => {
    const { client, dropped } = globalThis.enginePage;
    return (await client.call('open', { files: dropped() })).id;
  });
  const model = await openModel(dataFiles(sampleFile));
  for (const [name, bytes] of Object.entries(pictures)) {
    const seen = await page.evaluate(
      async ({ id, path, content }) => {
        const file = new Blob([Uint8Array.from(content)]);
        const { client } = globalThis.enginePage;
        const data = await client.call('openData', { modelId: id, files: [{ path, file }] });
        const choice = { modelId: id, dataId: data.id, settings: data.settings, index: 0 };
        const { original, inputs } = await client.call('viewSample', choice);
        if (original?.kind !== 'picture') return null;
        const { width, height, data: pixels } = original.picture;
        const [{ min, max, mean, picture } = { min: NaN, max: NaN, mean: NaN, picture: null }] = inputs;
        const drawn = picture?.kind === 'picture' ? Array.from(picture.picture.data) : [];
        return { width, height, pixels: Array.from(pixels), fed: { figures: [min, max, mean], drawn } };
      },
      { id: modelId, path: name, content: [...bytes] },
    );
    const wanted = await decodePicture(name, bytes);
    expect([seen?.width, seen?.height], name).toEqual([wanted.width, wanted.height]);
    const differences = (seen?.pixels ?? []).map((value, i) => Math.abs(value - (wanted.data[i] ?? 0)));
    const exact = /png|web\.webp|turned\.webp/.test(name);
    const largest = Math.max(...differences);
    const mean = differences.reduce((sum, value) => sum + value, 0) / differences.length;
    const fed = await fedHere(model, name, bytes);
    const apart = Math.max(...fed.figures.map((value, i) => Math.abs(value - (seen?.fed.figures[i] ?? NaN))));
    console.log(`${name}: largest difference ${largest}, mean ${mean.toFixed(3)}; of what is fed ${apart.toFixed(3)}`);
    expect(largest, name).toBeLessThanOrEqual(exact ? 0 : LARGEST);
    expect(mean, name).toBeLessThanOrEqual(exact ? 0 : MEAN);
    // One implementation prepares both: equal pixels give equal numbers, and no step makes a difference larger.
    expect(apart, name).toBeLessThanOrEqual(exact ? 0 : LARGEST);
    expect(fed.drawn.length, name).toBe(4 * 16 * 16);
    if (exact) expect(seen?.fed.drawn, name).toEqual(fed.drawn);
  }
});
