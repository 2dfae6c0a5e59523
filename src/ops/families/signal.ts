/** Fourier transforms and mel filters. */
import type { Dim } from '#ir/model.ts';
import { frontAxis } from '#ops/dims.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import type { Operator } from '#ops/operator.ts';

/** A real signal of n samples has n / 2 + 1 bins of its own. */
function bins(length: Dim, onesided: boolean): Dim {
  if (!onesided) return length;
  return typeof length === 'number' ? Math.floor(length / 2) + 1 : null;
}

export const signalOperators: readonly Operator[] = [
  {
    // The axis was an attribute before opset 20. The last axis holds real and imaginary part.
    name: 'DFT',
    inputs: ['input', 'dft_length?', 'axis?'],
    outputs: ['output'],
    shapeInputs: [1, 2],
    infer: (call) => {
      const shape = call.shape(0);
      const given = call.opset < 20 ? call.int('axis', 1) : call.has(2) ? call.numbers(2)?.[0] : -2;
      if (shape === null || given === undefined) return [call.like(0, call.sameRank(0))];
      const axis = frontAxis(given, shape.length);
      const length = call.has(1) ? (call.elements(1)?.[0] ?? null) : (shape[axis] ?? null);
      const made = bins(length, call.int('onesided', 0) !== 0);
      return [
        call.like(
          0,
          shape.map((size, at): Dim => (at === axis ? made : at === shape.length - 1 ? 2 : size)),
        ),
      ];
    },
    roles: () => [undefined, 'setting', 'setting'],
  },
  {
    name: 'STFT',
    inputs: ['signal', 'frame_step', 'window?', 'frame_length?'],
    outputs: ['output'],
    shapeInputs: [1, 3],
    infer: (call) => {
      const step = call.numbers(1)?.[0];
      const samples = call.dim(0, 1);
      const length = call.has(3) ? (call.elements(3)?.[0] ?? null) : call.has(2) ? call.dim(2, 0) : samples;
      const known = typeof samples === 'number' && typeof length === 'number' && step !== undefined;
      const frames = known ? Math.floor((samples - length) / step) + 1 : null;
      return [call.like(0, [call.dim(0, 0), frames, bins(length, call.int('onesided', 1) !== 0), 2])];
    },
    roles: () => [undefined, 'setting', 'affine', 'setting'],
  },
  {
    name: 'MelWeightMatrix',
    inputs: ['num_mel_bins', 'dft_length', 'sample_rate', 'lower_edge_hertz', 'upper_edge_hertz'],
    outputs: ['output'],
    shapeInputs: [0, 1],
    infer: (call) => {
      const [bands, length] = [call.elements(0)?.[0] ?? null, call.elements(1)?.[0] ?? null];
      return [{ dtype: dtypeOfCode(call.int('output_datatype', 1)), shape: [bins(length, true), bands] }];
    },
    roles: () => ['setting', 'setting', 'setting', 'setting', 'setting'],
  },
];
