/**
 * Batch normalization at inference as `tf.nn.batch_normalization` spells it, which is what Keras 3 exports.
 *
 * Given:  a = Mul(Rsqrt(Add(variance, epsilon)), scale); y = Add(Mul(x, a), Sub(shift, Mul(mean, a)))
 * Result: y = BatchNormalization<epsilon>(x, scale, shift, mean, variance)
 */
import type { Operand } from '#formats/lowering/lowering.ts';
import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import { isOperand } from '#formats/tensorflow/lower/held.ts';
import type { TfNode, TfRef } from '#formats/tensorflow/graph.ts';
import type { Shape } from '#ir/model.ts';

type Pair = readonly [TfRef, TfRef];

/** The batch normalization that ends in this addition; undefined where it is another. */
export function spelledNormalization(call: TfCall): Operand | undefined {
  for (const [product, shift] of bothWays(call.node)) {
    for (const [x, factor] of bothWays(nodeOf(call, product, 'Mul'))) {
      const found = normalization(call, x, factor, shift);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function normalization(call: TfCall, xRef: TfRef, factor: TfRef, shift: TfRef): Operand | undefined {
  const scaled = factorOf(call, factor);
  if (scaled === undefined) return undefined;
  const moved = shiftOf(call, shift, factor);
  if (moved === undefined) return undefined;
  const x = tensor(call, xRef);
  const { lowering } = call;
  const shape = x === undefined ? null : lowering.shape(x);
  if (x === undefined || shape === null || shape.length < 2) return undefined;
  const given = [scaled.variance, moved.mean, ...(scaled.scale ?? []), ...(moved.shift ?? [])];
  // Channels come last, or behind the batch.
  const axis = [shape.length - 1, 1].find((at) => given.every((one) => isVector(call, one, shape, at)));
  const channels = axis === undefined ? undefined : shape[axis];
  if (axis === undefined || typeof channels !== 'number') return undefined;
  const flat = (operand: Operand): Operand => lowering.reshape(operand, [channels], { name: `${call.name}/vector` });
  const filled = (value: number): Operand =>
    lowering.small(
      Array.from({ length: channels }, () => value),
      'f32',
    );
  const affine = {
    scale: scaled.scale === undefined ? filled(1) : flat(scaled.scale[0]),
    shift: moved.shift === undefined ? filled(0) : flat(moved.shift[0]),
    mean: flat(moved.mean),
    variance: flat(scaled.variance),
  };
  const channelsFirst = axis !== shape.length - 1;
  return lowering.normalizeBatch(x, affine, { name: call.name, epsilon: scaled.epsilon, channelsFirst });
}

/** 1 / sqrt(variance + epsilon), times a scale or not. */
function factorOf(
  call: TfCall,
  ref: TfRef,
): { readonly variance: Operand; readonly epsilon: number; readonly scale?: readonly [Operand] } | undefined {
  const plain = inverseOf(call, nodeOf(call, ref, 'Rsqrt'));
  if (plain !== undefined) return plain;
  for (const [inverse, scale] of bothWays(nodeOf(call, ref, 'Mul'))) {
    const found = inverseOf(call, nodeOf(call, inverse, 'Rsqrt'));
    const by = found === undefined ? undefined : tensor(call, scale);
    if (found !== undefined && by !== undefined) return { ...found, scale: [by] };
  }
  return undefined;
}

function inverseOf(
  call: TfCall,
  root: TfNode | undefined,
): { readonly variance: Operand; readonly epsilon: number } | undefined {
  for (const [first, second] of bothWays(nodeOf(call, root?.inputs[0], 'AddV2', 'Add'))) {
    const [variance, added] = [tensor(call, first), tensor(call, second)];
    if (variance === undefined || added === undefined || call.lowering.shape(added)?.length !== 0) continue;
    const epsilon = call.lowering.numbers(added)?.[0];
    if (epsilon !== undefined && epsilon >= 0) return { variance, epsilon };
  }
  return undefined;
}

/** shift - mean * factor, or without a shift. */
function shiftOf(
  call: TfCall,
  ref: TfRef,
  factor: TfRef,
): { readonly mean: Operand; readonly shift?: readonly [Operand] } | undefined {
  const difference = nodeOf(call, ref, 'Sub');
  const [from, product] = difference?.inputs ?? [];
  for (const [mean, by] of bothWays(nodeOf(call, product, 'Mul'))) {
    const [center, shift] = [tensor(call, mean), from === undefined ? undefined : tensor(call, from)];
    if (same(call, by, factor) && center !== undefined && shift !== undefined) return { mean: center, shift: [shift] };
  }
  for (const [negative, by] of bothWays(nodeOf(call, ref, 'Mul'))) {
    const mean = nodeOf(call, negative, 'Neg')?.inputs[0];
    const center = mean === undefined ? undefined : tensor(call, mean);
    if (same(call, by, factor) && center !== undefined) return { mean: center };
  }
  return undefined;
}

/** Whether a constant has one number for each place of an axis, in a shape that broadcasts against `shape`. */
function isVector(call: TfCall, operand: Operand, shape: Shape, axis: number): boolean {
  const tensor = call.lowering.constantOf(operand)?.tensor;
  if (tensor?.dtype !== 'f32' || tensor.shape.length > shape.length) return false;
  const missing = shape.length - tensor.shape.length;
  return axis >= missing && tensor.shape.every((size, at) => size === (at + missing === axis ? shape[axis] : 1));
}

function same(call: TfCall, a: TfRef, b: TfRef): boolean {
  const [one, other] = [call.scope.producer(a), call.scope.producer(b)];
  return one !== undefined && one.node.name === other?.node.name && one.output === other.output;
}

function nodeOf(call: TfCall, ref: TfRef | undefined, ...ops: readonly string[]): TfNode | undefined {
  const made = ref === undefined ? undefined : call.scope.producer(ref);
  return made !== undefined && ops.includes(made.node.op) ? made.node : undefined;
}

function tensor(call: TfCall, ref: TfRef): Operand | undefined {
  const held = call.scope.settle(ref);
  return isOperand(held) ? held : undefined;
}

function bothWays(node: TfNode | undefined): readonly Pair[] {
  const [a, b] = node?.inputs ?? [];
  return a === undefined || b === undefined
    ? []
    : [
        [a, b],
        [b, a],
      ];
}
