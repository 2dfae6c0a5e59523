/** Sizes that a sliding window leaves: padding, strides and dilations of Conv and the pooling operators. */
import type { Dim } from '#ir/model.ts';
import type { Call } from './call.ts';

/**
 * Output size along each spatial axis, from the attributes auto_pad, pads, strides, dilations and ceil_mode (ONNX
 * specification, Conv and MaxPool).
 */
export function windowSizes(call: Call, spatial: readonly Dim[], kernel: readonly Dim[]): readonly Dim[] {
  const autoPad = call.string('auto_pad', 'NOTSET');
  const pads = call.ints('pads');
  const strides = call.ints('strides');
  const dilations = call.ints('dilations');
  const ceil = call.int('ceil_mode', 0) !== 0;
  return spatial.map((size, axis): Dim => {
    const stride = strides?.[axis] ?? 1;
    if (autoPad.startsWith('SAME')) {
      if (typeof size === 'number') return Math.ceil(size / stride);
      return stride === 1 ? size : null;
    }
    const taps = kernel[axis] ?? null;
    if (taps === null || typeof taps === 'string') return null;
    const extent = (taps - 1) * (dilations?.[axis] ?? 1) + 1;
    const before = autoPad === 'VALID' ? 0 : (pads?.[axis] ?? 0);
    const after = autoPad === 'VALID' ? 0 : (pads?.[axis + spatial.length] ?? 0);
    if (typeof size !== 'number') return stride === 1 && before + after === extent - 1 ? size : null;
    const steps = (size + before + after - extent) / stride;
    if (!ceil) return Math.max(Math.floor(steps) + 1, 0);
    const sizeUp = Math.ceil(steps) + 1;
    // A window that would start in the padding after the data is not counted.
    return (sizeUp - 1) * stride >= size + before ? sizeUp - 1 : sizeUp;
  });
}
