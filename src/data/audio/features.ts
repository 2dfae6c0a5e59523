/**
 * What a network hears: frames of a recording as spectra, mel bands or cepstral coefficients, by the parameters of a library.
 *
 * tensorflow: `tf.signal.stft` (Hann, periodic where the length is even), magnitude, `linear_to_mel_weight_matrix`, log(x + 1e-6),
 * `mfccs_from_log_mel_spectrograms`: what MLPerf Tiny's keyword spotting does.
 * librosa: `librosa.stft` (centred, periodic Hann), power, `filters.mel`, `power_to_db` (80 dB at most, within one input),
 * `feature.mfcc`. kaldi: `compute-fbank-feats` and `compute-mfcc-feats` without dither and without energy: samples of 16 bits, mean
 * removed, pre-emphasis 0.97, Povey's window, power, logarithm, lifter 22. Kaldi itself pads frames to a power of two: here the length of
 * the transform is as it is set.
 */
import type { AudioSettings } from '#data/settings.ts';
import type { Transform } from './fft.ts';
import { createTransform } from './fft.ts';
import type { Band } from './mel.ts';
import { melBands } from './mel.ts';

/** Values of one frame; for waveforms the samples of an input. */
export function binsOf(settings: AudioSettings): number {
  switch (settings.feature) {
    case 'waveform':
      return settings.window;
    case 'magnitude':
      return Math.floor(settings.fft / 2) + 1;
    case 'log-mel':
      return settings.melBands;
    default:
      return settings.coefficients;
  }
}

/** Frames of one input. */
export function framesOf({ feature, frames }: AudioSettings): number {
  return feature === 'waveform' ? 1 : frames;
}

/** Samples that one frame is cut from: librosa cuts the length of the transform and centres its window in it. */
function frameLength({ dialect, fft, window }: AudioSettings): number {
  return dialect === 'librosa' ? fft : window;
}

/** Where the first frame of a recording starts: librosa centres it on the first sample. */
function firstFrameAt({ dialect, fft, feature }: AudioSettings): number {
  return dialect === 'librosa' && feature !== 'waveform' ? -Math.floor(fft / 2) : 0;
}

/** Inputs that a recording of `length` samples at the settings' rate gives; a short one gives one, filled up with silence. */
export function inputsIn(length: number, settings: AudioSettings): number {
  const { feature, window, hop, frames, frameHop, dialect } = settings;
  if (feature === 'waveform') return steps(length, window, hop);
  const all = dialect === 'librosa' ? 1 + Math.floor(length / hop) : steps(length, window, hop);
  return steps(all, frames, frameHop);
}

function steps(length: number, window: number, hop: number): number {
  return length < window ? 1 : Math.floor((length - window) / hop) + 1;
}

/** The samples of input `index`; may reach beyond both ends of the recording. */
export function samplesOfInput(
  index: number,
  settings: AudioSettings,
): { readonly from: number; readonly count: number } {
  const { feature, window, hop, frames, frameHop } = settings;
  if (feature === 'waveform') return { from: index * hop, count: window };
  const from = firstFrameAt(settings) + index * frameHop * hop;
  return { from, count: (frames - 1) * hop + frameLength(settings) };
}

/** Turns the samples of an input into its frames, one after the other. */
export type FeatureMaker = (samples: Float32Array<ArrayBuffer>) => Float32Array<ArrayBuffer>;

export function createFeatures(settings: AudioSettings): FeatureMaker {
  const { feature, frames, hop } = settings;
  if (feature === 'waveform') return (samples) => samples;
  const length = frameLength(settings);
  const bins = binsOf(settings);
  const transform = createTransform(settings.fft);
  const taper = taperFor(settings);
  const spectrum = new Float64Array(Math.floor(settings.fft / 2) + 1);
  const frame = new Float64Array(length);
  const bands = feature === 'magnitude' ? [] : melBands(settings);
  const cosines = feature === 'mfcc' ? cosinesFor(settings) : [];
  return (samples) => {
    const logs = new Float64Array(frames * bands.length);
    const out = new Float32Array(frames * bins);
    for (let at = 0; at < frames; at++) {
      cutFrame(frame, samples, at * hop, taper, settings);
      transformFrame(frame, spectrum, transform, settings);
      if (feature === 'magnitude') out.set(spectrum, at * bins);
      else bandsOf(spectrum, bands, logs, at * bands.length);
    }
    if (feature === 'magnitude') return out;
    takeLogarithm(logs, settings);
    if (feature === 'log-mel') return Float32Array.from(logs);
    for (let at = 0; at < frames; at++) {
      for (let k = 0; k < bins; k++) {
        const weights = cosines[k];
        let sum = 0;
        for (let band = 0; band < bands.length; band++)
          sum += (weights?.[band] ?? 0) * (logs[at * bands.length + band] ?? 0);
        out[at * bins + k] = sum;
      }
    }
    return out;
  };
}

const PRE_EMPHASIS = 0.97;
/** Kaldi reads samples of 16 bits as they are. */
const KALDI_SCALE = 32_768;

function cutFrame(
  frame: Float64Array,
  samples: Float32Array,
  from: number,
  taper: Float64Array,
  { dialect }: AudioSettings,
): void {
  const length = frame.length;
  const factor = dialect === 'kaldi' ? KALDI_SCALE : 1;
  for (let at = 0; at < length; at++) frame[at] = (samples[from + at] ?? 0) * factor;
  if (dialect === 'kaldi') {
    let mean = 0;
    for (let at = 0; at < length; at++) mean += frame[at] ?? 0;
    mean /= length;
    for (let at = 0; at < length; at++) frame[at] = (frame[at] ?? 0) - mean;
    for (let at = length - 1; at >= 0; at--) {
      frame[at] = (frame[at] ?? 0) - PRE_EMPHASIS * (frame[Math.max(0, at - 1)] ?? 0);
    }
  }
  for (let at = 0; at < length; at++) frame[at] = (frame[at] ?? 0) * (taper[at] ?? 0);
}

/** Power, or magnitude where the library sums that in its bands. */
function transformFrame(
  frame: Float64Array,
  spectrum: Float64Array,
  transform: Transform,
  settings: AudioSettings,
): void {
  transform.power(frame, spectrum);
  if (settings.feature !== 'magnitude' && settings.dialect !== 'tensorflow') return;
  for (let bin = 0; bin < spectrum.length; bin++) spectrum[bin] = Math.sqrt(spectrum[bin] ?? 0);
}

function bandsOf(spectrum: Float64Array, bands: readonly Band[], out: Float64Array, at: number): void {
  bands.forEach(({ first, weights }, band) => {
    let sum = 0;
    for (let bin = 0; bin < weights.length; bin++) sum += (weights[bin] ?? 0) * (spectrum[first + bin] ?? 0);
    out[at + band] = sum;
  });
}

const TENSORFLOW_FLOOR = 1e-6;
const LIBROSA_FLOOR = 1e-10;
const LIBROSA_TOP_DB = 80;
/** The step of float32 at 1. */
const KALDI_FLOOR = 2 ** -23;

function takeLogarithm(values: Float64Array, { dialect }: AudioSettings): void {
  if (dialect === 'tensorflow') {
    for (let at = 0; at < values.length; at++) values[at] = Math.log((values[at] ?? 0) + TENSORFLOW_FLOOR);
    return;
  }
  if (dialect === 'kaldi') {
    for (let at = 0; at < values.length; at++) values[at] = Math.log(Math.max(KALDI_FLOOR, values[at] ?? 0));
    return;
  }
  let top = -Infinity;
  for (let at = 0; at < values.length; at++) {
    const decibel = 10 * Math.log10(Math.max(LIBROSA_FLOOR, values[at] ?? 0));
    values[at] = decibel;
    top = Math.max(top, decibel);
  }
  for (let at = 0; at < values.length; at++) values[at] = Math.max(values[at] ?? 0, top - LIBROSA_TOP_DB);
}

const POVEY_EXPONENT = 0.85;

/** The window over a frame; librosa's is centred in the length of the transform. */
function taperFor(settings: AudioSettings): Float64Array {
  const { dialect, window, taper } = settings;
  const length = frameLength(settings);
  const out = new Float64Array(length);
  const inner = Math.min(window, length);
  const from = Math.floor((length - inner) / 2);
  for (let at = 0; at < inner; at++) out[from + at] = taper === 'none' ? 1 : windowAt(dialect, at, inner);
  return out;
}

function windowAt(dialect: AudioSettings['dialect'], at: number, length: number): number {
  if (length === 1) return 1;
  if (dialect === 'kaldi') return (0.5 - 0.5 * Math.cos((2 * Math.PI * at) / (length - 1))) ** POVEY_EXPONENT;
  // TensorFlow's is periodic where the length is even, and symmetric where it is odd.
  const period = dialect === 'tensorflow' && length % 2 === 1 ? length - 1 : length;
  return 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / period);
}

const LIFTER = 22;

/** Rows of the cosine transform (type II). TensorFlow scales all alike, as HTK does; the others make it orthonormal; Kaldi lifts. */
function cosinesFor({ dialect, coefficients, melBands: bands }: AudioSettings): readonly Float64Array[] {
  return Array.from({ length: coefficients }, (_, k) => {
    const first = k === 0 && dialect !== 'tensorflow' ? Math.SQRT1_2 : 1;
    const lift = dialect === 'kaldi' ? 1 + (LIFTER / 2) * Math.sin((Math.PI * k) / LIFTER) : 1;
    const factor = Math.sqrt(2 / bands) * first * lift;
    return Float64Array.from({ length: bands }, (__, band) => factor * Math.cos((Math.PI * k * (band + 0.5)) / bands));
  });
}
