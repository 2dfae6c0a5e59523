/** Values of operators that move elements: Pad, depth and space, reversed sequences, crops. */
import { countOf } from '#base/dtype.ts';
import type { Call } from '#ops/call.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import { denseOf, isBig, lanesFor, type Dense } from '#ops/dense.ts';
import { frontAxis } from '#ops/dims.ts';
import { pick, transposeAll } from '#ops/evaluate/arrange.ts';
import { strides } from '#ops/evaluate/reduce.ts';
import { need, refuse, wholes, type Evaluate, type Evaluations } from '#runtimes/interpreter/evaluation.ts';

/** Where the padded place reads along one axis; undefined: the constant. */
function source(at: number, size: number, mode: string): number | undefined {
  if (at >= 0 && at < size) return at;
  if (mode === 'constant') return undefined;
  if (mode === 'edge') return at < 0 ? 0 : size - 1;
  if (mode === 'wrap') return ((at % size) + size) % size;
  // reflect: the edge itself is not repeated, and long pads go back and forth.
  const period = Math.max(2 * (size - 1), 1);
  const folded = ((at % period) + period) % period;
  return folded < size ? folded : period - folded;
}

/** A tensor of which some elements read from `x` and the others are `otherwise`. */
function pickOr(
  x: Dense,
  shape: readonly number[],
  otherwise: number | bigint,
  from: (at: number) => number | undefined,
): Dense | undefined {
  const data = lanesFor(x.dtype, countOf(shape));
  if (data === undefined) return undefined;
  for (let at = 0; at < data.length; at++) {
    const index = from(at);
    const value = index === undefined ? otherwise : (x.data[index] ?? 0);
    if (isBig(data)) data[at] = BigInt(value);
    else data[at] = Number(value);
  }
  return { dtype: x.dtype, shape, data };
}

/** Pads before (negative: cuts) along every axis, and the shape that results. */
function placed(
  x: Dense,
  before: readonly number[],
  shape: readonly number[],
  mode: string,
  otherwise: number | bigint,
): Dense | undefined {
  const steps = strides(x.shape);
  return pickOr(x, shape, otherwise, (at) => {
    let rest = at;
    let index = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis] ?? 1;
      const from = source((rest % size) - (before[axis] ?? 0), x.shape[axis] ?? 1, mode);
      if (from === undefined) return undefined;
      index += from * (steps[axis] ?? 1);
      rest = Math.floor(rest / size);
    }
    return index;
  });
}

const pad: Evaluate = (call) => {
  const x = need(call, 0);
  const given = call.opset < 11 ? call.ints('pads') : wholes(call.dense(1));
  if (given === undefined) refuse(call, 'its pads are missing.');
  const axes = wholes(call.dense(3))?.map((axis) => frontAxis(axis, x.shape.length)) ?? x.shape.map((_, axis) => axis);
  const before = x.shape.map(() => 0);
  const shape = [...x.shape];
  for (const [at, axis] of axes.entries()) {
    before[axis] = given[at] ?? 0;
    shape[axis] = (shape[axis] ?? 0) + (given[at] ?? 0) + (given[at + axes.length] ?? 0);
  }
  const otherwise = call.opset < 11 ? call.float('value', 0) : (call.dense(2)?.data[0] ?? 0);
  return [placed(x, before, shape, call.string('mode', 'constant'), otherwise)];
};

/** Cut or padded with zeros to the target, the middle kept; of an odd difference the smaller half lies in front. */
const centerCropPad: Evaluate = (call) => {
  const x = need(call, 0);
  const target = wholes(call.dense(1)) ?? [];
  const axes = call.ints('axes')?.map((axis) => frontAxis(axis, x.shape.length)) ?? x.shape.map((_, axis) => axis);
  const shape = [...x.shape];
  const before = x.shape.map(() => 0);
  for (const [at, axis] of axes.entries()) {
    const [size, wanted] = [x.shape[axis] ?? 0, target[at] ?? 0];
    shape[axis] = wanted;
    before[axis] = wanted >= size ? Math.floor((wanted - size) / 2) : -Math.floor((size - wanted) / 2);
  }
  return [placed(x, before, shape, 'constant', 0)];
};

/** Through a shape of more axes, turned, and back. */
function rearranged(
  x: Dense,
  split: readonly number[],
  order: readonly number[],
  shape: readonly number[],
): readonly (Dense | undefined)[] {
  const turned = transposeAll({ ...x, shape: split }, order);
  return [turned === undefined ? undefined : { ...turned, shape }];
}

function depthToSpace(call: Call): readonly (Dense | undefined)[] {
  const x = need(call, 0);
  const [n = 1, c = 1, h = 1, w = 1] = x.shape;
  const block = call.int('blocksize', 1);
  const depth = c / (block * block);
  const shape = [n, depth, h * block, w * block];
  if (call.string('mode', 'DCR') === 'CRD')
    return rearranged(x, [n, depth, block, block, h, w], [0, 1, 4, 2, 5, 3], shape);
  return rearranged(x, [n, block, block, depth, h, w], [0, 3, 4, 1, 5, 2], shape);
}

function spaceToDepth(call: Call): readonly (Dense | undefined)[] {
  const x = need(call, 0);
  const [n = 1, c = 1, h = 1, w = 1] = x.shape;
  const block = call.int('blocksize', 1);
  const [rows, columns] = [h / block, w / block];
  return rearranged(x, [n, c, rows, block, columns, block], [0, 3, 5, 1, 2, 4], [n, c * block * block, rows, columns]);
}

/** The first steps of each sequence back to front; the rest stays. */
const reverseSequence: Evaluate = (call) => {
  const x = need(call, 0);
  const lengths = wholes(call.dense(1)) ?? [];
  const [time, batch] = [call.int('time_axis', 0), call.int('batch_axis', 1)];
  const steps = strides(x.shape);
  return [
    pick(x, x.shape, (at) => {
      const step = Math.floor(at / (steps[time] ?? 1)) % (x.shape[time] ?? 1);
      const length = lengths[Math.floor(at / (steps[batch] ?? 1)) % (x.shape[batch] ?? 1)] ?? 0;
      return step < length ? at + (length - 1 - 2 * step) * (steps[time] ?? 1) : at;
    }),
  ];
};

const eyeLike: Evaluate = (call) => {
  const x = need(call, 0);
  const [, columns = 1] = x.shape;
  const k = call.int('k', 0);
  const dtype = dtypeOfCode(call.int('dtype', 0)) ?? x.dtype;
  const values = Array.from({ length: x.data.length }, (_, at) =>
    Number((at % columns) - Math.floor(at / columns) === k),
  );
  return [denseOf(dtype, x.shape, values)];
};

export const arrangeEvaluations: Evaluations = {
  Pad: pad,
  CenterCropPad: centerCropPad,
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  ReverseSequence: reverseSequence,
  EyeLike: eyeLike,
};
