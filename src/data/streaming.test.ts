/** Nothing is read before it is asked for: rows, members and parts of recordings are read by range, and state goes with its sequence. */
import { zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import { memorySource } from '#base/sources.ts';
import { writeNpy } from '#wire/npy.ts';
import { createFeatures } from './audio/features.ts';
import { createResampler } from './audio/resample.ts';
import { fitData } from './fit.ts';
import { openDataset, type OpenDataset } from './open.ts';
import { samplesOf } from './prepare.ts';
import { audioSettings, type DataSettings } from './settings.ts';
import { splitSamples, takeSamples } from './split.ts';
import { madeFiles, madeWav, slot, slots } from './testing/made-files.ts';
import { viewSample } from './view-sample.ts';

/** A source that counts what is read of it, without bytes that could be taken from memory. */
function counted(name: string, bytes: Uint8Array): { readonly source: ByteSource; read(): number } {
  let total = 0;
  const inner = memorySource(name, bytes);
  const source: ByteSource = {
    name,
    sizeBytes: bytes.byteLength,
    read: (offset, length) => {
      total += length;
      return inner.read(offset, length);
    },
  };
  return { source, read: () => total };
}

const ROWS = 4000;
const WIDTH = 2500;
/** 40 MB: more than is read to tell data apart. */
const large = writeNpy({
  dtype: 'f32',
  shape: [ROWS, WIDTH],
  data: Float32Array.from({ length: ROWS * WIDTH }, (_, i) => i),
});

describe('arrays', () => {
  const model = slots([slot('x', [1, WIDTH])]);

  it('are read row by row, and opened by a part', async () => {
    const file = counted('x.npy', large);
    const dataset = await openDataset(new Map([['x.npy', file.source]]), { decode: null });
    expect(file.read()).toBeLessThan(5e6);
    const samples = samplesOf(dataset, model, fitData(dataset, model).settings);
    const before = file.read();
    const sample = await samples.read(3999);
    expect(sample.feeds.get('x')?.data[1]).toBe(Math.fround(3999 * WIDTH + 1));
    expect(file.read() - before).toBe(4 * WIDTH);
  });

  it('stored in an archive are read in place', async () => {
    const file = counted('x.npz', zipSync({ 'x.npy': [large, { level: 0 }] }));
    const dataset = await openDataset(new Map([['x.npz', file.source]]), { decode: null });
    expect(file.read()).toBeLessThan(5e6);
    const samples = samplesOf(dataset, model, fitData(dataset, model).settings);
    const before = file.read();
    await samples.read(7);
    expect(file.read() - before).toBe(4 * WIDTH);
  });

  it('that differ in one byte of a small file have another fingerprint, and so do other names and other choices', async () => {
    const rows = (last: number): Uint8Array =>
      writeNpy({ dtype: 'f32', shape: [4, 2], data: Float32Array.of(1, 2, 3, 4, 5, 6, 7, last) });
    const small = slots([slot('x', [1, 2])]);
    const printOf = async (name: string, last: number): Promise<string> => {
      const dataset = await openDataset(madeFiles({ [name]: rows(last) }), { decode: null });
      return samplesOf(dataset, small, fitData(dataset, small).settings).fingerprint;
    };
    const prints = [await printOf('x.npy', 8), await printOf('x.npy', 9), await printOf('y2.npy', 8)];
    expect(new Set(prints).size).toBe(3);
    expect(await printOf('x.npy', 8)).toBe(prints[0]);
    const dataset = await openDataset(madeFiles({ 'x.npy': rows(8) }), { decode: null });
    const samples = samplesOf(dataset, small, fitData(dataset, small).settings);
    const taken = [
      [0, 1],
      [1, 0],
      [0, 11],
      [0, 1, 1],
    ].map((indices) => takeSamples(samples, indices, 'some').fingerprint);
    expect(new Set([samples.fingerprint, ...taken]).size).toBe(5);
  });

  it('feed several inputs by name, and give golden outputs', async () => {
    const npz = zipSync({
      'left.npy': writeNpy({ dtype: 'f32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) }),
      'ids_0.npy': writeNpy({ dtype: 'i32', shape: [2, 3], data: Int32Array.of(1, 2, 3, 4, 5, 6) }),
      'both.npy': writeNpy({ dtype: 'f32', shape: [3], data: Float32Array.of(7, 8, 9) }),
      'out.npy': writeNpy({ dtype: 'f32', shape: [2, 2], data: Float32Array.of(5, 6, 7, 8) }),
    });
    const dataset = await openDataset(madeFiles({ 'x.npz': npz }), { decode: null });
    const model = slots(
      [slot('left', ['N', 2]), slot('ids:0', ['N', 3], 'i64'), slot('both', [3])],
      [slot('out', ['N', 2])],
    );
    const { settings, problem, samples: count } = fitData(dataset, model);
    expect([problem, count]).toEqual([null, 2]);
    const sample = await samplesOf(dataset, model, settings).read(1);
    expect(sample.feeds.get('left')).toEqual({ dtype: 'f32', shape: [1, 2], data: Float32Array.of(3, 4) });
    expect(sample.feeds.get('ids:0')).toEqual({ dtype: 'i64', shape: [1, 3], data: BigInt64Array.of(4n, 5n, 6n) });
    expect(sample.feeds.get('both')?.data).toEqual(Float32Array.of(7, 8, 9));
    expect(sample.expected?.get('out')).toEqual({ dtype: 'f32', shape: [1, 2], data: Float32Array.of(7, 8) });
  });

  it('turn pictures to the layout of the model', async () => {
    const data = Uint8Array.from({ length: 2 * 2 * 3 * 3 }, (_, i) => i);
    const dataset = await openDataset(madeFiles({ 'x.npy': writeNpy({ dtype: 'u8', shape: [2, 2, 3, 3], data }) }), {
      decode: null,
    });
    const model = slots([slot('x', [1, 3, 2, 3])]);
    const { settings, guesses } = fitData(dataset, model, { mean: [1, 2, 3], std: 2 });
    const sample = await samplesOf(dataset, model, settings).read(0);
    const wanted = [0, 1, 2].flatMap((c) => [0, 1, 2, 3, 4, 5].map((pixel) => (pixel * 3 + c - (c + 1)) / 2));
    expect([...(sample.feeds.get('x')?.data ?? [])]).toEqual(wanted);
    expect(guesses.join(' ')).toContain('channels lie at the other end');
  });
});

describe('recordings', () => {
  const ramp = (count: number, from = 0): Int16Array => Int16Array.from({ length: count }, (_, i) => from + i);
  const audio = (settings: Partial<DataSettings['audio']>): Partial<DataSettings> => ({
    audio: audioSettings.parse({ sampleRate: 8000, ...settings }),
  });
  const open = (files: Readonly<Record<string, Uint8Array>>): Promise<OpenDataset> =>
    openDataset(madeFiles(files), { decode: null });

  it('give as many inputs as are in them, named by time; a short one is filled up with silence', async () => {
    const dataset = await open({ 'a.wav': madeWav(8000, ramp(4100)), 'b.wav': madeWav(8000, ramp(10)) });
    const model = slots([slot('x', [1, 1000])]);
    const { settings, samples: count } = fitData(dataset, model, audio({ window: 1000, hop: 500 }));
    expect(count).toBe(8);
    const samples = samplesOf(dataset, model, settings);
    const names = await Promise.all([0, 1, 6, 7].map(async (index) => (await samples.read(index)).name));
    expect(names).toEqual(['a.wav at 0 s', 'a.wav at 0.063 s', 'a.wav at 0.375 s', 'b.wav']);
    const second = (await samples.read(1)).feeds.get('x')?.data;
    expect([second?.[0], second?.[999]]).toEqual([500 / 32_768, 1499 / 32_768]);
    expect([...(await samples.read(7)).feeds.get('x')!.data].slice(8, 12)).toEqual([8 / 32_768, 9 / 32_768, 0, 0]);
  });

  it('are read by the part that is needed', async () => {
    const file = counted('a.wav', madeWav(8000, ramp(8000 * 60 * 10)));
    const dataset = await openDataset(new Map([['a.wav', file.source]]), { decode: null });
    const model = slots([slot('x', [1, 1000])]);
    const samples = samplesOf(dataset, model, fitData(dataset, model, audio({ window: 1000, hop: 1000 })).settings);
    const before = file.read();
    await samples.read(4000);
    expect(file.read() - before).toBe(2000);
  });

  it('give the same where an input begins, however it is cut: resampling reaches over its edges', async () => {
    const dataset = await open({ 'a.wav': madeWav(44_100, ramp(20_000, -10_000)) });
    const long = slots([slot('x', [1, 2000])]);
    const short = slots([slot('x', [1, 500])]);
    const read = async (model: typeof long, window: number, index: number): Promise<number[]> => {
      const { settings } = fitData(dataset, model, audio({ window, hop: window }));
      return [...(await samplesOf(dataset, model, settings).read(index)).feeds.get('x')!.data].map(Number);
    };
    expect(await read(short, 500, 3)).toEqual((await read(long, 2000, 0)).slice(1500));
  });

  it('are silent before they start and after they end, resampled as well', async () => {
    const levels = Int16Array.from({ length: 3000 }, (_, i) => 20_000 * Math.cos(i / 9));
    const dataset = await open({ 'a.wav': madeWav(44_100, levels) });
    const frames = 38;
    const given = audio({
      sampleRate: 16_000,
      feature: 'magnitude',
      dialect: 'librosa',
      window: 256,
      fft: 256,
      hop: 30,
      frames,
      frameHop: frames,
    });
    const model = slots([slot('x', [1, frames, 129])]);
    const { settings, samples: count } = fitData(dataset, model, given);
    expect(count).toBe(1);
    const fed = (await samplesOf(dataset, model, settings).read(0)).feeds.get('x');
    // As librosa does: first resampled, then padded with zeros, then cut into frames.
    const resampler = createResampler(44_100, 16_000);
    const length = resampler.length(levels.length);
    const reach = resampler.reach(0, length);
    const around = Float32Array.from({ length: reach.count }, (_, i) => (levels[reach.from + i] ?? 0) / 32_768);
    const padded = new Float32Array(length + 256);
    padded.set(resampler.run(around, 0, length), 128);
    expect(fed?.data).toEqual(createFeatures(audioSettings.parse(settings.audio))(padded));
  });

  it('turn spectra where the model has bands first', async () => {
    const dataset = await open({ 'a.wav': madeWav(16_000, ramp(4000)) });
    const given = audio({
      sampleRate: 16_000,
      feature: 'magnitude',
      window: 64,
      fft: 64,
      hop: 64,
      frames: 5,
      frameHop: 5,
    });
    const read = async (shape: readonly number[]): Promise<number[]> => {
      const model = slots([slot('x', shape)]);
      return [
        ...(await samplesOf(dataset, model, fitData(dataset, model, given).settings).read(0)).feeds.get('x')!.data,
      ].map(Number);
    };
    const timeFirst = await read([1, 5, 33]);
    const bandsFirst = await read([1, 33, 5]);
    expect(bandsFirst).toEqual(Array.from({ length: 165 }, (_, at) => timeFirst[(at % 5) * 33 + Math.floor(at / 5)]));
    expect(fitData(dataset, slots([slot('x', [1, 7, 33])]), given).problem).toBe(
      'One input is 5 frames of 33 values (magnitude), and x takes [1, 7, 33].',
    );
  });

  it('are never on both sides of a split, and keep the shares of their labels', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 24 }, (_, i) => [
        `set/${i % 3 === 0 ? 'no' : 'yes'}/${i}.wav`,
        madeWav(8000, ramp(1000 * (1 + (i % 4)))),
      ]),
    );
    const dataset = await open(files);
    const model = slots([slot('x', [1, 1000])], [slot('y', [1, 2])]);
    const samples = samplesOf(dataset, model, fitData(dataset, model, audio({ window: 1000, hop: 1000 })).settings);
    expect(samples.length).toBe(60);
    const { calibration, evaluation } = await splitSamples(samples, { calibration: 20, seed: 3 });
    const recordingsOf = async (part: typeof samples): Promise<Set<string>> =>
      new Set(
        await Promise.all(
          Array.from({ length: part.length }, async (_, i) => (await part.read(i)).name.split(' ')[0] ?? ''),
        ),
      );
    const [inside, outside] = [await recordingsOf(calibration), await recordingsOf(evaluation)];
    expect([...inside].filter((name) => outside.has(name))).toEqual([]);
    expect(calibration.length + evaluation.length).toBe(60);
    expect(Math.abs(calibration.length - 20)).toBeLessThanOrEqual(2);
    expect(inside.size).toBeGreaterThan(3);
    expect([...inside].some((name) => name.includes('/no/'))).toBe(true);
  });

  it('carry state along a recording, and say so', async () => {
    const dataset = await open({ 'a.wav': madeWav(16_000, ramp(2000)), 'b.wav': madeWav(16_000, ramp(2000)) });
    const model = slots(
      [slot('input', ['batch', 'sequence']), slot('state', [2, 'batch', 128]), slot('sr', [], 'i64')],
      [slot('output', ['batch', 1]), slot('stateN', [2, 'batch', 128])],
      'silero_vad',
    );
    const { settings, guesses, problem } = fitData(dataset, model);
    expect(problem).toBeNull();
    expect(settings).toMatchObject({ constants: { sr: 16_000, state: 0 }, carry: { state: 'stateN' } });
    expect(guesses.join(' ')).toMatch(/state .* starts at 0 and takes what the output stateN gave/);
    const samples = samplesOf(dataset, model, settings);
    expect([...samples.carry]).toEqual([['state', 'stateN']]);
    const read = await Promise.all([0, 1, 2, 3, 4, 5].map((index) => samples.read(index)));
    expect(read.map(({ sequence }) => sequence)).toEqual(['a.wav', 'a.wav', 'a.wav', 'b.wav', 'b.wav', 'b.wav']);
    expect(read[0]?.feeds.get('sr')).toEqual({ dtype: 'i64', shape: [], data: BigInt64Array.of(16_000n) });
    expect(read[0]?.feeds.get('state')?.shape).toEqual([2, 1, 128]);
    const other = fitData(dataset, model, { constants: { sr: 8000 } });
    expect(other.settings.constants).toEqual({ sr: 8000, state: 0 });
    expect(other.guesses.join(' ')).toContain('is state');
    expect(other.guesses.join(' ')).not.toContain('sample rate.');
    expect(fitData(dataset, { ...model, outputs: [] }).problem).toMatch(
      /Nothing feeds the input state \[2, batch, 128\]/,
    );
  });

  it('are shown as waves, and their spectra with time to the right and low bands below', async () => {
    const tone = Int16Array.from({ length: 16_000 }, (_, i) => 16_384 * Math.sin((2 * Math.PI * 1000 * i) / 16_000));
    const dataset = await open({ 'a.wav': madeWav(16_000, tone) });
    const plain = slots([slot('x', [1, 16_000])]);
    const { inputs } = await viewSample(dataset, plain, fitData(dataset, plain).settings, 0);
    const [wave] = inputs;
    expect(wave?.picture).toMatchObject({ kind: 'wave', seconds: 1 });
    expect(wave?.max).toBeCloseTo(0.5, 3);
    expect(wave?.deviation).toBeCloseTo(0.5 / Math.SQRT2, 3);
    const spectra = slots([slot('x', [1, 20, 257])]);
    const view = await viewSample(dataset, spectra, fitData(dataset, spectra).settings, 0);
    const heat = view.inputs[0]?.picture;
    if (heat?.kind !== 'heat') throw new Error('a spectrum is shown as heat');
    expect([heat.width, heat.height]).toEqual([20, 257]);
    const column = Array.from({ length: 257 }, (_, row) => heat.values[row * 20 + 4] ?? 0);
    expect(256 - column.indexOf(Math.max(...column))).toBe(32);
  });
});
