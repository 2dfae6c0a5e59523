/** Operators that keep the elements in order and change the shape: Reshape, Flatten, Squeeze, Unsqueeze and kin. */
import type { Dim, Shape } from '#ir/model.ts';
import { frontAxis, isKnown, multiplyDims, quotientOfProducts, unknownShape } from '#ops/dims.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';
import type { Dense } from '#ops/dense.ts';

/** Shape that Reshape gives: 0 copies the input's size (unless allowzero), one -1 takes what is left. */
function reshaped(call: Call): Shape | null {
  const target = call.opset < 5 ? call.ints('shape') : call.elements(1);
  const from = call.shape(0);
  if (target === undefined) {
    const rank = call.opset < 5 ? undefined : call.shape(1)?.[0];
    return typeof rank === 'number' ? unknownShape(rank) : null;
  }
  const allowZero = call.int('allowzero', 0) !== 0;
  const sizes = target.map((size, axis): Dim => (size === 0 && !allowZero ? (from?.[axis] ?? null) : size));
  // An element that is not known may be the -1 as well; either way it takes what the others leave.
  const open = sizes.flatMap((size, axis) => (size === -1 || size === null ? [axis] : []));
  const [only] = open;
  if (only === undefined || open.length > 1) return sizes.map((size) => (size === -1 ? null : size));
  const rest = from === null ? null : leftover(from, target, sizes, only, allowZero);
  return sizes.map((size, axis) => (axis === only ? rest : size));
}

/** Size of the open axis. Axes that a 0 copies cancel even when their size is not known. */
function leftover(from: Shape, target: Shape, sizes: Shape, only: number, allowZero: boolean): Dim {
  const copied = (axis: number): boolean => !allowZero && target[axis] === 0;
  if (copied(only)) return sizes[only] ?? null;
  const above = from.filter((_, axis) => !copied(axis));
  const below = sizes.filter((_, axis) => axis !== only && !copied(axis));
  const named = quotientOfProducts(above, below);
  return named;
}

function withShape(x: Dense | undefined, shape: Shape | null | undefined): readonly (Dense | undefined)[] | undefined {
  if (x === undefined || !isKnown(shape)) return undefined;
  return [{ ...x, shape }];
}

function squeezed(call: Call): Shape | null {
  const shape = call.shape(0);
  const axes = call.setting('axes', 1);
  if (shape === null) return null;
  if (axes === null) {
    const count = call.shape(1)?.[0];
    return typeof count === 'number' ? unknownShape(shape.length - count) : null;
  }
  if (axes === undefined) return isKnown(shape) ? shape.filter((size) => size !== 1) : null;
  const gone = new Set(axes.map((axis) => frontAxis(axis, shape.length)));
  return shape.filter((_, axis) => !gone.has(axis));
}

function unsqueezed(call: Call): Shape | null {
  const shape = call.shape(0);
  const axes = call.setting('axes', 1);
  if (shape === null || axes === undefined) return null;
  if (axes === null) {
    const count = call.shape(1)?.[0];
    return typeof count === 'number' ? unknownShape(shape.length + count) : null;
  }
  const rank = shape.length + axes.length;
  const added = new Set(axes.map((axis) => frontAxis(axis, rank)));
  let at = 0;
  return Array.from({ length: rank }, (_, axis): Dim => (added.has(axis) ? 1 : (shape[at++] ?? null)));
}

function flattened(call: Call): Shape | null {
  const shape = call.shape(0);
  if (shape === null) return [null, null];
  const axis = frontAxis(call.int('axis', 1), shape.length);
  const product = (sizes: Shape): Dim => sizes.reduce<Dim>(multiplyDims, 1);
  return [product(shape.slice(0, axis)), product(shape.slice(axis))];
}

/** Elements pass through in order as long as the result is at most one-dimensional. */
const sameElements = (call: Call): readonly (readonly Dim[] | undefined)[] => [call.elements(0)];

export const reshapeOperators: readonly Operator[] = [
  {
    name: 'Reshape',
    inputs: ['data', 'shape'],
    outputs: ['reshaped'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, reshaped(call))],
    follow: sameElements,
    roles: () => [undefined, 'setting'],
    evaluate: (call) => withShape(call.dense(0), reshaped(call)),
  },
  {
    name: 'Flatten',
    inputs: ['input'],
    outputs: ['output'],
    infer: (call) => [call.like(0, flattened(call))],
    follow: sameElements,
    evaluate: (call) => withShape(call.dense(0), flattened(call)),
  },
  {
    name: 'Squeeze',
    inputs: ['data', 'axes?'],
    outputs: ['squeezed'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, squeezed(call))],
    follow: sameElements,
    roles: () => [undefined, 'setting'],
    evaluate: (call) => withShape(call.dense(0), squeezed(call)),
  },
  {
    name: 'Unsqueeze',
    inputs: ['data', 'axes'],
    outputs: ['expanded'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, unsqueezed(call))],
    follow: sameElements,
    roles: () => [undefined, 'setting'],
    evaluate: (call) => withShape(call.dense(0), unsqueezed(call)),
  },
  {
    // In inference the data passes through; the mask is all true.
    name: 'Dropout',
    inputs: ['data', 'ratio?', 'training_mode?'],
    outputs: ['output', 'mask?'],
    infer: (call) => [call.like(0), call.like(0, call.shape(0), call.opset < 10 ? call.dtype(0) : 'bool')],
    roles: () => [undefined, 'setting', 'setting'],
  },
];
