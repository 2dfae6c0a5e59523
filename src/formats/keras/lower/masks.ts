/**
 * Masks of Keras: which steps of a sequence count. Masking and Embedding(mask_zero) make them, layers that support masking hand them
 * on, recurrent layers, attention and averages over time heed them.
 */
import type { LayerRow } from '#formats/keras/layers/row.ts';
import type { Operand } from '#formats/lowering/lowering.ts';
import type { LayerCall } from './layer-call.ts';

/** Notes the masks that outputs of a layer carry. */
export function passMasks(call: LayerCall, row: LayerRow, outputs: readonly Operand[]): void {
  const { masks } = call.parts;
  if (row.mask === undefined) return;
  const [first] = outputs;
  if (first === undefined) return;
  const mask = row.mask === 'keeps' ? call.mask() : row.mask(call);
  if (mask !== undefined) masks.set(first, mask);
}

/** Where all of several inputs carry masks: a step counts if it counts in any (Keras 3) or in all of those there are (Keras 2). */
export function mergedMask(call: LayerCall): Operand | undefined {
  const found = call.inputs.map((input) => call.parts.masks.get(input));
  const masks = found.filter((mask) => mask !== undefined);
  if (masks.length === 0 || (call.version >= 3 && masks.length < found.length)) return undefined;
  return masks.reduce((all, mask, at) => call.node(call.version >= 3 ? 'Or' : 'And', [all, mask], `mask_${at}`));
}
