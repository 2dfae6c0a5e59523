/**
 * Sample rates changed by a windowed sinc, one set of weights for each phase between the two rates. 64 zero crossings to a side under
 * a Kaiser window (beta 10): what lies above the lower Nyquist frequency is at least 90 dB down, and up to 0.9 of it passes flat.
 */

const CROSSINGS = 64;
const BETA = 10;
/** Centre of the transition band, as a share of the lower Nyquist frequency. */
const CUTOFF = 0.95;
/** Phases whose weights are kept; common rates have a few hundred. */
const MOST_PHASES = 4096;

export interface Resampler {
  /** Samples at the new rate that a recording of `count` samples gives. */
  length(count: number): number;
  /** Source samples that output samples `from` to `from + count` are made of; may reach beyond the recording. */
  reach(from: number, count: number): { readonly from: number; readonly count: number };
  /** Output samples from source samples that start at `reach(from, count).from`. */
  run(source: Float32Array, from: number, count: number): Float32Array<ArrayBuffer>;
}

export function createResampler(sourceRate: number, targetRate: number): Resampler {
  const divisor = commonDivisor(sourceRate, targetRate);
  const up = targetRate / divisor;
  const down = sourceRate / divisor;
  if (up === down) return unchanged;
  const narrow = Math.min(1, up / down);
  const half = Math.ceil(CROSSINGS / narrow);
  const taps = 2 * half;
  const phases = new Map<number, Float64Array>();
  const weightsOf = (phase: number): Float64Array => {
    const known = phases.get(phase);
    if (known !== undefined) return known;
    const made = weightsAt(phase / up, half, narrow);
    if (phases.size < MOST_PHASES) phases.set(phase, made);
    return made;
  };
  const first = (n: number): number => Math.floor((n * down) / up) - half + 1;
  return {
    length: (count) => Math.max(1, Math.ceil((count * up) / down)),
    reach: (from, count) => ({ from: first(from), count: first(from + count - 1) + taps - first(from) }),
    run(source, from, count) {
      const out = new Float32Array(count);
      const start = first(from);
      for (let n = 0; n < count; n++) {
        // Frames may start before the recording, and % keeps the sign.
        const weights = weightsOf(((((from + n) * down) % up) + up) % up);
        const at = first(from + n) - start;
        let sum = 0;
        for (let tap = 0; tap < taps; tap++) sum += (weights[tap] ?? 0) * (source[at + tap] ?? 0);
        out[n] = sum;
      }
      return out;
    },
  };
}

const unchanged: Resampler = {
  length: (count) => count,
  reach: (from, count) => ({ from, count }),
  run: (source, _, count) => new Float32Array(source.subarray(0, count)),
};

/** Weights of the samples around a place that lies `offset` behind one of them; they add up to 1, so that silence stays level. */
function weightsAt(offset: number, half: number, narrow: number): Float64Array {
  const weights = new Float64Array(2 * half);
  let sum = 0;
  for (let tap = 0; tap < weights.length; tap++) {
    const distance = (tap - half + 1 - offset) * narrow;
    const weight = sinc(distance * CUTOFF) * kaiser(distance / CROSSINGS);
    weights[tap] = weight;
    sum += weight;
  }
  return weights.map((weight) => weight / sum);
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

function kaiser(x: number): number {
  return Math.abs(x) >= 1 ? 0 : bessel(BETA * Math.sqrt(1 - x * x)) / bessel(BETA);
}

/** Modified Bessel function of the first kind, order 0, by its series. */
function bessel(x: number): number {
  let sum = 1;
  let term = 1;
  for (let k = 1; term > sum * 1e-17; k++) {
    term *= (x / (2 * k)) ** 2;
    sum += term;
  }
  return sum;
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
