/** Convolutions of one to three axes: plain, grouped, depthwise, separable and transposed. */
import type { LayerCall } from '#formats/keras/lower/layer-call.ts';
import { Unsupported } from '#formats/keras/lower/unsupported.ts';
import type { Operand, Padding } from '#formats/lowering/lowering.ts';
import { activate, nameBefore } from './activations.ts';
import type { LayerRow, LayerRows } from './row.ts';

export function isChannelsFirst(call: LayerCall): boolean {
  return call.settings.text('data_format', 'channels_last') === 'channels_first';
}

interface Geometry {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
  readonly channelsFirst: boolean;
}

function geometry(call: LayerCall, axes: number, kernel: readonly number[]): Geometry {
  const { settings } = call;
  const ones = Array.from({ length: axes }, () => 1);
  const strides = settings.sizes('strides', axes, ones);
  const dilations = settings.sizes('dilation_rate', axes, ones);
  const named = settings.text('padding', 'valid').toLowerCase();
  const before = kernel.map((size, axis) => (size - 1) * (dilations[axis] ?? 1));
  const causal = [...before, ...before.map(() => 0)];
  const padding = named === 'same' ? 'SAME' : named === 'causal' ? causal : 'VALID';
  return { strides, dilations, padding, channelsFirst: isChannelsFirst(call) };
}

/** Sizes of a weight that must have `rank` axes. */
export function weightShape(call: LayerCall, weight: Operand, rank: number): readonly number[] {
  const sizes = call.sizes(weight).map((size) => size ?? 0);
  if (sizes.length === rank) return sizes;
  throw call.settings.wrong('name', `of a layer whose weight has ${rank} axes, but it has ${sizes.length}`);
}

function take(call: LayerCall, ...names: readonly string[]): readonly Operand[] {
  return call.weights.take(...names, ...(call.settings.flag('use_bias', true) ? ['bias'] : []));
}

/** [...spatial, in / groups, out] to [out, in / groups, ...spatial]. */
function turned(call: LayerCall, kernel: Operand, axes: number): Operand {
  const spatial = Array.from({ length: axes }, (_, axis) => axis);
  return call.lowering.transpose(kernel, [axes + 1, axes, ...spatial]);
}

function convolution(axes: number): LayerRow {
  return {
    lower: (call) => {
      const [kernel, bias] = take(call, 'kernel');
      const sizes = weightShape(call, kernel!, axes + 2).slice(0, axes);
      const made = call.lowering.convolve(call.x, turned(call, kernel!, axes), bias ?? null, {
        name: call.name,
        output: nameBefore(call),
        groups: call.settings.size('groups', 1),
        ...geometry(call, axes, sizes),
      });
      return activate(call, made);
    },
  };
}

/** [...spatial, in, multiplier] to [in * multiplier, 1, ...spatial]. */
function depthwiseKernel(call: LayerCall, kernel: Operand, axes: number): { kernel: Operand; groups: number } {
  const sizes = weightShape(call, kernel, axes + 2);
  const [channels = 1, multiplier = 1] = sizes.slice(axes);
  const spatial = Array.from({ length: axes }, (_, axis) => axis);
  const moved = call.lowering.transpose(kernel, [axes, axes + 1, ...spatial]);
  const shape = [channels * multiplier, 1, ...sizes.slice(0, axes)];
  const name = call.part('depthwise_kernel');
  return { kernel: call.once('depthwise', () => call.lowering.reshape(moved, shape, { name })), groups: channels };
}

function depthwise(axes: number): LayerRow {
  return {
    lower: (call) => {
      const [kernel, bias] = take(call, call.version >= 3 ? 'kernel' : 'depthwise_kernel');
      const sizes = weightShape(call, kernel!, axes + 2).slice(0, axes);
      const { kernel: laid, groups } = depthwiseKernel(call, kernel!, axes);
      const made = call.lowering.convolve(call.x, laid, bias ?? null, {
        name: call.name,
        output: nameBefore(call),
        groups,
        ...geometry(call, axes, sizes),
      });
      return activate(call, made);
    },
  };
}

function separable(axes: number): LayerRow {
  return {
    lower: (call) => {
      const [first, second, bias] = take(call, 'depthwise_kernel', 'pointwise_kernel');
      const sizes = weightShape(call, first!, axes + 2).slice(0, axes);
      const { kernel, groups } = depthwiseKernel(call, first!, axes);
      const shape = geometry(call, axes, sizes);
      const spread = call.lowering.convolve(call.x, kernel, null, { name: call.part('depthwise'), groups, ...shape });
      const made = call.lowering.convolve(spread, turned(call, second!, axes), bias ?? null, {
        name: call.name,
        output: nameBefore(call),
        strides: sizes.map(() => 1),
        padding: 'VALID',
        channelsFirst: shape.channelsFirst,
      });
      return activate(call, made);
    },
  };
}

/**
 * Keras asks for a size of the result; what lies between it and the full gradient of a convolution is taken off as
 * TensorFlow pads (less before than after), or added after it. Neither depends on the input's size.
 */
function transposedPads(
  call: LayerCall,
  axes: number,
  kernel: readonly number[],
  shape: Geometry,
): { readonly padding: Padding; readonly outputPadding: readonly number[] } {
  const extra = call.settings.has('output_padding') ? call.settings.wholes('output_padding', axes) : undefined;
  const same = shape.padding === 'SAME';
  const surplus = kernel.map((size, axis) => {
    const window = (size - 1) * (shape.dilations[axis] ?? 1) + 1;
    const stride = shape.strides[axis] ?? 1;
    const added = extra?.[axis];
    if (!same) return added === undefined ? Math.min(window - stride, 0) : -added;
    return added === undefined ? window - stride : 2 * Math.floor(window / 2) - added;
  });
  const cut = surplus.map((one) => Math.max(one, 0));
  const before = cut.map((one) => Math.floor(one / 2));
  const padding = [...before, ...cut.map((one, axis) => one - (before[axis] ?? 0))];
  return { padding, outputPadding: surplus.map((one) => Math.max(-one, 0)) };
}

function transposed(axes: number): LayerRow {
  return {
    lower: (call) => {
      const [kernel, bias] = take(call, 'kernel');
      const sizes = weightShape(call, kernel!, axes + 2).slice(0, axes);
      const shape = geometry(call, axes, sizes);
      const { strides, dilations, channelsFirst } = shape;
      const spatial = Array.from({ length: axes }, (_, axis) => axis);
      // [...spatial, out, in] to [in, out, ...spatial].
      const laid = call.lowering.transpose(kernel!, [axes + 1, axes, ...spatial]);
      const made = call.lowering.convolveTransposed(call.x, laid, bias ?? null, {
        name: call.name,
        output: nameBefore(call),
        strides,
        dilations,
        channelsFirst,
        groups: call.settings.size('groups', 1),
        ...transposedPads(call, axes, sizes, shape),
      });
      return activate(call, made);
    },
  };
}

function locallyConnected(): LayerRow {
  return {
    lower: () => {
      throw new Unsupported('it convolves with another kernel at every place, which ONNX has no operator for.');
    },
  };
}

export const CONVOLUTIONS: LayerRows = {
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  // The names of Keras 1, still accepted.
  Convolution1D: convolution(1),
  Convolution2D: convolution(2),
  Convolution3D: convolution(3),
  DepthwiseConv1D: depthwise(1),
  DepthwiseConv2D: depthwise(2),
  SeparableConv1D: separable(1),
  SeparableConv2D: separable(2),
  SeparableConvolution1D: separable(1),
  SeparableConvolution2D: separable(2),
  Conv1DTranspose: transposed(1),
  Conv2DTranspose: transposed(2),
  Conv3DTranspose: transposed(3),
  Convolution2DTranspose: transposed(2),
  Deconvolution2D: transposed(2),
  LocallyConnected1D: locallyConnected(),
  LocallyConnected2D: locallyConnected(),
};
