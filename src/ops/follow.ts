/** What one node gives: types of its outputs, and their elements where they are few and follow from what is known. */
import type { Dim, Shape } from '#ir/model.ts';
import type { Call } from './call.ts';
import { elementsOf } from './dims.ts';
import type { Facts, TensorType } from './facts.ts';
import type { Operator } from './operator.ts';

/** Values that were found for an output. */
export type Followed = Pick<Facts, 'dense' | 'elements'>;

/** Up to how many elements an output is evaluated. */
export interface FollowLimits {
  readonly integers: number;
  readonly reals: number;
}

/** Types of the outputs by the operator's rule, without sizes that no tensor can have. May throw on a node that breaks a rule. */
export function typesOf(row: Operator, call: Call): readonly (TensorType | null)[] {
  return row.infer(call).map((type) => (type === null ? null : { dtype: type.dtype, shape: possible(type.shape) }));
}

/** Values of the outputs where they are few and follow from what is known. */
export function follow(
  row: Operator,
  call: Call,
  types: readonly (TensorType | null)[],
  limits: FollowLimits,
): readonly Followed[] {
  const small = types.every((type) => {
    const count = elementsOf(type?.shape);
    const real = type?.dtype === 'f32' || type?.dtype === 'f64' || type?.dtype === 'f16' || type?.dtype === 'bf16';
    return type === null || (count !== null && count <= (real ? limits.reals : limits.integers));
  });
  if (!small || row.random === true) return [];
  const known = call.node.inputs.every((id, at) => id === null || call.dense(at) !== undefined);
  const fromShape = call.node.op === 'Shape' || call.node.op === 'Size';
  const dense = (known || fromShape) && call.node.op !== 'Constant' ? row.evaluate?.(call) : undefined;
  if (dense !== undefined) return dense.map((one) => ({ dense: one }));
  if (call.node.op === 'Constant' && call.attr('value') === undefined) {
    return (row.evaluate?.(call) ?? []).map((one) => ({ dense: one }));
  }
  return (row.follow?.(call) ?? []).map((elements, at) => {
    // A list of another length than the shape says would mean that a rule is wrong; it is not trusted then.
    const count = elementsOf(types[at]?.shape);
    return { elements: elements !== undefined && elements.length === count ? elements : undefined };
  });
}

/** A shape without sizes that no tensor can have. */
function possible(shape: Shape | null): Shape | null {
  const wrong = (size: Dim): boolean => typeof size === 'number' && !(Number.isSafeInteger(size) && size >= 0);
  return shape?.some(wrong) === true ? shape.map((size) => (wrong(size) ? null : size)) : shape;
}
