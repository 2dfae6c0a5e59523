/** Inputs of recordings: the part that is needed is read, mixed down, brought to the rate, and turned into what is heard. */
import { PareError } from '#base/failure.ts';
import { readWavMono } from '#wire/wav.ts';
import type { AudioSettings } from '#data/settings.ts';
import { binsOf, createFeatures, framesOf, samplesOfInput } from './features.ts';
import type { FeaturePlan } from '#data/feeds.ts';
import type { Recording } from './recording.ts';
import type { Resampler } from './resample.ts';
import { createResampler } from './resample.ts';

export interface InputReader {
  /** Values of input `index` of a recording, in the order of the model's input. */
  read(recording: Recording, index: number): Promise<Float32Array<ArrayBuffer>>;
  /** The samples that it is made of, at the settings' rate; silence outside the recording. */
  samples(recording: Recording, index: number): Promise<Float32Array<ArrayBuffer>>;
}

export function createInputReader({ audio, turned }: FeaturePlan): InputReader {
  const resamplers = new Map<number, Resampler>();
  const features = createFeatures(audio);
  const samples = async (recording: Recording, index: number): Promise<Float32Array<ArrayBuffer>> => {
    const { header } = recording;
    if (header instanceof PareError) throw header;
    const resampler = resamplers.get(header.sampleRate) ?? createResampler(header.sampleRate, audio.sampleRate);
    resamplers.set(header.sampleRate, resampler);
    const { from, count } = samplesOfInput(index, audio);
    return readAt(recording, resampler, from, count);
  };
  return {
    samples,
    async read(recording, index) {
      const values = features(await samples(recording, index));
      return turned ? turn(values, audio) : values;
    },
  };
}

async function readAt(
  { source, header }: Recording,
  resampler: Resampler,
  from: number,
  count: number,
): Promise<Float32Array<ArrayBuffer>> {
  if (header instanceof PareError) throw header;
  const reach = resampler.reach(from, count);
  const around = new Float32Array(reach.count);
  const start = Math.max(0, reach.from);
  const end = Math.min(header.frames, reach.from + reach.count);
  if (end > start) around.set(await readWavMono(source, header, start, end - start), start - reach.from);
  const samples = resampler.run(around, from, count);
  // The filter rings beyond both ends of the recording, where there is silence.
  samples.fill(0, 0, Math.max(0, -from));
  samples.fill(0, Math.max(0, resampler.length(header.frames) - from));
  return samples;
}

/** Bands first, time second. */
function turn(values: Float32Array, audio: AudioSettings): Float32Array<ArrayBuffer> {
  const frames = framesOf(audio);
  const bins = binsOf(audio);
  const out = new Float32Array(values.length);
  for (let frame = 0; frame < frames; frame++) {
    for (let bin = 0; bin < bins; bin++) out[bin * frames + frame] = values[frame * bins + bin] ?? 0;
  }
  return out;
}
