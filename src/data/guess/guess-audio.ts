/** How recordings are prepared for a model, from the shape of its input and from its name. */
import { shapeText } from '#base/nd-array.ts';
import type { Recording } from '#data/audio/recording.ts';
import type { ModelSlots } from '#data/model-slots.ts';
import type { AudioSettings, DataSettings } from '#data/settings.ts';
import { audioSettings } from '#data/settings.ts';
import { PareError } from '#base/failure.ts';
import { knownAudio } from './known-models.ts';

export interface GuessedAudio {
  readonly settings: Partial<DataSettings>;
  readonly guesses: readonly string[];
}

type Guess = Partial<AudioSettings>;

export function guessAudio(
  recordings: readonly Recording[],
  model: ModelSlots,
  given: Partial<DataSettings>,
): GuessedAudio {
  const slot = model.inputs.find(({ name }) => name === given.input) ?? model.inputs[0];
  if (slot === undefined) return { settings: {}, guesses: [] };
  const guesses: string[] = [];
  const known = knownAudio(model.name);
  const sizes = slot.shape.filter(
    (size, axis) => size !== 1 && !(axis === 0 && slot.shape.length > 1 && typeof size !== 'number'),
  );
  const shape = `${slot.name} ${shapeText(slot.shape)}`;
  const seen = known?.audio.feature === undefined ? fromShape(sizes) : {};
  const audio = audioSettings.parse({ ...withSizes(seen, sizes), ...known?.audio, ...given.audio });
  if (known !== null) guesses.push(`By its name: ${known.why}.`);
  if (given.audio?.feature === undefined) guesses.push(`${describe(audio)}, from the shape of ${shape}.`);
  if (given.audio?.sampleRate === undefined)
    guesses.push(rateSentence(audio.sampleRate, recordings, known?.audio.sampleRate));
  const spectral = audio.feature === 'log-mel' || audio.feature === 'mfcc';
  if (spectral && given.audio?.dialect === undefined) {
    guesses.push(
      `Mel bands from ${audio.lowHz} to ${audio.highHz} Hz with the parameters of ${audio.dialect}: set those that the model was trained with.`,
    );
  }
  if (model.inputs.length > 1 && given.input === undefined) guesses.push(`Recordings go to ${slot.name}.`);
  return { settings: { audio, ...(model.inputs.length > 1 ? { input: slot.name } : {}) }, guesses };
}

/** Open sizes take what the settings say. */
function withSizes(guess: Guess, sizes: readonly (number | string | null)[]): Guess {
  const open = sizes.some((size) => typeof size !== 'number');
  return open && guess.window === undefined ? { ...guess, window: OPEN_WINDOW, hop: OPEN_WINDOW } : guess;
}

/** One second, where the model leaves the length open. */
const OPEN_WINDOW = 16_000;
const MEL_BANDS = new Set([32, 40, 64, 80, 96, 128]);

function fromShape(sizes: readonly (number | string | null)[]): Guess {
  const [a, b] = sizes;
  if (sizes.length === 1 && typeof a === 'number') return oneAxis(a);
  if (sizes.length !== 2 || typeof a !== 'number' || typeof b !== 'number') return {};
  // Time is the longer axis more often than not, and cepstral coefficients are few.
  const [frames, bins] = isBands(b) || !isBands(a) ? [a, b] : [b, a];
  return twoAxes(frames, bins);
}

function isBands(size: number): boolean {
  return MEL_BANDS.has(size) || isSpectrum(size) || size < 32;
}

function isSpectrum(size: number): boolean {
  return size > 32 && (size - 1) % 2 === 0 && Number.isInteger(Math.log2(size - 1));
}

function oneAxis(size: number): Guess {
  if (!isSpectrum(size)) return { feature: 'waveform', window: size, hop: size };
  const fft = 2 * (size - 1);
  return { feature: 'magnitude', fft, window: fft, hop: fft / 4, frames: 1, frameHop: 1 };
}

function twoAxes(frames: number, bins: number): Guess {
  if (isSpectrum(bins)) {
    const fft = 2 * (bins - 1);
    return { feature: 'magnitude', fft, window: fft, hop: fft / 4, frames, frameHop: frames };
  }
  if (MEL_BANDS.has(bins)) {
    return {
      feature: 'log-mel',
      melBands: bins,
      fft: 512,
      window: 400,
      hop: 160,
      frames,
      frameHop: frames,
      highHz: 8000,
    };
  }
  // Frames of 30 ms, 20 ms apart: the keyword spotting of MLPerf Tiny.
  return {
    feature: 'mfcc',
    coefficients: bins,
    melBands: Math.max(40, bins),
    fft: 512,
    window: 480,
    hop: 320,
    frames,
    frameHop: frames,
  };
}

function describe(audio: AudioSettings): string {
  const cut = `frames of ${audio.window} samples, ${audio.hop} apart`;
  switch (audio.feature) {
    case 'waveform':
      return `Samples as they are, ${audio.window} for one input, ${audio.hop} apart`;
    case 'magnitude': {
      const frames = audio.frames === 1 ? 'one frame' : `${audio.frames} frames`;
      const taper = audio.taper === 'none' ? 'no window function' : `the window function of ${audio.dialect}`;
      return `Magnitude of ${frames} of ${audio.window} samples, ${audio.hop} apart, under ${taper}, transform of ${audio.fft}`;
    }
    case 'log-mel':
      return `Log mel: ${audio.frames} x ${audio.melBands} bands of ${cut}`;
    default:
      return `MFCC: ${audio.frames} x ${audio.coefficients} coefficients of ${cut}`;
  }
}

function rateSentence(rate: number, recordings: readonly Recording[], known: number | undefined): string {
  const others = new Set(recordings.flatMap(({ header }) => (header instanceof PareError ? [] : [header.sampleRate])));
  others.delete(rate);
  const resampled = others.size === 0 ? '' : ` Recordings of ${[...others].join(' and ')} Hz are resampled.`;
  const why = known === undefined ? 'as most networks for speech take it' : 'by the name of the model';
  return `${rate} Hz, ${why}.${resampled}`;
}
