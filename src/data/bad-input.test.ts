/** Damaged, oversized, mixed and mistaken data: refused with the file and the place named, or skipped, counted and listed. */
import { gzipSync, zipSync } from 'fflate';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { NdArray } from '#base/nd-array.ts';
import { memorySource } from '#base/sources.ts';
import { decodePicture } from '#cli/picture-decoder.ts';
import { writeNpy, writeNpz } from '#wire/npy.ts';
import { joinChunks } from '#base/bytes.ts';
import { createHolding, openNpz } from './arrays/data-array.ts';
import { fitData } from './fit.ts';
import { checkPicture, readPictureHead } from './image/picture-head.ts';
import { openDataset, type OpenDataset } from './open.ts';
import { samplesOf } from './prepare.ts';
import { madeFiles, madeWav, slot, slots, type Contents } from './testing/made-files.ts';

function npy(dtype: NdArray['dtype'], shape: readonly number[], data: NdArray['data']): Uint8Array {
  return writeNpy({ dtype, shape, data });
}

const open = (contents: Contents): Promise<OpenDataset> => openDataset(madeFiles(contents), { decode: decodePicture });

const painted = (width: number, height: number): ReturnType<typeof sharp> => {
  const pixels = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 7) % 256);
  return sharp(pixels, { raw: { width, height, channels: 3 } });
};
const bytesOf = async (picture: ReturnType<typeof sharp>): Promise<Uint8Array> =>
  new Uint8Array(await picture.toBuffer());

/** What became of each sample: its name, or why it was refused. */
async function readAll(dataset: OpenDataset, model = slots([slot('x', [1, 3, 4, 4])])): Promise<string[]> {
  const { settings, problem } = fitData(dataset, model);
  if (problem !== null) return [problem];
  const samples = samplesOf(dataset, model, settings);
  return Promise.all(
    Array.from({ length: samples.length }, (_, index) => samples.read(index).then(({ name }) => name, String)),
  );
}

describe('pictures', () => {
  it('tell their kind and size before they are decoded', async () => {
    const kinds = {
      png: await bytesOf(painted(37, 21).png()),
      jpeg: await bytesOf(painted(37, 21).jpeg()),
      progressive: await bytesOf(painted(37, 21).jpeg({ progressive: true })),
      preface: await bytesOf(
        painted(37, 21)
          .jpeg()
          .withExif({ IFD0: { Copyright: 'x'.repeat(30_000) } }),
      ),
      lossy: await bytesOf(painted(37, 21).webp()),
      lossless: await bytesOf(painted(37, 21).webp({ lossless: true })),
      extended: await bytesOf(painted(37, 21).webp().withMetadata({ orientation: 1 })),
    };
    for (const [kind, bytes] of Object.entries(kinds)) {
      expect(readPictureHead(bytes)?.size, kind).toEqual({ width: 37, height: 21 });
      expect(() => checkPicture(kind, bytes, true), kind).not.toThrow();
      expect(() => checkPicture(kind, bytes.subarray(0, bytes.length - 20), true), kind).toThrow('cut short');
      expect(() => checkPicture(kind, bytes.subarray(0, 14), false), kind).not.toThrow();
    }
    expect(readPictureHead(kinds.preface.subarray(0, 1024))?.size).toBeNull();
  });

  it('that cannot be read are listed when the data is opened, refused one by one, and the others go on', async () => {
    const good = await bytesOf(painted(8, 8).jpeg());
    const huge = (await bytesOf(painted(8, 8).png())).slice();
    new DataView(huge.buffer).setUint32(16, 20_000);
    const wide = (await bytesOf(painted(8, 8).png())).slice();
    new DataView(wide.buffer).setUint32(16, 16_000);
    new DataView(wide.buffer).setUint32(20, 16_000);
    const scrambled = good.slice();
    scrambled.fill(0xff, 200, 300);
    const dataset = await open({
      'a.jpg': good,
      'b-cut.jpg': good.subarray(0, good.length - 30),
      'c-empty.png': new Uint8Array(0),
      'd-text.png': 'not a picture',
      'e-inks.jpg': await bytesOf(painted(8, 8).toColourspace('cmyk').jpeg()),
      'f-huge.png': huge,
      'g-bomb.png': wide,
      'h.webp': await bytesOf(painted(9, 5).webp()),
    });
    const listed = dataset.info.notices.map(({ text, at }) => `${at ?? ''}: ${text}`);
    expect(listed[0]).toBe(': 5 of 8 files cannot be read and will be skipped.');
    expect(listed.slice(1).map((text) => text.slice(0, 5))).toEqual(['c-emp', 'd-tex', 'e-ink', 'f-hug', 'g-bom']);
    const read = await readAll(dataset);
    expect([read[0], read[7]]).toEqual(['a.jpg', 'h.webp']);
    const why = [/cut short/, /is empty/, /no PNG, JPEG or WebP/, /CMYK/, /20000 x 8 pixels/, /16000 x 16000 pixels/];
    why.forEach((pattern, at) => {
      expect(read[at + 1]).toMatch(pattern);
      expect(read[at + 1]).toContain(['b-cut', 'c-empty', 'd-text', 'e-inks', 'f-huge', 'g-bomb'][at]);
    });
  });

  it('are read from a zip, packed or not, and clutter in it is passed over', async () => {
    const picture = await bytesOf(painted(8, 8).png());
    const packed = zipSync({
      'set/cat/1.png': picture,
      'set/dog/1.png': [picture, { level: 9 }],
      'set/.DS_Store': new Uint8Array(9),
      '__MACOSX/set/cat/._1.png': new Uint8Array(9),
    });
    const dataset = await open({ 'animals.zip': packed });
    expect(dataset.info).toMatchObject({ name: 'animals.zip', kind: 'images', items: 2, classNames: ['cat', 'dog'] });
    expect(await readAll(dataset)).toEqual(['set/cat/1.png', 'set/dog/1.png']);
    await expect(open({ 'animals.zip': 'no archive' })).rejects.toThrow('is none');
  });

  it('of mixed kinds take the most, and say what is left', async () => {
    const picture = await bytesOf(painted(8, 8).png());
    const dataset = await open({ 'a.png': picture, 'b.png': picture, 'c.wav': madeWav(8000, new Int16Array(9)) });
    expect(dataset.info.kind).toBe('images');
    expect(dataset.info.notices[0]?.text).toBe('1 file of audio are not used: the data is read as images.');
  });
});

describe('arrays', () => {
  const values = Float32Array.from({ length: 6 }, (_, i) => i);

  it('that are damaged are refused by name', async () => {
    const whole = npy('f32', [3, 2], values);
    await expect(open({ 'x.npy': whole.subarray(0, whole.length - 4) })).rejects.toThrow(/x\.npy.*cut short/);
    await expect(open({ 'x.npy': 'letters' })).rejects.toThrow(/x\.npy.*not a NumPy array/);
    await expect(open({ 'x.npz': 'letters' })).rejects.toThrow(/x\.npz.*is none/);
    await expect(open({ 'x.npy': new Uint8Array(0) })).rejects.toThrow(/x\.npy.*empty/);
    await expect(open({ 'x.npz': zipSync({ 'readme.txt': new Uint8Array(3) }) })).rejects.toThrow(/x\.npz.*no arrays/);
    await expect(open({ 'labels-idx1-ubyte.gz': gzipSync(Uint8Array.of(9, 9, 9, 9, 9)) })).rejects.toThrow(
      'not an IDX',
    );
    const objects = npy('f32', [3, 2], values).slice();
    objects.set(new TextEncoder().encode('|O8'), String.fromCharCode(...objects).indexOf('<f4'));
    await expect(open({ 'x.npy': objects })).rejects.toThrow(/x\.npy.*\|O8/);
  });

  it('of texts or of another size do not fit, and both sizes are named', async () => {
    const model = slots([slot('x', [1, 2])]);
    const fit = async (array: Uint8Array): Promise<string | null> =>
      fitData(await open({ 'a.npy': array }), model).problem;
    expect(await fit(npy('string', [2], ['a', 'b']))).toBe('The array a holds texts, and the input x takes f32.');
    expect(await fit(npy('f32', [2, 3], values))).toBe('The 2 rows of a are 3, and the input x takes [1, 2].');
    expect(await fit(npy('f32', [0, 2], new Float32Array(0)))).toBe('The data holds no samples.');
  });

  it('of unequal numbers of rows are refused', async () => {
    const file = await writeNpz(
      'x.npz',
      new Map([
        ['a', { dtype: 'f32', shape: [3, 2], data: values }],
        ['b', { dtype: 'f32', shape: [2, 3], data: values }],
      ]),
    );
    const dataset = await open({ 'x.npz': await joinChunks(file.chunks) });
    const model = slots([slot('a', [1, 2]), slot('b', [1, 3])]);
    expect(fitData(dataset, model).problem).toBe('The array a has 3 rows and b has 2: give each the same number.');
  });

  it('are not held where they would take more than the limit', async () => {
    const packed = zipSync({ 'x.npy': npy('f32', [1000, 10], new Float32Array(10_000)) });
    const source = memorySource('x.npz', packed);
    await expect(openNpz(source, createHolding(20_000))).rejects.toMatchObject({ parts: { file: 'x.npz' } });
    expect(await openNpz(source, createHolding(80_000))).toHaveLength(1);
  });

  it.each([
    ['u8', [1, 300], /row 0.*input x.*element 1 is 300, which u8 does not hold/],
    ['i64', [1, 0.5], /row 0.*element 1 is 0.5, and the input takes whole numbers/],
    ['f16', [1, 70_000], /row 0.*element 1 is 70000, which f16 does not hold/],
    ['f32', [1, 1e300], /row 0.*element 1 is 1e\+300, which f32 does not hold/],
    ['f32', [NaN, 1], /row 0.*input x.*element 0 is not a number/],
    ['bool', [1, 2], /which bool does not hold/],
  ] as const)('hold what %s does not', async (dtype, row, problem) => {
    const dataset = await open({ 'x.npy': npy('f64', [1, 2], Float64Array.from(row)) });
    const [read] = await readAll(dataset, slots([slot('x', [1, 2], dtype)]));
    expect(read).toMatch(problem);
  });
});

describe('tables', () => {
  const model = slots([slot('x', [1, 2])]);

  it('with broken rows list them, refuse them and go on', async () => {
    const text = 'a,b\n1,2\n3\n4,five\n6,7\n,8\n9,10,11\n';
    const dataset = await open({ 't.csv': text });
    expect(dataset.info.notices.map((notice) => notice.text)).toEqual([
      '2 of 6 rows do not have 2 cells and will be skipped.',
      't.csv: row 1 has 1 cells instead of 2.',
      't.csv: row 5 has 3 cells instead of 2.',
    ]);
    const read = await readAll(dataset, model);
    expect([read[0], read[3]]).toEqual(['row 0', 'row 3']);
    expect(read[1]).toMatch(/t\.csv, row 1: It has 1 cells instead of 2/);
    expect(read[2]).toMatch(/row 2: b holds "five" where a number should be/);
    expect(read[4]).toMatch(/row 4: a is empty/);
  });

  it('take semicolons, quotes, Windows line ends and no line end at the end', async () => {
    const dataset = await open({ 't.csv': '"a";"b"\r\n"1";"2"\r\n\r\n3;4' });
    expect(dataset.info.items).toBe(2);
    const { settings } = fitData(dataset, model);
    const sample = await samplesOf(dataset, model, settings).read(1);
    expect([...(sample.feeds.get('x')?.data ?? [])]).toEqual([3, 4]);
  });

  it('of one class and numbers tell the class from the numbers by what the model takes', async () => {
    const text = '2,0.5,1\n0,0.25,1\n1,0.125,0\n';
    const dataset = await open({ 't.csv': text });
    const labelled = fitData(dataset, model);
    const sample = await samplesOf(dataset, model, labelled.settings).read(0);
    expect([sample.classes, ...(sample.feeds.get('x')?.data ?? [])]).toEqual([[2], 0.5, 1]);
    const all = slots([slot('x', [1, 3])]);
    const { settings, guesses } = fitData(dataset, all);
    const other = await samplesOf(dataset, all, settings).read(0);
    expect([other.classes, ...(other.feeds.get('x')?.data ?? [])]).toEqual([null, 2, 0.5, 1]);
    expect(guesses.join(' ')).toContain('no column is left for labels');
    expect(fitData(dataset, slots([slot('x', [1, 9])])).problem).toContain('3 columns of numbers');
  });

  it('in UTF-16 are told what to do', async () => {
    await expect(open({ 't.csv': Uint8Array.of(0xff, 0xfe, 0x31, 0, 0x2c, 0) })).rejects.toThrow(/t\.csv.*UTF-16/);
    await expect(open({ 't.csv': '\n\n' })).rejects.toThrow(/t\.csv.*no rows/);
  });
});

describe('recordings', () => {
  it('that are cut short or of another kind are listed and refused, and the others go on', async () => {
    const good = madeWav(16_000, Int16Array.of(1, 2, 3, 4));
    const dataset = await open({
      'a.wav': good,
      'b.wav': good.subarray(0, 48),
      'c.wav': 'text',
      'd.wav': madeWav(8000, new Int16Array(0)),
    });
    expect(dataset.info.notices.map(({ at }) => at)).toEqual([undefined, 'b.wav', 'c.wav', 'd.wav']);
    const read = await readAll(dataset, slots([slot('x', [1, 4])]));
    expect(read[0]).toBe('a.wav');
    expect(read[1]).toMatch(/b\.wav.*should hold 8 bytes.*ends after 4/);
    expect(read[2]).toContain('c.wav');
    expect(read[3]).toMatch(/d\.wav.*no samples/);
  });
});
