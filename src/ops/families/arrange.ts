/** Operators that move elements: Transpose, Concat, Split, Slice, Pad, Tile, Expand, depth and space. */
import type { Dim, Shape } from '#ir/model.ts';
import {
  addDims,
  broadcast,
  divideDims,
  elementsOf,
  frontAxis,
  isKnown,
  MAX_FOLLOWED,
  multiplyDims,
  unknownShape,
} from '#ops/dims.ts';
import { concatAll, expandTo, sliceAll, splitAll, tileAll, transposeAll, type Span } from '#ops/evaluate/arrange.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';

function transposeOrder(call: Call): readonly number[] | null {
  const rank = call.rank(0);
  if (rank === null) return call.ints('perm') ?? null;
  return call.ints('perm') ?? Array.from({ length: rank }, (_, axis) => rank - 1 - axis);
}

function concatenated(call: Call): Shape | null {
  const shapes = Array.from({ length: call.inputCount }, (_, input) => call.shape(input));
  const known = shapes.find((shape) => shape !== null);
  if (known === undefined || known === null) return null;
  const at = frontAxis(call.int('axis', call.opset < 4 ? 1 : 0), known.length);
  return known.map((_, axis): Dim => {
    const sizes = shapes.map((shape) => shape?.[axis] ?? null);
    if (axis === at) return sizes.reduce<Dim>(addDims, 0);
    return sizes.find((size) => typeof size === 'number') ?? sizes.find((size) => size !== null) ?? null;
  });
}

/** Sizes of the pieces of a Split along its axis. */
function pieces(call: Call): readonly Dim[] {
  const count = call.outputCount;
  const given = call.setting('split', 1);
  if (given === null) return unknownShape(count);
  if (given !== undefined) return given;
  const size = call.dim(0, call.int('axis', 0));
  if (typeof size !== 'number') return unknownShape(count);
  // Since opset 18 the last piece may be smaller.
  const each = Math.ceil(size / call.int('num_outputs', count));
  return Array.from({ length: count }, (_, at) => Math.max(Math.min(each, size - at * each), 0));
}

/** Starts, ends, axes and steps of a Slice; null where they are not known. */
function sliceSettings(call: Call): {
  readonly starts: readonly Dim[] | undefined;
  readonly ends: readonly Dim[] | undefined;
  readonly axes: readonly number[] | null;
  readonly steps: readonly number[] | null;
} {
  if (call.opset < 10) {
    const starts = call.ints('starts');
    return {
      starts,
      ends: call.ints('ends'),
      axes: call.ints('axes') ?? starts?.map((_, at) => at) ?? null,
      steps: starts?.map(() => 1) ?? null,
    };
  }
  const starts = call.elements(1);
  const ends = call.elements(2);
  const count = starts?.length ?? ends?.length ?? call.dim(1, 0);
  const all = typeof count === 'number' ? Array.from({ length: count }, (_, at) => at) : null;
  const axes = call.has(3) ? (call.numbers(3) ?? null) : all;
  const steps = call.has(4) ? (call.numbers(4) ?? null) : (axes?.map(() => 1) ?? null);
  return { starts, ends, axes, steps };
}

/** Start, step and count along one axis of known size (ONNX specification, Slice). */
export function spanOf(size: number, start: number, end: number, step: number): Span {
  const from = start < 0 ? start + size : start;
  const to = end < 0 ? end + size : end;
  const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
  const first = step > 0 ? clamp(from, 0, size) : clamp(from, 0, size - 1);
  const last = step > 0 ? clamp(to, 0, size) : clamp(to, -1, size - 1);
  if (step === 0) throw new RangeError('a slice must step forwards or backwards');
  return { start: first, step, count: Math.max(Math.ceil((last - first) / step), 0) };
}

function slicedDim(size: Dim, start: Dim, end: Dim, step: number): Dim {
  if (typeof start === 'number' && typeof end === 'number' && typeof size === 'number') {
    return spanOf(size, start, end, step).count;
  }
  // Everything is kept when the slice starts at 0 and ends past any size, or at the size itself.
  const toEnd = end === size || (typeof end === 'number' && end >= 2 ** 31 - 1);
  if (start === 0 && step === 1 && toEnd && size !== null) return size;
  return null;
}

function sliced(call: Call): Shape | null {
  const shape = call.shape(0);
  if (shape === null) return null;
  const { starts, ends, axes, steps } = sliceSettings(call);
  if (axes === null) return unknownShape(shape.length);
  const result: Dim[] = [...shape];
  for (const [at, axis] of axes.entries()) {
    const front = frontAxis(axis, shape.length);
    const step = steps?.[at];
    result[front] =
      step === undefined ? null : slicedDim(shape[front] ?? null, starts?.[at] ?? null, ends?.[at] ?? null, step);
  }
  return result;
}

/** Every axis's span; undefined when something is not known. */
function spans(call: Call, shape: readonly number[]): readonly Span[] | undefined {
  const { starts, ends, axes, steps } = sliceSettings(call);
  if (axes === null || steps === null) return undefined;
  const result: Span[] = shape.map((size) => ({ start: 0, step: 1, count: size }));
  for (const [at, axis] of axes.entries()) {
    const front = frontAxis(axis, shape.length);
    const [start, end, step] = [starts?.[at], ends?.[at], steps[at]];
    if (typeof start !== 'number' || typeof end !== 'number' || step === undefined) return undefined;
    result[front] = spanOf(shape[front] ?? 0, start, end, step);
  }
  return result;
}

function padded(call: Call): Shape | null {
  const shape = call.shape(0);
  if (shape === null) return null;
  const pads = call.opset < 11 ? call.ints('pads') : call.elements(1);
  if (pads === undefined || pads === null) return unknownShape(shape.length);
  const axes = call.has(3) ? call.numbers(3) : shape.map((_, axis) => axis);
  if (axes === undefined) return unknownShape(shape.length);
  const result: Dim[] = [...shape];
  for (const [at, axis] of axes.entries()) {
    const front = frontAxis(axis, shape.length);
    result[front] = addDims(addDims(shape[front] ?? null, pads[at] ?? null), pads[at + axes.length] ?? null);
  }
  return result;
}

function tiled(call: Call): Shape | null {
  const shape = call.shape(0);
  const repeats = call.elements(1);
  return shape?.map((size, axis) => multiplyDims(size, repeats?.[axis] ?? null)) ?? null;
}

function expanded(call: Call): Shape | null {
  const target = call.elements(1);
  if (target !== undefined) return broadcast([call.shape(0), target]);
  const rank = call.dim(1, 0);
  const own = call.rank(0);
  return typeof rank === 'number' && own !== null ? unknownShape(Math.max(rank, own)) : null;
}

export const arrangeOperators: readonly Operator[] = [
  {
    name: 'Transpose',
    inputs: ['data'],
    outputs: ['transposed'],
    infer: (call) => {
      const order = transposeOrder(call);
      const shape = call.shape(0);
      return [call.like(0, order?.map((axis) => shape?.[axis] ?? null) ?? null)];
    },
    evaluate: (call) => {
      const x = call.dense(0);
      const order = transposeOrder(call);
      return x === undefined || order === null ? undefined : [transposeAll(x, order)];
    },
  },
  {
    name: 'Concat',
    inputs: ['inputs*'],
    outputs: ['concat_result'],
    infer: (call) => [{ dtype: call.sharedDtype(), shape: concatenated(call) }],
    follow: (call) => {
      const all: Dim[] = [];
      for (let input = 0; input < call.inputCount; input++) {
        const part = call.elements(input);
        if (part !== undefined) all.push(...part);
        else {
          const count = call.dim(input, 0);
          if (call.rank(input) !== 1 || typeof count !== 'number' || count > 64) return [undefined];
          all.push(...unknownShape(count));
        }
      }
      return [all];
    },
    evaluate: (call) => {
      const parts = Array.from({ length: call.inputCount }, (_, input) => call.dense(input));
      const known = parts.filter((part) => part !== undefined);
      const rank = known[0]?.shape.length ?? 0;
      return known.length < parts.length ? undefined : [concatAll(known, frontAxis(call.int('axis', 1), rank))];
    },
  },
  {
    name: 'Split',
    inputs: ['input', 'split?'],
    outputs: ['outputs*'],
    shapeInputs: [1],
    infer: (call) => {
      const shape = call.shape(0);
      const at = frontAxis(call.int('axis', 0), shape?.length ?? 0);
      return pieces(call).map((size) =>
        call.like(0, shape?.map((old, axis): Dim => (axis === at ? size : old)) ?? null),
      );
    },
    follow: (call) => {
      const elements = call.elements(0);
      let from = 0;
      return pieces(call).map((size) => {
        if (elements === undefined || typeof size !== 'number') return undefined;
        from += size;
        return elements.slice(from - size, from);
      });
    },
    roles: () => [undefined, 'setting'],
    evaluate: (call) => {
      const x = call.dense(0);
      const sizes = pieces(call);
      if (x === undefined || !isKnown(sizes)) return undefined;
      return splitAll(x, frontAxis(call.int('axis', 0), x.shape.length), sizes);
    },
  },
  {
    name: 'Slice',
    inputs: ['data', 'starts?', 'ends?', 'axes?', 'steps?'],
    outputs: ['output'],
    shapeInputs: [1, 2, 3, 4],
    infer: (call) => [call.like(0, sliced(call))],
    follow: (call) => {
      const elements = call.elements(0);
      const span = elements === undefined ? undefined : spans(call, [elements.length])?.[0];
      if (elements === undefined || span === undefined || call.rank(0) !== 1) return [undefined];
      return [Array.from({ length: span.count }, (_, at) => elements[span.start + at * span.step] ?? null)];
    },
    roles: () => [undefined, 'setting', 'setting', 'setting', 'setting'],
    evaluate: (call) => {
      const x = call.dense(0);
      const all = x === undefined ? undefined : spans(call, x.shape);
      return x === undefined || all === undefined ? undefined : [sliceAll(x, all)];
    },
  },
  {
    name: 'Pad',
    inputs: ['data', 'pads?', 'constant_value?', 'axes?'],
    outputs: ['output'],
    shapeInputs: [1, 3],
    infer: (call) => [call.like(0, padded(call))],
    roles: () => [undefined, 'setting', 'setting', 'setting'],
  },
  {
    name: 'Tile',
    inputs: ['input', 'repeats'],
    outputs: ['output'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, tiled(call))],
    follow: (call) => {
      const [elements, times] = [call.elements(0), call.numbers(1)];
      if (elements === undefined || times?.length !== 1) return [undefined];
      return [
        Array.from({ length: elements.length * (times[0] ?? 0) }, (_, at) => elements[at % elements.length] ?? null),
      ];
    },
    roles: () => [undefined, 'setting'],
    evaluate: (call) => {
      const x = call.dense(0);
      const repeats = call.numbers(1);
      return x === undefined || repeats === undefined ? undefined : [tileAll(x, repeats)];
    },
  },
  {
    name: 'Expand',
    inputs: ['input', 'shape'],
    outputs: ['output'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, expanded(call))],
    follow: (call) => {
      const elements = call.elements(0);
      const count = elementsOf(expanded(call));
      if (elements === undefined || count === null || count > MAX_FOLLOWED) return [undefined];
      if (elements.length !== 1) return [elements.length === count ? elements : undefined];
      return [Array.from({ length: count }, () => elements[0] ?? null)];
    },
    roles: () => [undefined, 'setting'],
    evaluate: (call) => {
      const x = call.dense(0);
      const shape = expanded(call);
      return x === undefined || !isKnown(shape) ? undefined : [expandTo(x, shape)];
    },
  },
  {
    name: 'DepthToSpace',
    inputs: ['input'],
    outputs: ['output'],
    infer: (call) => {
      const block = call.int('blocksize', 1);
      const [n = null, c = null, h = null, w = null] = call.shape(0) ?? [];
      return [call.like(0, [n, divideDims(c, block * block), multiplyDims(h, block), multiplyDims(w, block)])];
    },
  },
  {
    name: 'SpaceToDepth',
    inputs: ['input'],
    outputs: ['output'],
    infer: (call) => {
      const block = call.int('blocksize', 1);
      const [n = null, c = null, h = null, w = null] = call.shape(0) ?? [];
      return [call.like(0, [n, multiplyDims(c, block * block), divideDims(h, block), divideDims(w, block)])];
    },
  },
  {
    name: 'ReverseSequence',
    inputs: ['input', 'sequence_lens'],
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'setting'],
  },
  {
    name: 'QLinearConcat',
    domain: 'com.microsoft',
    inputs: ['Y_scale', 'Y_zero_point', 'inputs*'],
    outputs: ['Y'],
    infer: (call) => {
      const shapes: (Shape | null)[] = [];
      for (let input = 2; input < call.inputCount; input += 3) shapes.push(call.shape(input));
      const known = shapes[0];
      if (known === undefined || known === null) return [{ dtype: call.dtype(1), shape: null }];
      const at = frontAxis(call.int('axis', 1), known.length);
      const shape = known.map((size, axis) =>
        axis === at ? shapes.map((one) => one?.[axis] ?? null).reduce<Dim>(addDims, 0) : size,
      );
      return [{ dtype: call.dtype(1), shape }];
    },
  },
];
