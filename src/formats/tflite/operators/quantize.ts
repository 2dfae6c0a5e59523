/** Steps between reals and integers. Inside the model they only say which grid a value is on. */
import { row, type OperatorRow } from '#formats/tflite/call.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

export const quantizeOperators: readonly OperatorRow[] = [
  row('QUANTIZE', {}, (call) => {
    // A copy: what reads the values before they are rounded is to see them so.
    if (call.resultTensor().quantization === undefined)
      throw new Unsupported('Its result has no grid.', 'The file is damaged.');
    return call.result('Identity', [call.input(0)]);
  }),
  row('DEQUANTIZE', {}, (call) => {
    const { lowering } = call;
    const x = call.input(0);
    const { type } = call.tensor(0);
    if (type === 'f16' || type === 'bf16') return call.result('Cast', [x], { to: 1 });
    if (lowering.dtype(x) !== 'f32') throw new Unsupported(`It turns ${type} without a grid into reals.`);
    return x;
  }),
  // Sparse constants are laid out densely when they are read.
  row('DENSIFY', {}, (call) => call.input(0)),
];
