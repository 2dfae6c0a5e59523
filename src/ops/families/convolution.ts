/** Conv, ConvTranspose and their integer forms: windows that slide over the last axes. */
import { elementsOf } from '#ops/dims.ts';
import { windowSizes } from '#ops/window.ts';
import { UNKNOWN, type TensorType } from '#ops/facts.ts';
import { weight, type Macs, type Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';
import type { Dim, Shape } from '#ir/model.ts';

/** Shape of a convolution of input 0 by the kernel at index `kernel`: [N, M, spatial...]. */
function convolved(call: Call, data: number, kernel: number): Shape | null {
  const x = call.shape(data);
  const w = call.shape(kernel);
  if (x === null) return null;
  const kernelSizes = call.ints('kernel_shape') ?? w?.slice(2) ?? x.slice(2).map(() => null);
  return [x[0] ?? null, w?.[0] ?? null, ...windowSizes(call, x.slice(2), kernelSizes)];
}

/** Each output element sums over the channels of its group and the kernel's window. */
function convolutionMacs(kernel: number): (call: Call, outputs: readonly (TensorType | null)[]) => Macs {
  return (call, outputs) => {
    const made = elementsOf(outputs[0]?.shape);
    const window = elementsOf(call.shape(kernel)?.slice(1));
    if (made === null) return { unknown: 'the output size is not known' };
    if (window === null) return { unknown: 'the kernel size is not known' };
    return made * window;
  };
}

const convRoles = (call: Pick<Call, 'int'>): NonNullable<ReturnType<NonNullable<Operator['roles']>>> => [
  undefined,
  weight(0, 1, call.int('group', 1)),
  'bias',
];

function transposed(call: Call): Shape | null {
  const x = call.shape(0);
  const w = call.shape(1);
  if (x === null) return null;
  const group = call.int('group', 1);
  const perGroup = w?.[1] ?? null;
  const channels = typeof perGroup === 'number' ? perGroup * group : group === 1 ? perGroup : null;
  const fixed = call.ints('output_shape');
  const spatial = x.slice(2);
  const kernelSizes: readonly Dim[] = call.ints('kernel_shape') ?? w?.slice(2) ?? spatial.map(() => null);
  const strides = call.ints('strides');
  const dilations = call.ints('dilations');
  const pads = call.ints('pads');
  const outputPads = call.ints('output_padding');
  const same = call.string('auto_pad', 'NOTSET').startsWith('SAME');
  const sizes = spatial.map((size, axis): Dim => {
    const given = fixed?.[fixed.length - spatial.length + axis];
    if (given !== undefined) return given;
    const kernelSize = kernelSizes[axis];
    if (typeof size !== 'number' || typeof kernelSize !== 'number') return null;
    const stride = strides?.[axis] ?? 1;
    if (same) return size * stride;
    const extent = (kernelSize - 1) * (dilations?.[axis] ?? 1) + 1;
    const pad = (pads?.[axis] ?? 0) + (pads?.[axis + spatial.length] ?? 0);
    return stride * (size - 1) + (outputPads?.[axis] ?? 0) + extent - pad;
  });
  return [x[0] ?? null, channels, ...sizes];
}

export const convolutionOperators: readonly Operator[] = [
  {
    name: 'Conv',
    inputs: ['X', 'W', 'B?'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: convolved(call, 0, 1) }],
    roles: convRoles,
    macs: convolutionMacs(1),
  },
  {
    name: 'FusedConv',
    domain: 'com.microsoft',
    inputs: ['X', 'W', 'B?', 'Z?'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: convolved(call, 0, 1) }],
    roles: convRoles,
    macs: convolutionMacs(1),
  },
  {
    name: 'ConvTranspose',
    inputs: ['X', 'W', 'B?'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: transposed(call) }],
    // The kernel is [C, M/group, window...]: output channels lie on axis 1, and each group of input rows has its own.
    roles: (call) => [undefined, weight(1, 0, call.int('group', 1)), 'bias'],
    // Each input element meets every tap of the kernel of its group.
    macs: (call) => {
      const read = elementsOf(call.shape(0));
      const window = elementsOf(call.shape(1)?.slice(1));
      if (read === null) return { unknown: 'the input size is not known' };
      return window === null ? { unknown: 'the kernel size is not known' } : read * window;
    },
  },
  {
    name: 'ConvInteger',
    inputs: ['x', 'w', 'x_zero_point?', 'w_zero_point?'],
    outputs: ['y'],
    infer: (call) => [{ dtype: 'i32', shape: convolved(call, 0, 1) }],
    roles: (call) => [undefined, weight(0, 1, call.int('group', 1)), 'quantization', 'quantization'],
    macs: convolutionMacs(1),
  },
  {
    name: 'QLinearConv',
    inputs: ['x', 'x_scale', 'x_zero_point', 'w', 'w_scale', 'w_zero_point', 'y_scale', 'y_zero_point', 'B?'],
    outputs: ['y'],
    infer: (call) => [{ dtype: call.dtype(7) ?? call.dtype(0), shape: convolved(call, 0, 3) }],
    roles: (call) => [
      undefined,
      'quantization',
      'quantization',
      weight(0, 1, call.int('group', 1)),
      'quantization',
      'quantization',
      'quantization',
      'quantization',
      'bias',
    ],
    macs: convolutionMacs(3),
  },
  {
    name: 'DeformConv',
    inputs: ['X', 'W', 'offset', 'B?', 'mask?'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: convolved(call, 0, 1) }],
    roles: (call) => [undefined, weight(0, 1, call.int('group', 1)), undefined, 'bias'],
    macs: convolutionMacs(1),
  },
  {
    name: 'Col2Im',
    inputs: ['input', 'image_shape', 'block_shape'],
    outputs: ['output'],
    shapeInputs: [1, 2],
    infer: (call) => {
      const image = call.elements(1);
      const block = call.numbers(2);
      const columns = call.dim(0, 1);
      if (image === undefined || block === undefined) return [{ ...UNKNOWN, dtype: call.dtype(0) }];
      const taps = block.reduce((product, size) => product * size, 1);
      return [call.like(0, [call.dim(0, 0), typeof columns === 'number' ? columns / taps : null, ...image])];
    },
    roles: () => [undefined, 'setting', 'setting'],
  },
];
