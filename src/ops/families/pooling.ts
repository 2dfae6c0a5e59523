/** Pooling: windows that slide without weights, and their global forms. */
import { windowSizes } from '#ops/window.ts';
import type { TensorType } from '#ops/facts.ts';
import type { Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';
import type { Shape } from '#ir/model.ts';

function pooled(call: Call): Shape | null {
  const shape = call.shape(0);
  const kernel = call.ints('kernel_shape');
  if (shape === null || kernel === undefined) return call.sameRank(0);
  return [...shape.slice(0, 2), ...windowSizes(call, shape.slice(2), kernel)];
}

function pool(name: string, outputs: readonly string[], domain?: string): Operator {
  return {
    name,
    ...(domain === undefined ? {} : { domain }),
    inputs: ['X'],
    outputs,
    infer: (call) => {
      const shape = pooled(call);
      const second: TensorType = { dtype: 'i64', shape };
      return outputs.length === 2 ? [call.like(0, shape), second] : [call.like(0, shape)];
    },
  };
}

/** What MaxPool with these windows would have read. */
function unpooled(call: Call): Shape | null {
  const shape = call.shape(0);
  const kernel = call.ints('kernel_shape') ?? [];
  const [strides, pads] = [call.ints('strides'), call.ints('pads')];
  return (
    shape?.map((size, at) => {
      const axis = at - 2;
      if (axis < 0 || typeof size !== 'number') return axis < 0 ? size : null;
      const pad = (pads?.[axis] ?? 0) + (pads?.[axis + kernel.length] ?? 0);
      return (size - 1) * (strides?.[axis] ?? 1) + (kernel[axis] ?? 1) - pad;
    }) ?? null
  );
}

function globalPool(name: string, domain?: string): Operator {
  return {
    name,
    ...(domain === undefined ? {} : { domain }),
    inputs: ['X'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, call.shape(0)?.map((size, axis) => (axis < 2 ? size : 1)) ?? null)],
  };
}

export const poolingOperators: readonly Operator[] = [
  pool('MaxPool', ['Y', 'Indices?']),
  pool('AveragePool', ['Y']),
  pool('LpPool', ['Y']),
  globalPool('GlobalMaxPool'),
  globalPool('GlobalAveragePool'),
  globalPool('GlobalLpPool'),
  {
    name: 'MaxUnpool',
    inputs: ['X', 'I', 'output_shape?'],
    outputs: ['output'],
    shapeInputs: [2],
    infer: (call) => [call.like(0, call.has(2) ? (call.elements(2) ?? call.sameRank(0)) : unpooled(call))],
    roles: () => [undefined, 'indices', 'setting'],
  },
  {
    name: 'MaxRoiPool',
    inputs: ['X', 'rois'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, [call.dim(1, 0), call.dim(0, 1), ...(call.ints('pooled_shape') ?? [null, null])])],
  },
  {
    name: 'RoiAlign',
    inputs: ['X', 'rois', 'batch_indices'],
    outputs: ['Y'],
    infer: (call) => [
      call.like(0, [call.dim(1, 0), call.dim(0, 1), call.int('output_height', 1), call.int('output_width', 1)]),
    ],
    roles: () => [undefined, undefined, 'indices'],
  },
  {
    name: 'QLinearAveragePool',
    domain: 'com.microsoft',
    inputs: ['X', 'x_scale', 'x_zero_point?', 'y_scale', 'y_zero_point?'],
    outputs: ['Y'],
    infer: (call) => [call.like(0, call.int('channels_last', 0) === 0 ? pooled(call) : call.sameRank(0))],
    roles: () => [undefined, 'quantization', 'quantization', 'quantization', 'quantization'],
  },
  {
    name: 'QLinearGlobalAveragePool',
    domain: 'com.microsoft',
    inputs: ['X', 'x_scale', 'x_zero_point', 'y_scale', 'y_zero_point'],
    outputs: ['Y'],
    infer: (call) => {
      const last = call.int('channels_last', 0) !== 0;
      const shape = call.shape(0);
      const kept = (axis: number, rank: number): boolean => axis === 0 || axis === (last ? rank - 1 : 1);
      return [call.like(0, shape?.map((size, axis) => (kept(axis, shape.length) ? size : 1)) ?? null)];
    },
    roles: () => [undefined, 'quantization', 'quantization', 'quantization', 'quantization'],
  },
];
