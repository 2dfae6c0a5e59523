/** Each kind of data in a zip gives what it gives beside it, and is fitted to the shapes that models have. */
import { zipSync } from 'fflate';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePicture } from '#cli/picture-decoder.ts';
import { writeNpy } from '#wire/npy.ts';
import { fitData } from './fit.ts';
import { openDataset, type OpenDataset } from './open.ts';
import { samplesOf } from './prepare.ts';
import { audioSettings, type DataSettings } from './settings.ts';
import { splitSamples } from './split.ts';
import { madeFiles, madeWav, slot, slots, type Contents } from './testing/made-files.ts';

const open = (contents: Contents): Promise<OpenDataset> => openDataset(madeFiles(contents), { decode: decodePicture });

const bytesOf = (content: Uint8Array | string): Uint8Array =>
  typeof content === 'string' ? new TextEncoder().encode(content) : content;

async function readAll(
  dataset: OpenDataset,
  model: ReturnType<typeof slots>,
): Promise<readonly { readonly name: string; readonly classes: readonly number[] | null; readonly data: unknown }[]> {
  const { settings, problem } = fitData(dataset, model);
  expect(problem).toBeNull();
  const samples = samplesOf(dataset, model, settings);
  return Promise.all(
    Array.from({ length: samples.length }, async (_, index) => {
      const { name, classes, feeds } = await samples.read(index);
      return { name, classes, data: feeds.get('x') };
    }),
  );
}

const four = Float32Array.of(1, 2, 3, 4);
const features = writeNpy({ dtype: 'f32', shape: [2, 2], data: four });
const labels = writeNpy({ dtype: 'i64', shape: [2], data: BigInt64Array.of(1n, 0n) });
const idx = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4);

describe('a zip, packed or stored', () => {
  const pair = slots([slot('x', [1, 2])]);
  const png = (level: number): Promise<Buffer> =>
    sharp(new Uint8Array(12).fill(level), { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toBuffer();

  it.each([
    ['arrays with labels', { 'set/features.npy': features, 'set/labels.npy': labels }, pair],
    ['an archive of arrays', { 'set/all.npz': zipSync({ 'x.npy': features, 'y.npy': labels }) }, pair],
    [
      'IDX files',
      { 'set/images-idx2-ubyte': idx, 'set/labels-idx1-ubyte': Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 2, 1, 0) },
      pair,
    ],
    ['a table', { 'set/t.csv': '\uFEFFlabel,a,b\n1,1,2\n0,3,4\n' }, pair],
    [
      'recordings in class folders',
      { 'set/no/a.wav': madeWav(16_000, Int16Array.of(1, 2)), 'set/yes/b.wav': madeWav(16_000, Int16Array.of(3, 4)) },
      pair,
    ],
  ] as const)('of %s gives the same samples', async (_name, contents, model) => {
    const plain = await readAll(await open(contents), model);
    expect(plain).toHaveLength(2);
    expect(plain.map(({ classes }) => classes)).toContainEqual([1]);
    const entries = Object.entries<Uint8Array | string>(contents);
    for (const level of [0, 9] as const) {
      const members = entries.map(([path, content]): [string, [Uint8Array, { level: 0 | 9 }]] => [
        path,
        [bytesOf(content), { level }],
      ]);
      expect(await readAll(await open({ 'set.zip': zipSync(Object.fromEntries(members)) }), model)).toEqual(plain);
    }
  });

  it('of pictures with a table of accepted labels gives the same samples', async () => {
    const contents = {
      'a.png': await png(1),
      'b.png': await png(9),
      'labels.csv': 'file,accepted\nb.png,2|4\na.png,3\n',
    };
    const model = slots([slot('x', [1, 3, 2, 2])], [slot('scores', [1, 10])]);
    const plain = await readAll(await open(contents), model);
    expect(plain.map(({ classes }) => classes)).toEqual([[3], [2, 4]]);
    const members = Object.entries<Uint8Array | string>(contents).map(([path, content]) => [path, bytesOf(content)]);
    expect(await readAll(await open({ 'set.zip': zipSync(Object.fromEntries(members)) }), model)).toEqual(plain);
  });
});

describe('data', () => {
  it('of the same files is the same, in whatever order they come', async () => {
    const there = await open({ 'features.npy': features, 'labels.npy': labels });
    const back = await open({ 'labels.npy': labels, 'features.npy': features });
    expect(back.info.id).toBe(there.info.id);
    expect(back.fingerprint).toBe(there.fingerprint);
    expect((await open({ 'features.npy': features })).info.id).not.toBe(there.info.id);
  });

  it('describes itself by its name, its number and its split', async () => {
    const data = Float32Array.from({ length: 12 }, (_, i) => i);
    const dataset = await open({
      'kws.npz': zipSync({
        'x.npy': writeNpy({ dtype: 'f32', shape: [6, 2], data }),
        'y.npy': writeNpy({ dtype: 'i64', shape: [6], data: BigInt64Array.of(0n, 1n, 0n, 1n, 0n, 1n) }),
      }),
    });
    const model = slots([slot('x', [1, 2])]);
    const samples = samplesOf(dataset, model, fitData(dataset, model).settings);
    expect(samples.description).toBe('6 samples of kws.npz');
    const { calibration, evaluation } = await splitSamples(samples, { calibration: 2, seed: 7 });
    expect(calibration.description).toBe('2 of 6 samples of kws.npz (seed 7, stratified)');
    expect(evaluation.description).toBe('the other 4 of 6 samples of kws.npz (seed 7, stratified)');
    const again = await splitSamples(samples, { calibration: 2, seed: 7 });
    expect(again.calibration.fingerprint).toBe(calibration.fingerprint);
    const prints = [samples, calibration, evaluation].map(({ fingerprint }) => fingerprint);
    expect(new Set(prints).size).toBe(3);
  });

  it('that is heard through other settings has other samples, and a fingerprint of their own', async () => {
    const dataset = await open({ 'a.wav': madeWav(8000, new Int16Array(4000)) });
    const model = slots([slot('x', [1, 1000])]);
    const heard = (hop: number): { readonly description: string; readonly fingerprint: string } => {
      const given: Partial<DataSettings> = { audio: audioSettings.parse({ sampleRate: 8000, window: 1000, hop }) };
      return samplesOf(dataset, model, fitData(dataset, model, given).settings);
    };
    expect([heard(1000).description, heard(500).description]).toEqual(['4 samples of a.wav', '7 samples of a.wav']);
    expect(heard(1000).fingerprint).not.toBe(heard(500).fingerprint);
  });
});

describe('a fit', () => {
  it('fills an input with rows of other ones', async () => {
    const data = Int8Array.from({ length: 2 * 490 }, (_, i) => i % 100);
    const dataset = await open({ 'x.npy': writeNpy({ dtype: 'i8', shape: [2, 49, 10], data }) });
    const slotsOf = (shape: readonly (number | string)[]): ReturnType<typeof slots> => slots([slot('x', shape, 'i8')]);
    for (const shape of [
      [1, 49, 10, 1],
      ['N', 49, 10, 1],
      ['N', 1, 49, 10],
    ]) {
      const model = slotsOf(shape);
      const sample = await samplesOf(dataset, model, fitData(dataset, model).settings).read(1);
      const wanted = shape.map((size) => (typeof size === 'number' ? size : 1));
      expect(sample.feeds.get('x')).toEqual({ dtype: 'i8', shape: wanted, data: data.slice(490) });
    }
    expect(fitData(dataset, slotsOf([1, 490])).problem).toBe(
      'The 2 rows of x are 49 x 10, and the input x takes [1, 490].',
    );
  });

  it.each([
    [[1, 224, 224, 3], 'nhwc', 'rgb'],
    [[1, 3, 224, 224], 'nchw', 'rgb'],
    [['N', 28, 28, 1], 'nhwc', 'gray'],
    [[1, 1, 28, 28], 'nchw', 'gray'],
    [['N', 'h', 'w', 3], 'nhwc', 'rgb'],
    [[null, 3, null, null], 'nchw', 'rgb'],
    [[3, 64, 64], 'nchw', 'rgb'],
    [[1, 3, 3, 3], 'nchw', 'rgb'],
  ] as const)('reads %j as %s, %s', async (shape, layout, channels) => {
    const picture = await sharp(new Uint8Array(12), { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toBuffer();
    const { settings, problem } = fitData(await open({ 'a.png': picture }), slots([slot('x', shape)]));
    expect([problem, settings.layout, settings.image?.channels]).toEqual([null, layout, channels]);
  });

  it('takes one label less than 1001 classes as counted behind the background', async () => {
    const accepted = 'file,label\na.png,999\nb.png,0\n';
    const picture = await sharp(new Uint8Array(12), { raw: { width: 2, height: 2, channels: 3 } })
      .png()
      .toBuffer();
    const dataset = await open({ 'a.png': picture, 'b.png': picture, 'labels.csv': accepted });
    const fit = (classes: number): Partial<DataSettings> =>
      fitData(dataset, slots([slot('x', [1, 3, 2, 2])], [slot('scores', [1, classes])])).settings;
    expect([fit(1001).labels?.offset, fit(1000).labels?.offset]).toEqual([1, 0]);
  });
});
