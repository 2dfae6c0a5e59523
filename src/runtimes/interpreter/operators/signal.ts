/** Values of Fourier transforms, windows and mel filters, straight from their definitions (ONNX specification). */
import { dtypeOfCode } from '#ops/dtype-code.ts';
import type { Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import type { Call } from '#ops/call.ts';
import {
  around,
  made,
  need,
  reals,
  scalarOf,
  type Evaluate,
  type Evaluations,
} from '#runtimes/interpreter/evaluation.ts';

/** Sums of the definition: X[k] = sum over n of x[n] exp(-2 pi i k n / N); real and imaginary parts in turn. */
function transform(x: Float64Array, length: number, bins: number, inverse: boolean): Float64Array {
  const out = new Float64Array(2 * bins);
  const turn = ((inverse ? 2 : -2) * Math.PI) / length;
  for (let k = 0; k < bins; k++) {
    let [real, imaginary] = [0, 0];
    for (let n = 0; n < length; n++) {
      const angle = turn * ((k * n) % length);
      const [c, s] = [Math.cos(angle), Math.sin(angle)];
      const [re, im] = [x[2 * n] ?? 0, x[2 * n + 1] ?? 0];
      real += re * c - im * s;
      imaginary += re * s + im * c;
    }
    out[2 * k] = inverse ? real / length : real;
    out[2 * k + 1] = inverse ? imaginary / length : imaginary;
  }
  return out;
}

const fourier: Evaluate = (call) => {
  const x = need(call, 0);
  const rank = x.shape.length;
  const axis = frontAxis(call.opset < 20 ? call.int('axis', 1) : scalarOf(call.dense(2), -2), rank);
  const [inverse, onesided] = [call.int('inverse', 0) !== 0, call.int('onesided', 0) !== 0];
  if (inverse && onesided) return undefined;
  const parts = x.shape[rank - 1] ?? 1;
  const { outer, size, inner } = around(x.shape.slice(0, -1), axis);
  const length = call.has(1) ? scalarOf(call.dense(1), size) : size;
  const bins = onesided ? Math.floor(length / 2) + 1 : length;
  const data = reals(x);
  const out = new Float64Array(outer * bins * inner * 2);
  for (let run = 0; run < outer * inner; run++) {
    const [o, i] = [Math.floor(run / inner), run % inner];
    const signal = new Float64Array(2 * length);
    for (let n = 0; n < Math.min(size, length); n++) {
      for (let part = 0; part < parts; part++)
        signal[2 * n + part] = data[((o * size + n) * inner + i) * parts + part] ?? 0;
    }
    const spectrum = transform(signal, length, bins, inverse);
    for (let k = 0; k < bins; k++) {
      out.set(spectrum.subarray(2 * k, 2 * k + 2), ((o * bins + k) * inner + i) * 2);
    }
  }
  const shape = x.shape.map((one, at) => (at === axis ? bins : at === rank - 1 ? 2 : one));
  return [made(x.dtype, shape, out)];
};

/** Transforms of windowed frames: [batch, frames, bins, 2]. */
const shortTime: Evaluate = (call) => {
  const x = need(call, 0);
  const [batch = 1, samples = 0, parts = 1] = x.shape;
  const step = scalarOf(call.dense(1), 1);
  const window = call.dense(2);
  const length = call.has(3) ? scalarOf(call.dense(3), 0) : (window?.shape[0] ?? samples);
  const weights = window === undefined ? undefined : reals(window);
  const frames = Math.floor((samples - length) / step) + 1;
  const bins = call.int('onesided', 1) !== 0 ? Math.floor(length / 2) + 1 : length;
  const data = reals(x);
  const out = new Float64Array(batch * frames * bins * 2);
  for (let frame = 0; frame < batch * frames; frame++) {
    const start = Math.floor(frame / frames) * samples + (frame % frames) * step;
    const signal = new Float64Array(2 * length);
    for (let n = 0; n < length; n++) {
      for (let part = 0; part < parts; part++) {
        signal[2 * n + part] = (data[(start + n) * parts + part] ?? 0) * (weights?.[n] ?? 1);
      }
    }
    out.set(transform(signal, length, bins, false), frame * bins * 2);
  }
  return [made(x.dtype, [batch, frames, bins, 2], out)];
};

/** Sums of cosines: a0 - a1 cos(2 pi n / N) + a2 cos(4 pi n / N); symmetric ones are a sample shorter in their period. */
function windowOf(a0: number, a1: number, a2: number): Evaluate {
  return (call) => {
    const size = scalarOf(need(call, 0), 0);
    const period = call.int('periodic', 1) !== 0 ? size : size - 1;
    const values = Array.from({ length: size }, (_, n) => {
      const angle = (2 * Math.PI * n) / period;
      return a0 - a1 * Math.cos(angle) + a2 * Math.cos(2 * angle);
    });
    return [made(dtypeOfCode(call.int('output_datatype', 1)) ?? 'f32', [size], values)];
  };
}

/** Triangles that turn a spectrum into mel bands, one column each. */
function melWeights(call: Call): readonly Dense[] {
  const [bands, length, rate] = [0, 1, 2].map((input) => scalarOf(need(call, input), 0)) as [number, number, number];
  const [low, high] = [3, 4].map((input) => 2595 * Math.log10(1 + scalarOf(need(call, input), 0) / 700)) as [
    number,
    number,
  ];
  const bins = Math.floor(length / 2) + 1;
  const step = (high - low) / (bands + 2);
  const edges = Array.from({ length: bands + 2 }, (_, at) => {
    const hertz = 700 * (10 ** ((low + at * step) / 2595) - 1);
    return Math.floor(((length + 1) * hertz) / rate);
  });
  const out = new Float64Array(bins * bands);
  for (let band = 0; band < bands; band++) {
    const [left = 0, centre = 0, right = 0] = edges.slice(band, band + 3);
    if (centre === left) out[centre * bands + band] = 1;
    else for (let at = left; at <= centre; at++) out[at * bands + band] = (at - left) / (centre - left);
    for (let at = centre; at < right; at++) out[at * bands + band] = (right - at) / (right - centre);
  }
  return [made(dtypeOfCode(call.int('output_datatype', 1)) ?? 'f32', [bins, bands], out)];
}

export const signalEvaluations: Evaluations = {
  DFT: fourier,
  STFT: shortTime,
  MelWeightMatrix: melWeights,
  HannWindow: windowOf(0.5, 0.5, 0),
  HammingWindow: windowOf(25 / 46, 21 / 46, 0),
  BlackmanWindow: windowOf(0.42, 0.5, 0.08),
};
