/** Custom operators whose meaning is public. */
import { row, type OperatorCall, type OperatorRow } from '#formats/tflite/call.ts';
import { Unsupported } from '#formats/tflite/unsupported.ts';

/** TfLitePadding of the C interface, which counts from one. */
const SAME = 1;

export const customOperators: readonly OperatorRow[] = [
  /**
   * MediaPipe's transposed convolution with a bias (mediapipe/util/tflite/operations/transpose_conv_bias.cc): input, weight [out, height,
   * width, in], bias; options are a TfLiteTransposeConvParams: padding, stride of columns, stride of rows, each a 32-bit integer.
   */
  row('Convolution2DTransposeBias', {}, (call) => {
    const [padding, strideWidth, strideHeight] = integersOf(call, 3);
    return call.lowering.convolveTransposed(call.input(0), call.weight(1, [3, 0, 1, 2]), call.bias(2, 0, 1), {
      name: call.name,
      output: call.output,
      strides: [strideHeight, strideWidth],
      padding: padding === SAME ? 'SAME' : 'VALID',
    });
  }),
];

function integersOf(call: OperatorCall, count: 3): readonly [number, number, number] {
  const { customOptions: bytes } = call.operator;
  if (bytes.byteLength < 4 * count)
    throw new Unsupported('Its options are cut short.', 'The file is damaged: get it again.');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [padding, width, height] = [0, 4, 8].map((at) => view.getInt32(at, true)) as [number, number, number];
  if (width < 1 || height < 1)
    throw new Unsupported(`Its steps are ${height} and ${width}.`, 'The file is damaged: get it again.');
  return [padding, width, height];
}
