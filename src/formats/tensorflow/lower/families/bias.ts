/** A bias joins the convolution or matrix product before it, as runtimes and quantizers expect them. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';

/**
 * The product with the bias inside, where input 0 is a product that waits for one and the bias is a constant vector; else
 * undefined.
 */
export function joined(call: TfCall, bias: Operand): Operand | undefined {
  const held = call.held(0);
  if (!('kind' in held) || held.kind !== 'pending') return undefined;
  const known = call.lowering.constantOf(bias);
  if (known === undefined || known.quantization !== undefined || known.tensor.shape.length !== 1) return undefined;
  return held.emit(bias, call.name);
}

/** A bias per channel, in the shape that broadcasts against a tensor of this rank. */
export function alongChannels(call: TfCall, bias: Operand, rank: number, channelsFirst: boolean): Operand {
  if (!channelsFirst || rank <= 2) return bias;
  return call.lowering.reshape(bias, [-1, ...Array.from({ length: rank - 2 }, () => 1)], {
    name: `${call.name}/channels`,
  });
}
