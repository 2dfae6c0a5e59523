/** Recordings meet a model's input: what is heard must have its size, and each recording gives as many inputs as are in it. */
import { fillShape } from '#data/arrays/fill-shape.ts';
import { shapeText } from '#base/nd-array.ts';
import { PareError } from '#base/failure.ts';
import type { DataPlanned } from '#data/feeds.ts';
import { scaleFor } from '#data/feeds.ts';
import type { InputSlot } from '#data/samples.ts';
import type { AudioSettings, DataSettings } from '#data/settings.ts';
import { audioSettings } from '#data/settings.ts';
import { binsOf, framesOf, inputsIn } from './features.ts';
import type { Recording } from './recording.ts';
import { createResampler } from './resample.ts';

export function planRecordings(
  recordings: readonly Recording[],
  inputs: readonly InputSlot[],
  settings: DataSettings,
): DataPlanned {
  const slot = inputs.find(({ name }) => name === settings.input) ?? inputs[0];
  if (slot === undefined) return { problem: 'The model has no input that recordings could feed.' };
  const audio = settings.audio ?? audioSettings.parse({});
  const wrong = audioProblem(audio);
  if (wrong !== null) return { problem: wrong };
  const frames = framesOf(audio);
  const bins = binsOf(audio);
  const straight = fillShape(slot.shape, [frames, bins]);
  const shape = straight ?? fillShape(slot.shape, [bins, frames]);
  if (shape === null) {
    const heard =
      audio.feature === 'waveform' ? `${bins} samples` : `${frames} frame${frames === 1 ? '' : 's'} of ${bins} values`;
    return { problem: `One input is ${heard} (${audio.feature}), and ${slot.name} takes ${shapeText(slot.shape)}.` };
  }
  const scale = scaleFor(shape, settings, slot.name);
  if (scale !== null && 'problem' in scale) return scale;
  const counts = recordings.map((recording) => countIn(recording, audio));
  const samples = counts.reduce((sum, count) => sum + count, 0);
  return {
    feeds: [{ from: 'recordings', slot, shape, plan: { audio, turned: straight === null, scale } }],
    counts,
    samples,
  };
}

function audioProblem(audio: AudioSettings): string | null {
  if (audio.feature === 'waveform') return null;
  if (audio.window > audio.fft) {
    return `A frame of ${audio.window} samples is longer than the transform of ${audio.fft}: make the transform at least as long.`;
  }
  if (audio.feature === 'magnitude') return null;
  if (audio.lowHz >= Math.min(audio.highHz, audio.sampleRate / 2)) {
    return `Mel bands from ${audio.lowHz} to ${audio.highHz} Hz are empty at a sample rate of ${audio.sampleRate} Hz.`;
  }
  if (audio.feature === 'mfcc' && audio.coefficients > audio.melBands) {
    return `${audio.coefficients} coefficients cannot be made of ${audio.melBands} mel bands.`;
  }
  return null;
}

/** A recording that cannot be read gives one sample, which is refused when it is read. */
function countIn({ header }: Recording, audio: AudioSettings): number {
  if (header instanceof PareError) return 1;
  return inputsIn(createResampler(header.sampleRate, audio.sampleRate).length(header.frames), audio);
}
