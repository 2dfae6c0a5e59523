/** Transforms, resampling and features against their definitions, computed here the slow way. */
import { describe, expect, it } from 'vitest';
import { seededRandom } from '#base/random.ts';
import { audioSettings } from '#data/settings.ts';
import { createFeatures } from './features.ts';
import { createTransform } from './fft.ts';
import { createResampler } from './resample.ts';

function directPower(frame: Float64Array, length: number): number[] {
  return Array.from({ length: Math.floor(length / 2) + 1 }, (_, bin) => {
    let [re, im] = [0, 0];
    for (let n = 0; n < frame.length; n++) {
      re += frame[n]! * Math.cos((2 * Math.PI * bin * n) / length);
      im -= frame[n]! * Math.sin((2 * Math.PI * bin * n) / length);
    }
    return re * re + im * im;
  });
}

describe('the transform', () => {
  it.each([8, 12, 15, 64, 400, 512])('of length %i equals the sum it stands for', (length) => {
    const random = seededRandom(length);
    const frame = Float64Array.from({ length }, () => random.normal());
    const power = new Float64Array(Math.floor(length / 2) + 1);
    createTransform(length).power(frame, power);
    directPower(frame, length).forEach((value, bin) => expect(power[bin]).toBeCloseTo(value, 6));
  });
});

describe('the resampler', () => {
  const tone = (rate: number, hz: number, count: number): Float32Array =>
    Float32Array.from({ length: count }, (_, i) => Math.sin((2 * Math.PI * hz * i) / rate));
  const resampled = (source: Float32Array, from: number, to: number): Float32Array => {
    const resampler = createResampler(from, to);
    const count = resampler.length(source.length);
    const reach = resampler.reach(0, count);
    const padded = new Float32Array(reach.count);
    for (let i = 0; i < reach.count; i++) padded[i] = source[reach.from + i] ?? 0;
    return resampler.run(padded, 0, count);
  };

  it.each([
    [44_100, 22_050],
    [8000, 16_000],
    [44_100, 16_000],
  ])('from %i to %i Hz keeps a tone', (from, to) => {
    const hz = 1000;
    const out = resampled(tone(from, hz, from / 2), from, to);
    const wanted = tone(to, hz, out.length);
    // The ends lack neighbours.
    const largest = Math.max(
      ...out.subarray(500, out.length - 500).map((value, i) => Math.abs(value - wanted[i + 500]!)),
    );
    expect(largest).toBeLessThan(1e-3);
  });

  /** Loudest sample but for the ends, in decibels below a tone of amplitude 1. */
  const below = (out: Float32Array): number =>
    20 * Math.log10(Math.max(...out.subarray(500, out.length - 500).map(Math.abs)));

  it.each([8001, 8500, 10_000, 15_000, 22_000])('takes %i Hz away, which 16 kHz cannot hold', (hz) => {
    expect(below(resampled(tone(44_100, hz, 22_050), 44_100, 16_000))).toBeLessThan(-60);
  });

  it.each([100, 3000, 6000, 7200])('passes %i Hz as loud as it was, and adds nothing', (hz) => {
    const out = resampled(tone(44_100, hz, 22_050), 44_100, 16_000);
    const wanted = tone(16_000, hz, out.length);
    expect(below(out.map((value, i) => value - wanted[i]!))).toBeLessThan(-80);
  });

  it('makes no mirrored tone when it goes up', () => {
    const out = resampled(tone(8000, 3500, 8000), 8000, 48_000);
    const wanted = tone(48_000, 3500, out.length);
    expect(below(out.map((value, i) => value - wanted[i]!))).toBeLessThan(-80);
  });

  it('knows places before the start', () => {
    const resampler = createResampler(44_100, 16_000);
    const reach = resampler.reach(-50, 100);
    const at = (rate: number, n: number): number => Math.sin((2 * Math.PI * 500 * n) / rate);
    const source = Float32Array.from({ length: reach.count }, (_, i) => at(44_100, reach.from + i));
    resampler.run(source, -50, 100).forEach((value, i) => expect(value).toBeCloseTo(at(16_000, i - 50), 5));
  });
});

describe('features', () => {
  it('of the spectrum are its magnitude under a periodic Hann window', () => {
    const settings = audioSettings.parse({ feature: 'magnitude', window: 64, fft: 64, hop: 32 });
    const random = seededRandom(3);
    const samples = Float32Array.from({ length: 64 }, () => random.normal());
    const windowed = Float64Array.from(samples, (x, n) => x * (0.5 - 0.5 * Math.cos((2 * Math.PI * n) / 64)));
    const made = createFeatures(settings)(samples);
    directPower(windowed, 64).forEach((power, bin) => expect(made[bin]).toBeCloseTo(Math.sqrt(power), 4));
  });

  it('of a tone are loudest in the mel band that holds it', () => {
    const settings = audioSettings.parse({
      feature: 'log-mel',
      window: 512,
      fft: 512,
      melBands: 20,
      lowHz: 0,
      highHz: 8000,
    });
    const loudest = (hz: number): number => {
      const tone = Float32Array.from({ length: 512 }, (_, i) => Math.sin((2 * Math.PI * hz * i) / 16_000));
      const made = [...createFeatures(settings)(tone)];
      return made.indexOf(Math.max(...made));
    };
    const mel = (hz: number): number => 1127 * Math.log(1 + hz / 700);
    for (const hz of [500, 1000, 2500, 6000])
      expect(Math.abs(loudest(hz) - ((21 * mel(hz)) / mel(8000) - 1))).toBeLessThan(1);
  });

  it('of the cepstrum are the orthonormal cosine transform of the log mel bands', () => {
    const base = { window: 256, fft: 256, melBands: 16, lowHz: 20, highHz: 4000 };
    const random = seededRandom(5);
    const samples = Float32Array.from({ length: 256 }, () => random.normal());
    const logMel = createFeatures(audioSettings.parse({ ...base, feature: 'log-mel' }))(samples);
    const mfcc = createFeatures(audioSettings.parse({ ...base, feature: 'mfcc', coefficients: 8 }))(samples);
    for (let k = 0; k < 8; k++) {
      let sum = 0;
      for (let n = 0; n < 16; n++) sum += logMel[n]! * Math.cos((Math.PI * k * (2 * n + 1)) / 32);
      // tf.signal.mfccs_from_log_mel_spectrograms scales by 1 / sqrt(2 bands), the first coefficient included.
      expect(mfcc[k]).toBeCloseTo((2 * sum) / Math.sqrt(2 * 16), 4);
    }
  });
});
