/** Spectra. Complex numbers lie as pairs on a last axis of size 2, as ONNX has them. */
import type { Operand } from '#formats/lowering/lowering.ts';
import { type OperatorCall, row, type OperatorRow } from '#formats/tflite/call.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

export const spectrumOperators: readonly OperatorRow[] = [
  row('RFFT2D', {}, (call) => realSpectrum(call), true),
  row(
    'COMPLEX_ABS',
    {},
    (call) =>
      call.lowering.reduce('ReduceL2', call.input(0), [call.rank(0) - 1], {
        name: call.name,
        output: call.output,
        keepDims: false,
      }),
    true,
  ),
  row('REAL', {}, (call) => part(call, 0), true),
  row('IMAG', {}, (call) => part(call, 1), true),
];

function part(call: OperatorCall, place: number): Operand {
  return call.result('Gather', [call.input(0), call.lowering.small(place)], { axis: call.rank(0) - 1 });
}

/** Of rows alone: a transform of the second last axis of size 1 changes nothing. */
function realSpectrum(call: OperatorCall): Operand {
  const { lowering } = call;
  const [rows, length = 0] = call.numbers(1, 'length');
  const shape = call.sizes(0);
  const rank = shape.length;
  if (rows !== 1 || shape[rank - 2] !== 1) throw new Unsupported('It transforms two axes at once.');
  if (length > (shape[rank - 1] ?? 0)) throw new Unsupported('It transforms more samples than there are.');
  const x = call.input(0);
  const cut =
    length === shape[rank - 1]
      ? x
      : call.step('cut', 'Slice', [x, lowering.small([0]), lowering.small([length]), lowering.small([rank - 1])]);
  // DFT wants one signal a row: batch, samples, parts.
  const signals = lowering.reshape(cut, [-1, length, 1], { name: `${call.name}/signals` });
  const bins = Math.floor(length / 2) + 1;
  const count = shape.slice(0, -1).reduce((product, size) => product * size, 1);
  const axis = lowering.opset >= 20 ? [null, lowering.small(1)] : [];
  const spectrum = lowering.apply('DFT', [signals, ...axis], {
    name: call.name,
    outputs: [`${call.output}_spectrum`],
    attrs: { onesided: 1, ...(lowering.opset >= 20 ? {} : { axis: 1 }) },
    types: [{ dtype: 'f32', shape: [count, bins, 2] }],
  });
  return lowering.reshape(spectrum, [...shape.slice(0, -1), bins, 2], {
    name: `${call.name}/shape`,
    output: call.output,
  });
}
