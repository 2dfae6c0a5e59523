/** Operators that make tensors: constants, ranges, shapes, positions and random numbers. */
import type { Dim, Shape } from '#ir/model.ts';
import { countOf } from '#base/dtype.ts';
import { elementsOf, frontAxis, isKnown, MAX_FOLLOWED, multiplyDims, unknownShape } from '#ops/dims.ts';
import { denseOf, isBig, lanesFor, type Dense } from '#ops/dense.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import type { Call } from '#ops/call.ts';
import { UNKNOWN, type TensorType } from '#ops/facts.ts';
import type { Operator } from '#ops/operator.ts';

/** Type of what a Constant node holds, whichever of its attributes is used. */
function constantType(call: Call): TensorType {
  const attr = call.attr('value');
  if (attr?.type === 'tensor') return { dtype: attr.value.dtype, shape: attr.value.shape };
  const scalars = { value_float: 'f32', value_int: 'i64', value_string: 'string' } as const;
  for (const [name, dtype] of Object.entries(scalars)) if (call.attr(name) !== undefined) return { dtype, shape: [] };
  const lists = { value_floats: 'f32', value_ints: 'i64', value_strings: 'string' } as const;
  for (const [name, dtype] of Object.entries(lists)) {
    const list = call.attr(name);
    if (list?.type === 'floats' || list?.type === 'ints' || list?.type === 'strings') {
      return { dtype, shape: [list.value.length] };
    }
  }
  return UNKNOWN;
}

function constantValue(call: Call): Dense | undefined {
  const held = call.tensor('value');
  if (held !== undefined) return held;
  for (const name of ['value_int', 'value_ints', 'value_float', 'value_floats']) {
    const attr = call.attr(name);
    if (attr?.type === 'int') return denseOf('i64', [], [attr.value]);
    if (attr?.type === 'ints') return denseOf('i64', [attr.value.length], attr.value);
    if (attr?.type === 'float') return denseOf('f32', [], [attr.value]);
    if (attr?.type === 'floats') return denseOf('f32', [attr.value.length], attr.value);
  }
  return undefined;
}

function filled(call: Call): TensorType {
  const attr = call.attr('value');
  const shape = call.elements(0);
  const rank = call.dim(0, 0);
  const unknown = typeof rank === 'number' ? unknownShape(rank) : null;
  return { dtype: attr?.type === 'tensor' ? attr.value.dtype : 'f32', shape: shape ?? unknown };
}

function filledValue(call: Call): Dense | undefined {
  const { dtype, shape } = filled(call);
  const held = call.tensor('value');
  if (dtype === null || !isKnown(shape) || (held === undefined && call.attr('value') !== undefined)) return undefined;
  const data = lanesFor(dtype, countOf(shape));
  if (data === undefined) return undefined;
  const value = held?.data[0] ?? 0;
  if (isBig(data)) data.fill(BigInt(value));
  else data.fill(Number(value));
  return { dtype, shape, data };
}

/** The part of the shape that Shape reads; `start` and `end` came with opset 15. */
function shapeRead(call: Call): Shape | null {
  const shape = call.shape(0);
  if (shape === null) return null;
  return shape.slice(call.int('start', 0), call.int('end', shape.length));
}

function ranged(call: Call): Dense | undefined {
  const [start, limit, delta] = [call.dense(0), call.dense(1), call.dense(2)];
  if (start === undefined || limit === undefined || delta === undefined) return undefined;
  const [from, to, step] = [start, limit, delta].map((one) => Number(one.data[0]));
  if (from === undefined || to === undefined || step === undefined || step === 0) return undefined;
  const count = Math.max(Math.ceil((to - from) / step), 0);
  if (count > MAX_FOLLOWED * 64) return undefined;
  return denseOf(
    start.dtype,
    [count],
    Array.from({ length: count }, (_, at) => from + at * step),
  );
}

function random(name: string, like: boolean, extra?: Partial<Operator>): Operator {
  return {
    name,
    inputs: like ? ['input'] : [],
    outputs: ['output'],
    random: true,
    infer: (call) => {
      const dtype = dtypeOfCode(call.int('dtype', 0)) ?? (like ? call.dtype(0) : 'f32');
      return [{ dtype, shape: like ? call.shape(0) : (call.ints('shape') ?? null) }];
    },
    ...extra,
  };
}

export const generateOperators: readonly Operator[] = [
  {
    name: 'Constant',
    inputs: [],
    outputs: ['output'],
    infer: (call) => [constantType(call)],
    evaluate: (call) => [constantValue(call)],
  },
  {
    name: 'ConstantOfShape',
    inputs: ['input'],
    outputs: ['output'],
    shapeInputs: [0],
    infer: (call) => [filled(call)],
    roles: () => ['setting'],
    evaluate: (call) => {
      const value = filledValue(call);
      return value === undefined ? undefined : [value];
    },
  },
  {
    name: 'Shape',
    inputs: ['data'],
    outputs: ['shape'],
    infer: (call) => {
      const read = shapeRead(call);
      return [{ dtype: 'i64', shape: [read === null ? null : read.length] }];
    },
    follow: (call) => [shapeRead(call) ?? undefined],
    evaluate: (call) => {
      const read = shapeRead(call);
      return isKnown(read) ? [denseOf('i64', [read.length], read)] : undefined;
    },
  },
  {
    name: 'Size',
    inputs: ['data'],
    outputs: ['size'],
    infer: () => [{ dtype: 'i64', shape: [] }],
    follow: (call) => {
      return [[(call.shape(0) ?? [null]).reduce<Dim>(multiplyDims, 1)]];
    },
    evaluate: (call) => {
      const count = elementsOf(call.shape(0));
      return count === null ? undefined : [denseOf('i64', [], [count])];
    },
  },
  {
    name: 'Range',
    inputs: ['start', 'limit', 'delta'],
    outputs: ['output'],
    shapeInputs: [0, 1, 2],
    infer: (call) => {
      const count = ranged(call)?.shape[0];
      if (count !== undefined) return [call.like(0, [count])];
      // From 0 in steps of 1 the count is the limit, even when that is only a name.
      const [start, limit, delta] = [call.elements(0)?.[0], call.elements(1)?.[0], call.elements(2)?.[0]];
      const named: Dim = start === 0 && delta === 1 ? (limit ?? null) : null;
      return [call.like(0, [typeof named === 'number' ? Math.max(named, 0) : named])];
    },
    roles: () => ['setting', 'setting', 'setting'],
    evaluate: (call) => {
      const value = ranged(call);
      return value === undefined ? undefined : [value];
    },
  },
  {
    name: 'NonZero',
    inputs: ['X'],
    outputs: ['Y'],
    infer: (call) => [{ dtype: 'i64', shape: [call.rank(0), null] }],
  },
  {
    name: 'OneHot',
    inputs: ['indices', 'depth', 'values'],
    outputs: ['output'],
    shapeInputs: [1],
    infer: (call) => {
      const shape = call.shape(0);
      if (shape === null) return [{ dtype: call.dtype(2), shape: null }];
      const depth = call.elements(1)?.[0] ?? null;
      const at = frontAxis(call.int('axis', -1), shape.length + 1);
      return [{ dtype: call.dtype(2), shape: [...shape.slice(0, at), depth, ...shape.slice(at)] }];
    },
    roles: () => ['indices', 'setting', 'setting'],
  },
  {
    name: 'EyeLike',
    inputs: ['input'],
    outputs: ['output'],
    infer: (call) => [call.like(0, call.shape(0), dtypeOfCode(call.int('dtype', 0)) ?? call.dtype(0))],
  },
  random('RandomNormal', false),
  random('RandomUniform', false),
  random('RandomNormalLike', true),
  random('RandomUniformLike', true),
  random('Bernoulli', true),
  random('Multinomial', true, {
    infer: (call) => [
      { dtype: dtypeOfCode(call.int('dtype', 6)) ?? 'i32', shape: [call.dim(0, 0), call.int('sample_size', 1)] },
    ],
  }),
  windowFunction('HannWindow'),
  windowFunction('HammingWindow'),
  windowFunction('BlackmanWindow'),
];

function windowFunction(name: string): Operator {
  return {
    name,
    inputs: ['size'],
    outputs: ['output'],
    shapeInputs: [0],
    infer: (call) => [{ dtype: dtypeOfCode(call.int('output_datatype', 1)), shape: [call.elements(0)?.[0] ?? null] }],
    roles: () => ['setting'],
  };
}
