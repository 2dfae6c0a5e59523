/** Operators that carry quantized numbers: Quantize/DequantizeLinear, their com.microsoft twins, MatMulNBits and kin. */
import type { DType } from '#base/dtype.ts';
import { dtypeOfCode } from '#ops/dtype-code.ts';
import { broadcast, elementsOf } from '#ops/dims.ts';
import type { TensorType } from '#ops/facts.ts';
import { weight, type Operator } from '#ops/operator.ts';
import type { Call } from '#ops/call.ts';
import type { Shape } from '#ir/model.ts';

/** Inputs that say what integers stand for have it in their names. */
function gridRoles(inputs: readonly string[]): ('quantization' | undefined)[] {
  return inputs.map((name) => (/_(scale|zero_point)\??$/.test(name) ? 'quantization' : undefined));
}

/** Operands of the integer element-by-element operators come in threes: data, scale, zero point. */
function integerBinary(name: string): Operator {
  const inputs = ['A', 'A_scale', 'A_zero_point?', 'B', 'B_scale', 'B_zero_point?', 'C_scale', 'C_zero_point?'];
  return {
    name,
    domain: 'com.microsoft',
    inputs,
    outputs: ['C'],
    infer: (call) => [call.like(0, broadcast([call.shape(0), call.shape(3)]))],
    roles: () => gridRoles(inputs),
  };
}

function integerUnary(name: string): Operator {
  const inputs = ['X', 'X_scale', 'X_zero_point?', 'Y_scale', 'Y_zero_point?'];
  return {
    name,
    domain: 'com.microsoft',
    inputs,
    outputs: ['Y'],
    infer: (call) => [call.like(0)],
    roles: () => gridRoles(inputs),
  };
}

function dequantize(domain?: string): Operator {
  return {
    name: 'DequantizeLinear',
    ...(domain === undefined ? {} : { domain }),
    inputs: ['x', 'x_scale', 'x_zero_point?'],
    outputs: ['y'],
    infer: (call) => [call.like(0, call.shape(0), dtypeOfCode(call.int('output_dtype', 0)) ?? call.dtype(1) ?? 'f32')],
    roles: () => [undefined, 'quantization', 'quantization'],
  };
}

function quantize(domain?: string): Operator {
  return {
    name: 'QuantizeLinear',
    ...(domain === undefined ? {} : { domain }),
    inputs: ['x', 'y_scale', 'y_zero_point?'],
    outputs: ['y'],
    infer: (call) => {
      const named = dtypeOfCode(call.int('output_dtype', 0));
      const dtype: DType | null = named ?? (call.has(2) ? call.dtype(2) : 'u8');
      return [call.like(0, call.shape(0), dtype)];
    },
    roles: () => [undefined, 'quantization', 'quantization'],
  };
}

/** Output of a product with a packed weight of N rows over K columns. */
function packedProduct(call: Call): TensorType {
  const shape = call.shape(0);
  return call.like(0, shape === null ? null : [...shape.slice(0, -1), call.int('N', 0)]);
}

function packedMacs(call: Call, outputs: readonly (TensorType | null)[]): number | { readonly unknown: string } {
  const made = elementsOf(outputs[0]?.shape);
  return made === null ? { unknown: 'the output size is not known' } : made * call.int('K', 0);
}

function blockGathered(call: Call): Shape | null {
  const data = call.shape(0);
  const indices = call.shape(1);
  if (data === null || indices === null) return null;
  // Packed bytes hold 8/bits values each along the last axis.
  const perByte = call.dtype(0) === 'u8' ? 8 / call.int('bits', 4) : 1;
  const real = data.map((size, axis) => (axis === data.length - 1 && typeof size === 'number' ? size * perByte : size));
  const axis = call.int('gather_axis', 0);
  const front = axis < 0 ? axis + real.length : axis;
  return [...real.slice(0, front), ...indices, ...real.slice(front + 1)];
}

const WHERE_INPUTS = [
  'condition',
  'X',
  'x_scale',
  'x_zero_point',
  'Y',
  'y_scale',
  'y_zero_point',
  'z_scale',
  'z_zero_point',
];

export const quantizationOperators: readonly Operator[] = [
  quantize(),
  quantize('com.microsoft'),
  dequantize(),
  dequantize('com.microsoft'),
  {
    name: 'DynamicQuantizeLinear',
    inputs: ['x'],
    outputs: ['y', 'y_scale', 'y_zero_point'],
    infer: (call) => [call.like(0, call.shape(0), 'u8'), { dtype: 'f32', shape: [] }, { dtype: 'u8', shape: [] }],
  },
  {
    // Weights with inputs and gates swapped: W is [directions, inputs, 4 * hidden], R [directions, hidden, 4 * hidden].
    name: 'DynamicQuantizeLSTM',
    domain: 'com.microsoft',
    inputs: [
      'X',
      'W',
      'R',
      'B?',
      'sequence_lens?',
      'initial_h?',
      'initial_c?',
      'P?',
      'W_scale',
      'W_zero_point',
      'R_scale',
      'R_zero_point',
    ],
    outputs: ['Y?', 'Y_h?', 'Y_c?'],
    infer: (call) => {
      const [directions, hidden] = [call.dim(2, 0), call.dim(2, 1)];
      const [steps, batch] = [call.dim(0, 0), call.dim(0, 1)];
      const last = call.like(0, [directions, batch, hidden]);
      return [call.like(0, [steps, directions, batch, hidden]), last, last];
    },
    roles: () => [
      undefined,
      weight(2, 1),
      weight(2, 1),
      'bias',
      'setting',
      'data',
      'data',
      'affine',
      'quantization',
      'quantization',
      'quantization',
      'quantization',
    ],
    macs: (call) => {
      const sizes = [call.dim(0, 0), call.dim(0, 1), call.dim(2, 0), call.dim(2, 1), call.dim(1, 1)];
      if (!sizes.every((size) => typeof size === 'number'))
        return { unknown: 'the number of steps or the batch size is not known' };
      const [steps = 0, batch = 0, directions = 0, hidden = 0, inputs = 0] = sizes;
      return steps * batch * directions * 4 * hidden * (inputs + hidden);
    },
  },
  {
    // B is [N, blocks of K, bytes of a block], packed along K.
    name: 'MatMulNBits',
    domain: 'com.microsoft',
    inputs: ['A', 'B', 'scales', 'zero_points?', 'g_idx?', 'bias?'],
    outputs: ['Y'],
    infer: (call) => [packedProduct(call)],
    roles: () => [undefined, weight(0, 1), 'quantization', 'quantization', 'indices', 'bias'],
    macs: packedMacs,
  },
  {
    name: 'MatMulBnb4',
    domain: 'com.microsoft',
    inputs: ['A', 'B', 'absmax'],
    outputs: ['Y'],
    infer: (call) => [packedProduct(call)],
    roles: () => [undefined, weight(0, null), 'quantization'],
    macs: packedMacs,
  },
  {
    name: 'GatherBlockQuantized',
    domain: 'com.microsoft',
    inputs: ['data', 'indices', 'scales', 'zero_points?'],
    outputs: ['output'],
    infer: (call) => [{ dtype: call.dtype(2), shape: blockGathered(call) }],
    roles: () => [{ role: 'table', axis: 0, sumAxis: null, groups: 1 }, 'indices', 'quantization', 'quantization'],
  },
  integerBinary('QLinearAdd'),
  integerBinary('QLinearMul'),
  integerUnary('QLinearLeakyRelu'),
  integerUnary('QLinearSigmoid'),
  integerUnary('QLinearSoftmax'),
  {
    name: 'QLinearWhere',
    domain: 'com.microsoft',
    inputs: WHERE_INPUTS,
    outputs: ['Z'],
    infer: (call) => [call.like(1, broadcast([call.shape(0), broadcast([call.shape(1), call.shape(4)])]))],
    roles: () => gridRoles(WHERE_INPUTS),
  },
];
