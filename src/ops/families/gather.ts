/** Operators that read or write at positions: Gather, Scatter, TopK, Compress, Unique, NonMaxSuppression. */
import type { Dim, Shape } from '#ir/model.ts';
import { frontAxis, unknownShape } from '#ops/dims.ts';
import { gatherAll } from '#ops/evaluate/arrange.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';

function gathered(call: Call): Shape | null {
  const data = call.shape(0);
  const indices = call.shape(1);
  if (data === null || indices === null) return null;
  const axis = frontAxis(call.int('axis', 0), data.length);
  return [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)];
}

function gatheredDeep(call: Call): Shape | null {
  const data = call.shape(0);
  const indices = call.shape(1);
  const depth = indices?.[indices.length - 1];
  if (data === null || indices === null || typeof depth !== 'number') return null;
  return [...indices.slice(0, -1), ...data.slice(call.int('batch_dims', 0) + depth)];
}

/** Rows of one element that are written over others, as ScatterND does it to a shape. */
function scattered(call: Call): readonly (readonly Dim[] | undefined)[] {
  const [elements, positions, updates] = [call.elements(0), call.numbers(1), call.elements(2)];
  const listed = call.rank(0) === 1 && call.rank(1) === 2 && call.string('reduction', 'none') === 'none';
  if (elements === undefined || positions === undefined || updates?.length !== positions.length || !listed)
    return [undefined];
  const result = [...elements];
  for (const [row, at] of positions.entries()) result[frontAxis(at, elements.length)] = updates[row] ?? null;
  return [result];
}

function scatter(name: string): Operator {
  return {
    name,
    ...(name === 'ScatterND' ? { follow: scattered } : {}),
    inputs: ['data', 'indices', 'updates'],
    outputs: ['output'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'indices', undefined],
  };
}

/** How many TopK keeps: an attribute before opset 10, then input 1. */
function keptCount(call: Call): Dim {
  return call.opset < 10 ? call.int('k', 0) : (call.elements(1)?.[0] ?? null);
}

export const gatherOperators: readonly Operator[] = [
  {
    name: 'Gather',
    inputs: ['data', 'indices'],
    outputs: ['output'],
    infer: (call) => [call.like(0, gathered(call))],
    follow: (call) => {
      const elements = call.elements(0);
      const positions = call.numbers(1);
      if (elements === undefined || positions === undefined || call.rank(0) !== 1) return [undefined];
      return [positions.map((at) => elements[at < 0 ? at + elements.length : at] ?? null)];
    },
    roles: (call) => [{ role: 'table', axis: call.int('axis', 0), sumAxis: null, groups: 1 }, 'indices'],
    evaluate: (call) => {
      const [data, indices] = [call.dense(0), call.dense(1)];
      if (data === undefined || indices === undefined) return undefined;
      return [gatherAll(data, indices, frontAxis(call.int('axis', 0), data.shape.length))];
    },
  },
  {
    name: 'GatherElements',
    inputs: ['data', 'indices'],
    outputs: ['output'],
    infer: (call) => [call.like(0, call.shape(1))],
    roles: () => [undefined, 'indices'],
  },
  {
    name: 'GatherND',
    inputs: ['data', 'indices'],
    outputs: ['output'],
    infer: (call) => [call.like(0, gatheredDeep(call))],
    roles: () => [undefined, 'indices'],
  },
  scatter('Scatter'),
  scatter('ScatterElements'),
  scatter('ScatterND'),
  {
    name: 'TensorScatter',
    inputs: ['past_cache', 'update', 'write_indices?'],
    outputs: ['present_cache'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, undefined, 'indices'],
  },
  {
    name: 'TopK',
    inputs: ['X', 'K?'],
    outputs: ['Values', 'Indices'],
    shapeInputs: [1],
    infer: (call) => {
      const shape = call.shape(0);
      const at = frontAxis(call.int('axis', -1), shape?.length ?? 0);
      const kept = shape?.map((size, axis) => (axis === at ? keptCount(call) : size)) ?? null;
      return [call.like(0, kept), { dtype: 'i64', shape: kept }];
    },
    roles: () => [undefined, 'setting'],
  },
  {
    name: 'Compress',
    inputs: ['input', 'condition'],
    outputs: ['output'],
    infer: (call) => {
      const axis = call.attr('axis') === undefined ? null : call.int('axis', 0);
      const shape = call.shape(0);
      if (axis === null) return [call.like(0, [null])];
      const at = frontAxis(axis, shape?.length ?? 0);
      return [call.like(0, shape?.map((size, one) => (one === at ? null : size)) ?? null)];
    },
  },
  {
    name: 'Unique',
    inputs: ['X'],
    outputs: ['Y', 'indices?', 'inverse_indices?', 'counts?'],
    infer: (call) => {
      const axis = call.attr('axis') === undefined ? null : call.int('axis', 0);
      const shape = call.shape(0);
      const at = frontAxis(axis ?? 0, shape?.length ?? 0);
      const kept = axis === null ? [null] : (shape?.map((size, one) => (one === at ? null : size)) ?? null);
      const list = { dtype: 'i64', shape: unknownShape(1) } as const;
      return [call.like(0, kept), list, list, list];
    },
  },
  {
    name: 'NonMaxSuppression',
    inputs: ['boxes', 'scores', 'max_output_boxes_per_class?', 'iou_threshold?', 'score_threshold?'],
    outputs: ['selected_indices'],
    infer: () => [{ dtype: 'i64', shape: [null, 3] }],
    roles: () => [undefined, undefined, 'setting', 'setting', 'setting'],
  },
];
