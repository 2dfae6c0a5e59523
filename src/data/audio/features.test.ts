/** Features against what TensorFlow, librosa and Kaldi themselves gave: scripts/reference/record-audio.py recorded it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { audioSettings } from '#data/settings.ts';
import { createFeatures, inputsIn, samplesOfInput } from './features.ts';

interface Values {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

interface Recorded {
  readonly levels: readonly number[];
  readonly recordings: readonly {
    readonly settings: { readonly window: number; readonly fft: number };
    readonly results: Readonly<Record<string, Readonly<Record<string, Values>>>>;
  }[];
}

const path = new URL('../../../scripts/reference/audio.json', import.meta.url);
const recorded = JSON.parse(readFileSync(path, 'utf8')) as Recorded;

const cases = recorded.recordings.flatMap(({ settings, results }) =>
  Object.entries(results).flatMap(([dialect, kinds]) =>
    Object.entries(kinds).map(([feature, { shape, values }]) => ({
      dialect,
      feature,
      shape,
      values,
      settings,
      lengths: `${settings.window} in ${settings.fft}`,
    })),
  ),
);

/**
 * The libraries compute in float32, here it is doubles: 2e-6 to 1e-4 apart when this was recorded. Kaldi's cepstra are sums of
 * logarithms around 15, lifted up to twelve times.
 */
const TOLERANCE: Readonly<Record<string, number>> = { magnitude: 1e-5, 'log-mel': 1e-4, mfcc: 5e-4 };

describe('features equal those of the library', () => {
  it.each(cases)('$dialect $feature, $lengths', ({ dialect, feature, shape, values, settings: given }) => {
    const [frames = 0, bins = 0] = shape;
    const one = audioSettings.parse({ ...given, dialect, feature });
    const length = recorded.levels.length;
    expect(inputsIn(length, one)).toBe(frames);
    const settings = { ...one, frames, frameHop: frames };
    const { from, count } = samplesOfInput(0, settings);
    const samples = Float32Array.from({ length: count }, (_, at) => (recorded.levels[from + at] ?? 0) / 32_768);
    const made = createFeatures(settings)(samples);
    expect(made.length).toBe(frames * bins);
    let largest = 0;
    made.forEach((value, at) => (largest = Math.max(largest, Math.abs(value - (values[at] ?? NaN)))));
    expect(largest).toBeLessThan(TOLERANCE[feature] ?? 0);
  });
});
