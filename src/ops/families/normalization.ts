/** Normalizations: statistics over some axes, then scale and shift. */
import type { TensorType } from '#ops/facts.ts';
import type { Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';
import type { DType } from '#base/dtype.ts';
import { frontAxis } from '#ops/dims.ts';

/** Outputs of LayerNormalization: the result, then mean and inverse deviation with the normalized axes reduced to 1. */
function layerNorm(call: Call, stash: DType | null): readonly (TensorType | null)[] {
  const shape = call.shape(0);
  const from = frontAxis(call.int('axis', -1), shape?.length ?? 1);
  const reduced = shape?.map((size, axis) => (axis < from ? size : 1)) ?? null;
  return [call.like(0), { dtype: stash, shape: reduced }, { dtype: stash, shape: reduced }];
}

function perSample(name: string, inputs: readonly string[]): Operator {
  return {
    name,
    inputs,
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'affine', 'affine'],
  };
}

export const normalizationOperators: readonly Operator[] = [
  {
    name: 'BatchNormalization',
    inputs: ['X', 'scale', 'B', 'input_mean', 'input_var'],
    outputs: ['Y', 'running_mean?', 'running_var?', 'saved_mean?', 'saved_var?'],
    infer: (call) => [call.like(0), call.like(3), call.like(4), call.like(3), call.like(4)],
    roles: () => [undefined, 'affine', 'affine', 'affine', 'affine'],
  },
  perSample('InstanceNormalization', ['input', 'scale', 'B']),
  perSample('GroupNormalization', ['X', 'scale', 'bias']),
  perSample('MeanVarianceNormalization', ['X']),
  perSample('LpNormalization', ['input']),
  perSample('LRN', ['X']),
  {
    name: 'LayerNormalization',
    inputs: ['X', 'Scale', 'B?'],
    outputs: ['Y', 'Mean?', 'InvStdDev?'],
    infer: (call) => layerNorm(call, 'f32'),
    roles: () => [undefined, 'affine', 'affine'],
  },
  {
    name: 'RMSNormalization',
    inputs: ['X', 'scale'],
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    roles: () => [undefined, 'affine'],
  },
  {
    // ONNX Runtime takes SimplifiedLayerNormalization in the default domain.
    name: 'SimplifiedLayerNormalization',
    inputs: ['X', 'scale'],
    outputs: ['Y', 'inv_std_var?'],
    infer: (call) => layerNorm(call, 'f32').slice(0, 2),
    roles: () => [undefined, 'affine'],
  },
];
