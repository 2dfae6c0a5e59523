/** Axes turned round, with a memory, so that what was turned twice is as it was. */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';

/** Beyond any end of an axis, in both directions; exact as a double. */
export const FAR = 2 ** 31 - 1;

/** Turned along these axes; under the node's own name, or `suffix` behind it. */
export function reversedAlong(call: TfCall, suffix: string | null, x: Operand, axes: readonly number[]): Operand {
  const { lowering } = call;
  const { reversed } = call.scope.notes;
  const sorted = axes.toSorted((a, b) => a - b);
  const known = reversed.get(x);
  if (known !== undefined && known.axes.join() === sorted.join()) return known.of;
  const inputs = [
    x,
    lowering.small(sorted.map(() => -1)),
    lowering.small(sorted.map(() => -FAR)),
    lowering.small(sorted),
    lowering.small(sorted.map(() => -1)),
  ];
  const result = suffix === null ? call.emit('Slice', inputs) : call.step(suffix, 'Slice', inputs);
  reversed.set(result, { of: x, axes: sorted });
  return result;
}

/** A transpose of what was turned is a transpose that is turned. */
export function transposed(call: TfCall, x: Operand, order: readonly number[]): Operand {
  const { reversed } = call.scope.notes;
  const known = reversed.get(x);
  const result = call.lowering.transpose(x, order);
  if (known !== undefined) {
    const axes = known.axes.map((axis) => order.indexOf(axis)).toSorted((a, b) => a - b);
    reversed.set(result, { of: call.lowering.transpose(known.of, order), axes });
  }
  return result;
}
