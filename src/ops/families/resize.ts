/** Resize, Upsample and sampling on a grid. */
import type { Dim, Shape } from '#ir/model.ts';
import { frontAxis, unknownShape } from '#ops/dims.ts';
import type { Call } from '#ops/call.ts';
import type { Operator } from '#ops/operator.ts';

/** Size of an axis after scaling; float32 as the scales are. */
function scaled(size: Dim, scale: number | undefined): Dim {
  if (scale === 1) return size;
  return typeof size === 'number' && scale !== undefined ? Math.floor(Math.fround(size * scale)) : null;
}

/**
 * Inputs moved over time: opset 10 has (X, scales), from 11 on (X, roi, scales, sizes), and from 18 on `axes` may name
 * the axes that scales and sizes are about.
 */
function resized(call: Call): Shape | null {
  const shape = call.shape(0);
  if (shape === null) return null;
  const scales = call.numbers(call.opset < 11 ? 1 : 2);
  const sizes = call.opset < 11 ? undefined : call.elements(3);
  const axes = (call.ints('axes') ?? shape.map((_, axis) => axis)).map((axis) => frontAxis(axis, shape.length));
  const result: Dim[] = [...shape];
  if (sizes !== undefined && sizes.length > 0) {
    const policy = call.string('keep_aspect_ratio_policy', 'stretch');
    for (const [at, axis] of axes.entries()) result[axis] = policy === 'stretch' ? (sizes[at] ?? null) : null;
    return result;
  }
  if (scales === undefined || scales.length === 0) return unknownShape(shape.length);
  for (const [at, axis] of axes.entries()) result[axis] = scaled(shape[axis] ?? null, scales[at]);
  return result;
}

/** Scales in an attribute before opset 9, then in input 1. */
function upsampled(call: Call): Shape | null {
  const shape = call.shape(0);
  const scales = call.opset < 9 ? call.floats('scales') : call.numbers(1);
  if (scales === undefined) return call.sameRank(0);
  return shape?.map((size, axis) => scaled(size, scales[axis])) ?? null;
}

export const resizeOperators: readonly Operator[] = [
  {
    name: 'Resize',
    inputs: ['X', 'roi?', 'scales?', 'sizes?'],
    outputs: ['Y'],
    shapeInputs: [1, 2, 3],
    infer: (call) => [call.like(0, resized(call))],
    roles: () => [undefined, 'setting', 'setting', 'setting'],
  },
  {
    name: 'Upsample',
    inputs: ['X', 'scales?'],
    outputs: ['Y'],
    shapeInputs: [1],
    infer: (call) => [call.like(0, upsampled(call))],
    roles: () => [undefined, 'setting'],
  },
  {
    name: 'GridSample',
    inputs: ['X', 'grid'],
    outputs: ['Y'],
    infer: (call) => {
      const grid = call.shape(1);
      return [call.like(0, grid === null ? null : [call.dim(0, 0), call.dim(0, 1), ...grid.slice(1, -1)])];
    },
  },
  {
    name: 'AffineGrid',
    inputs: ['theta', 'size'],
    outputs: ['grid'],
    shapeInputs: [1],
    infer: (call) => {
      const size = call.elements(1);
      if (size === undefined) return [call.like(0, null)];
      return [call.like(0, [size[0] ?? null, ...size.slice(2), size.length - 2])];
    },
    roles: () => [undefined, 'setting'],
  },
  {
    name: 'CenterCropPad',
    inputs: ['input_data', 'shape'],
    outputs: ['output_data'],
    shapeInputs: [1],
    infer: (call) => {
      const shape = call.shape(0);
      const target = call.elements(1);
      if (shape === null) return [call.like(0, null)];
      const axes = call.ints('axes')?.map((axis) => frontAxis(axis, shape.length)) ?? shape.map((_, axis) => axis);
      return [
        call.like(
          0,
          shape.map((size, axis) => (axes.includes(axis) ? (target?.[axes.indexOf(axis)] ?? null) : size)),
        ),
      ];
    },
    roles: () => [undefined, 'setting'],
  },
];
