/** Mel bands as three libraries define them: scale, edges and the height of the triangles. */
import type { AudioSettings } from '#data/settings.ts';

/** One band: weights of consecutive bins. */
export interface Band {
  readonly first: number;
  readonly weights: Float64Array;
}

interface Scale {
  readonly toMel: (hz: number) => number;
  readonly toHz: (mel: number) => number;
}

/** As in HTK. */
const htk: Scale = {
  toMel: (hz) => 1127 * Math.log(1 + hz / 700),
  toHz: (mel) => 700 * (Math.exp(mel / 1127) - 1),
};

const LINEAR_TO_HZ = 1000;
const HZ_PER_MEL = 200 / 3;
const LOG_STEP = Math.log(6.4) / 27;

/** As in Slaney's Auditory Toolbox: linear to 1000 Hz, logarithmic above. */
const slaney: Scale = {
  toMel: (hz) =>
    hz < LINEAR_TO_HZ ? hz / HZ_PER_MEL : LINEAR_TO_HZ / HZ_PER_MEL + Math.log(hz / LINEAR_TO_HZ) / LOG_STEP,
  toHz: (mel) => {
    const knee = LINEAR_TO_HZ / HZ_PER_MEL;
    return mel < knee ? mel * HZ_PER_MEL : LINEAR_TO_HZ * Math.exp(LOG_STEP * (mel - knee));
  },
};

/**
 * tensorflow: `tf.signal.linear_to_mel_weight_matrix`: triangles in mel, bin 0 left out. librosa: `librosa.filters.mel`: triangles in
 * hertz on Slaney's scale, of equal area. kaldi: triangles in mel, the bin of the Nyquist frequency left out.
 */
export function melBands(settings: AudioSettings): readonly Band[] {
  const { dialect, melBands: count, fft, sampleRate } = settings;
  const nyquist = sampleRate / 2;
  const low = settings.lowHz;
  const high = Math.min(settings.highHz, nyquist);
  const scale = dialect === 'librosa' ? slaney : htk;
  const from = scale.toMel(low);
  const to = scale.toMel(high);
  const edges = Array.from({ length: count + 2 }, (_, at) => from + ((to - from) * at) / (count + 1));
  const bins = Math.floor(fft / 2) + 1;
  const firstBin = dialect === 'tensorflow' ? 1 : 0;
  const lastBin = dialect === 'kaldi' ? bins - 2 : bins - 1;
  const inHz = dialect === 'librosa';
  // TensorFlow knows the number of bins alone, and takes the last for the Nyquist frequency, which it is not where the length is odd.
  const step = dialect === 'tensorflow' ? nyquist / (bins - 1) : sampleRate / fft;
  const place = (bin: number): number => (inHz ? bin * step : scale.toMel(bin * step));
  const edge = (at: number): number => (inHz ? scale.toHz(edges[at] ?? 0) : (edges[at] ?? 0));
  return Array.from({ length: count }, (_, band): Band => {
    const [left, center, right] = [edge(band), edge(band + 1), edge(band + 2)];
    const height = inHz ? 2 / (right - left) : 1;
    const weights: number[] = [];
    let first = 0;
    for (let bin = firstBin; bin <= lastBin; bin++) {
      const at = place(bin);
      const weight = Math.min((at - left) / (center - left), (right - at) / (right - center));
      if (weight <= 0) continue;
      if (weights.length === 0) first = bin;
      weights.push(weight * height);
    }
    return { first, weights: Float64Array.from(weights) };
  });
}
