/** Data as a whole: opened from files in memory, fitted to a model, split, prepared and shown. */
import { describe, expect, it } from 'vitest';
import type { Files } from '#base/bytes.ts';
import type { NdArray } from '#base/nd-array.ts';
import { memorySource } from '#base/sources.ts';
import { gzipSync } from 'fflate';
import { writeNpy } from '#wire/npy.ts';
import { fitData } from './fit.ts';
import type { ModelSlots } from './model-slots.ts';
import { openDataset, type OpenDataset } from './open.ts';
import { samplesOf } from './prepare.ts';
import type { DecodePicture, InputSlot, Picture } from './samples.ts';
import { dataSettings, imageSettings, type DataSettings } from './settings.ts';
import { splitSamples } from './split.ts';
import { viewSample } from './view-sample.ts';

function files(entries: Readonly<Record<string, Uint8Array | string>>): Files {
  return new Map(
    Object.entries(entries).map(([path, content]) => {
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return [path, memorySource(path, bytes)];
    }),
  );
}

function slot(name: string, shape: InputSlot['shape'], dtype: InputSlot['dtype'] = 'f32'): InputSlot {
  return { name, dtype, shape };
}

function model(inputs: readonly InputSlot[], outputs: readonly InputSlot[] = [slot('scores', [1, 4])]): ModelSlots {
  return { name: 'net', inputs, outputs };
}

function npy(dtype: NdArray['dtype'], shape: readonly number[], data: NdArray['data']): Uint8Array {
  return writeNpy({ dtype, shape, data });
}

function idx(shape: readonly number[], data: Uint8Array): Uint8Array {
  const head = new Uint8Array(4 + 4 * shape.length);
  head.set([0, 0, 8, shape.length]);
  shape.forEach((size, axis) => new DataView(head.buffer).setUint32(4 + 4 * axis, size));
  return Uint8Array.of(...head, ...data);
}

async function opened(
  entries: Readonly<Record<string, Uint8Array | string>>,
  decode: DecodePicture | null = null,
): Promise<OpenDataset> {
  return openDataset(files(entries), { decode });
}

function settingsOf(dataset: OpenDataset, slots: ModelSlots, given: Partial<DataSettings> = {}): DataSettings {
  const { settings, problem } = fitData(dataset, slots, given);
  expect(problem).toBeNull();
  return settings;
}

async function feedOf(dataset: OpenDataset, slots: ModelSlots, settings: DataSettings, index = 0): Promise<number[]> {
  const sample = await samplesOf(dataset, slots, settings).read(index);
  return [...(sample.feeds.get(slots.inputs[0]?.name ?? '')?.data ?? [])].map(Number);
}

const ROWS = npy(
  'i8',
  [6, 2, 3],
  Int8Array.from({ length: 36 }, (_, i) => i - 18),
);
const LABELS = npy('i64', [6], BigInt64Array.of(0n, 1n, 2n, 3n, 0n, 1n));
const INPUT = model([slot('x', ['N', 2, 3, 1])]);

describe('arrays', () => {
  it('tell features from labels, and fit where only sizes of 1 differ', async () => {
    const dataset = await opened({
      'set/features.npy': ROWS,
      'set/labels.npy': LABELS,
      'set/classes.txt': 'a\nb\nc\nd\n',
    });
    expect(dataset.info).toMatchObject({ kind: 'arrays', items: 6, labelled: 6, classNames: ['a', 'b', 'c', 'd'] });
    const settings = settingsOf(dataset, INPUT, { mean: -18, std: 2 });
    const sample = await samplesOf(dataset, INPUT, settings).read(1);
    expect(sample.feeds.get('x')).toMatchObject({ dtype: 'f32', shape: [1, 2, 3, 1] });
    expect([...(sample.feeds.get('x')?.data ?? [])]).toEqual([3, 3.5, 4, 4.5, 5, 5.5]);
    expect(sample.classes).toEqual([1]);
  });

  it('scale every channel by its own mean and deviation', async () => {
    const dataset = await opened({ 'x.npy': npy('u8', [1, 2, 2], Uint8Array.of(1, 2, 3, 4)) });
    const slots = model([slot('x', [1, 2, 2])]);
    expect(
      await feedOf(dataset, slots, settingsOf(dataset, slots, { mean: [1, 2], std: [1, 2], layout: 'nchw' })),
    ).toEqual([0, 1, 0.5, 1]);
  });

  it('are refused with the sizes of both where they do not fit', async () => {
    const dataset = await opened({ 'x.npy': ROWS });
    expect(fitData(dataset, model([slot('x', [1, 5])])).problem).toMatch(/2 x 3.*\[1, 5\]/);
    expect(fitData(dataset, model([slot('x', ['N', 2, 3, 1]), slot('other', [1, 7])])).problem).toContain('other');
  });

  it('name the sample that holds NaN, and a label outside the classes', async () => {
    const bad = Float32Array.of(1, 2, NaN, 4);
    const dataset = await opened({
      'x.npy': npy('f32', [2, 2], bad),
      'y.npy': npy('i64', [2], BigInt64Array.of(1n, 9n)),
    });
    const slots = model([slot('x', [1, 2])]);
    const settings = settingsOf(dataset, slots);
    const samples = samplesOf(dataset, slots, settings);
    await expect(samples.read(1)).rejects.toThrow(/row 1/);
    const given = await opened({
      'x.npy': npy('f32', [2, 2], Float32Array.of(1, 2, 3, 4)),
      'y.npy': npy('i64', [2], BigInt64Array.of(1n, 9n)),
    });
    const fit = fitData(given, slots);
    const outside =
      fit.problem ??
      (await samplesOf(given, slots, fit.settings)
        .read(1)
        .then(() => '', String));
    expect(outside).toContain('9');
  });

  it('change their fingerprint with preparation, and not with the split', async () => {
    const dataset = await opened({ 'x.npy': ROWS });
    const base = settingsOf(dataset, INPUT);
    const print = (settings: DataSettings): string => samplesOf(dataset, INPUT, settings).fingerprint;
    expect(print({ ...base, split: { calibration: 3, seed: 9 } })).toBe(print(base));
    expect(print({ ...base, mean: 4 })).not.toBe(print(base));
  });
});

describe('other files', () => {
  it('IDX, plain and zipped by gzip, with labels beside', async () => {
    const images = idx(
      [3, 2, 2],
      Uint8Array.from({ length: 12 }, (_, i) => i),
    );
    const labels = idx([3], Uint8Array.of(2, 0, 1));
    const slots = model([slot('x', [1, 1, 2, 2])]);
    for (const entries of [
      { 'images-idx3-ubyte': images, 'labels-idx1-ubyte': labels },
      { 'images-idx3-ubyte.gz': gzipSync(images), 'labels-idx1-ubyte.gz': gzipSync(labels) },
    ]) {
      const dataset = await opened(entries);
      expect(await feedOf(dataset, slots, settingsOf(dataset, slots), 2)).toEqual([8, 9, 10, 11]);
      expect((await samplesOf(dataset, slots, settingsOf(dataset, slots)).read(0)).classes).toEqual([2]);
    }
  });

  it('CSV with a byte order mark and a header', async () => {
    const dataset = await opened({ 'points.csv': '\uFEFFlabel,a,b\n1,0.5,-2\n0,3,4\n' });
    const slots = model([slot('x', [1, 2])]);
    const settings = settingsOf(dataset, slots);
    expect(await feedOf(dataset, slots, settings)).toEqual([0.5, -2]);
    expect((await samplesOf(dataset, slots, settings).read(0)).classes).toEqual([1]);
  });

  it('nothing that could be data is said so', async () => {
    await expect(opened({})).rejects.toThrow('No file was given');
    await expect(opened({ 'notes.docx': 'x' })).rejects.toThrow();
  });
});

describe('pictures', () => {
  /** A PNG's head and end are all that is looked at before the decoder, which here paints one colour. */
  const png = (width: number, height: number): Uint8Array => {
    const bytes = new Uint8Array(64);
    bytes.set([137, 80, 78, 71, 13, 10, 26, 10, 0, 0, 0, 13, 73, 72, 68, 82]);
    new DataView(bytes.buffer).setUint32(16, width);
    new DataView(bytes.buffer).setUint32(20, height);
    bytes.set([0, 0, 0, 0, 73, 69, 78, 68, 174, 66, 96, 130], 52);
    return bytes;
  };
  const paint: DecodePicture = async (name) => {
    if (name.includes('broken')) throw new Error('torn');
    const data = new Uint8ClampedArray(4 * 4 * 2);
    for (let i = 0; i < 8; i++) data.set([200, 100, 50, 255], 4 * i);
    return { width: 4, height: 2, data } satisfies Picture;
  };
  const slots = model([slot('image', [1, 3, 2, 2])], [slot('scores', [1, 2])]);

  it('in class folders are labelled by folder, prepared in the layout of the model, and shown', async () => {
    const dataset = await opened({ 'set/cat/1.png': png(4, 2), 'set/dog/2.png': png(4, 2) }, paint);
    expect(dataset.info).toMatchObject({ kind: 'images', items: 2, labelled: 2, classNames: ['cat', 'dog'] });
    const settings = settingsOf(dataset, slots, { mean: 0, std: 1 });
    expect(settings.layout).toBe('nchw');
    expect(await feedOf(dataset, slots, settings)).toEqual([200, 200, 200, 200, 100, 100, 100, 100, 50, 50, 50, 50]);
    const bgr = { ...settings, image: imageSettings.parse({ channels: 'bgr' }) };
    expect((await feedOf(dataset, slots, bgr)).slice(0, 4)).toEqual([50, 50, 50, 50]);
    const view = await viewSample(dataset, slots, settings, 1);
    expect(view).toMatchObject({ name: expect.stringContaining('dog'), labelText: expect.stringContaining('dog') });
    expect(view.original?.kind).toBe('picture');
    expect(view.inputs[0]).toMatchObject({ shape: [1, 3, 2, 2], min: 50, max: 200 });
  });

  it('with a table of several accepted labels accept each of them', async () => {
    const table = 'file,accepted\ncat.png,3|5\ndog.png,1\n';
    const dataset = await opened({ 'cat.png': png(4, 2), 'dog.png': png(4, 2), 'labels.csv': table }, paint);
    const wide = model([slot('image', [1, 3, 2, 2])], [slot('scores', [1, 10])]);
    const settings = settingsOf(dataset, wide, { labels: { offset: 1 } });
    expect((await samplesOf(dataset, wide, settings).read(0)).classes).toEqual([4, 6]);
  });

  it('that cannot be decoded are refused one by one', async () => {
    const dataset = await opened({ 'a.png': png(4, 2), 'broken.png': png(4, 2) }, paint);
    const samples = samplesOf(dataset, slots, settingsOf(dataset, slots));
    await expect(samples.read(0)).resolves.toBeDefined();
    await expect(samples.read(1)).rejects.toThrow('torn');
  });
});

describe('the split', () => {
  it('is seeded, stratified and disjoint', async () => {
    const count = 40;
    const dataset = await opened({
      'x.npy': npy(
        'f32',
        [count, 1],
        Float32Array.from({ length: count }, (_, i) => i),
      ),
      'y.npy': npy(
        'i64',
        [count],
        BigInt64Array.from({ length: count }, (_, i) => BigInt(i % 4)),
      ),
    });
    const slots = model([slot('x', [1, 1])]);
    const samples = samplesOf(dataset, slots, settingsOf(dataset, slots));
    const valuesOf = async (
      seed: number,
    ): Promise<{ calibration: number[]; evaluation: number[]; classes: number[] }> => {
      const { calibration, evaluation } = await splitSamples(samples, { calibration: 8, seed });
      const read = async (part: typeof calibration): Promise<number[]> => {
        const values: number[] = [];
        for (let i = 0; i < part.length; i++) values.push(Number((await part.read(i)).feeds.get('x')?.data[0]));
        return values;
      };
      const inside = await read(calibration);
      return { calibration: inside, evaluation: await read(evaluation), classes: inside.map((value) => value % 4) };
    };
    const first = await valuesOf(1);
    expect(first.calibration.length).toBe(8);
    expect(new Set([...first.calibration, ...first.evaluation]).size).toBe(count);
    for (const label of [0, 1, 2, 3]) expect(first.classes.filter((value) => value === label).length).toBe(2);
    expect(await valuesOf(1)).toEqual(first);
    expect((await valuesOf(2)).calibration).not.toEqual(first.calibration);
  });

  it('leaves half where there are too few, and says so', async () => {
    const dataset = await opened({ 'x.npy': ROWS });
    const samples = samplesOf(dataset, INPUT, settingsOf(dataset, INPUT));
    const { calibration, evaluation, notices } = await splitSamples(samples, { calibration: 100, seed: 1 });
    expect([calibration.length, evaluation.length]).toEqual([3, 3]);
    expect(notices[0]?.text).toContain('100 calibration samples were asked for');
  });
});

it('settings have a default for everything that must be known', () => {
  expect(dataSettings.parse({})).toEqual({ mean: 0, std: 1, split: { calibration: 100, seed: 1 } });
});
