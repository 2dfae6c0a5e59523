/** Uses of operators of integers that stand for real numbers. */
import type { DType } from '#base/dtype.ts';
import { given, real, whole, type Operand } from '#measure/testing/operator-case.ts';
import { half, type InterpreterCase } from './single-operator.ts';

const MS = 'com.microsoft';

const scale = (value: number): Operand => given('f32', [], [value]);
const zero = (dtype: DType, value: number): Operand => given(dtype, [], [value]);
/** Levels with their scale and zero point. */
const levels = (shape: readonly number[], step = 0.02, at = 120): readonly Operand[] => [
  whole('u8', shape, 0, 256),
  scale(step),
  zero('u8', at),
];

const linear: readonly InterpreterCase[] = [
  ...(['i8', 'u8', 'i16', 'u16'] as const).flatMap((dtype): InterpreterCase[] => [
    { op: 'QuantizeLinear', opset: 21, inputs: [real([3, 4], -9, 9), scale(0.05), zero(dtype, 7)] },
    { op: 'DequantizeLinear', opset: 21, inputs: [whole(dtype, [3, 4], 0, 120), scale(0.05), zero(dtype, 7)] },
  ]),
  {
    op: 'QuantizeLinear',
    inputs: [given('f32', [6], [0.5, 1.5, 2.5, -0.5, -1.5, 1000]), scale(1), zero('i8', 1)],
    label: 'ties',
  },
  {
    op: 'QuantizeLinear',
    inputs: [real([2, 3, 4]), given('f32', [3], [0.01, 0.02, 0.03]), given('i8', [3], [0, 3, -3])],
    attrs: { axis: 1 },
  },
  {
    op: 'QuantizeLinear',
    inputs: [real([2, 3, 4]), given('f32', [4], [0.01, 0.02, 0.03, 0.04]), given('u8', [4], [100, 110, 120, 130])],
    attrs: { axis: -1 },
  },
  {
    op: 'DequantizeLinear',
    inputs: [whole('i8', [3, 4], -128, 128), given('f32', [3], [0.01, 0.02, 0.03]), given('i8', [3], [0, 3, -3])],
    attrs: { axis: 0 },
  },
  { op: 'DequantizeLinear', inputs: [whole('i32', [3, 4], -9999, 9999), scale(0.001)] },
  {
    op: 'QuantizeLinear',
    opset: 21,
    inputs: [real([4, 6]), real([4, 2], 0.01, 0.05), whole('u8', [4, 2], 100, 140)],
    attrs: { axis: 1, block_size: 3 },
    label: 'blocks',
  },
  {
    op: 'DequantizeLinear',
    opset: 21,
    inputs: [whole('i8', [6, 4], -128, 128), real([2, 4], 0.01, 0.05), whole('i8', [2, 4], -9, 9)],
    attrs: { axis: 0, block_size: 3 },
    label: 'blocks',
  },
  {
    op: 'DequantizeLinear',
    opset: 21,
    inputs: [whole('i4', [4, 6], -8, 8), real([4, 2], 0.01, 0.05)],
    attrs: { axis: 1, block_size: 3 },
  },
  { op: 'DequantizeLinear', opset: 21, inputs: [whole('u4', [3, 5], 0, 16), scale(0.3), zero('u4', 8)] },
  { op: 'QuantizeLinear', opset: 21, inputs: [half([3, 4]), given('f16', [], [0.05]), zero('i8', 1)] },
  { op: 'DequantizeLinear', opset: 21, inputs: [whole('i8', [3, 4], -9, 9), given('f16', [], [0.05]), zero('i8', 1)] },
  { op: 'QuantizeLinear', opset: 21, inputs: [real([3, 4]), scale(0.05)], attrs: { output_dtype: 3 } },
  { op: 'QuantizeLinear', domain: MS, inputs: [real([3, 4], -9, 9), scale(0.001), zero('u16', 30000)] },
  { op: 'DequantizeLinear', domain: MS, inputs: [whole('i16', [3, 4], -9999, 9999), scale(0.001), zero('i16', 5)] },
  { op: 'DynamicQuantizeLinear', inputs: [real([4, 5], 1, 4)], outputs: 3, label: 'positive' },
  { op: 'DynamicQuantizeLinear', inputs: [real([4, 5], -4, -1)], outputs: 3, label: 'negative' },
];

const integers: readonly InterpreterCase[] = [
  ...['QLinearAdd', 'QLinearMul'].map((op): InterpreterCase => ({
    op,
    domain: MS,
    inputs: [...levels([2, 3, 4]), ...levels([3, 1], 0.03, 90), scale(0.05), zero('u8', 128)],
    offByOne: true,
  })),
  {
    op: 'QLinearLeakyRelu',
    domain: MS,
    inputs: [...levels([3, 40]), scale(0.02), zero('u8', 100)],
    attrs: { alpha: { float: 0.1 } },
    offByOne: true,
  },
  { op: 'QLinearSigmoid', domain: MS, inputs: [...levels([3, 40]), scale(1 / 256), zero('u8', 0)], offByOne: true },
  {
    op: 'QLinearSoftmax',
    domain: MS,
    inputs: [...levels([3, 7]), scale(1 / 256), zero('u8', 0)],
    attrs: { axis: -1, opset: 13 },
    offByOne: true,
  },
  {
    op: 'QLinearConcat',
    domain: MS,
    inputs: [scale(0.03), zero('u8', 110), ...levels([2, 3]), ...levels([2, 4], 0.04, 100)],
    attrs: { axis: 1 },
    offByOne: true,
  },
  {
    op: 'QLinearAveragePool',
    domain: MS,
    inputs: [...levels([1, 2, 7, 8]), scale(0.0131), zero('u8', 118)],
    attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1] },
    offByOne: true,
  },
  {
    op: 'QLinearGlobalAveragePool',
    domain: MS,
    inputs: [...levels([2, 3, 5, 4]), scale(0.01), zero('u8', 118)],
    offByOne: true,
  },
  {
    op: 'QLinearGlobalAveragePool',
    domain: MS,
    inputs: [...levels([2, 5, 4, 3]), scale(0.01), zero('u8', 118)],
    attrs: { channels_last: 1 },
    offByOne: true,
  },
  {
    op: 'QLinearWhere',
    domain: MS,
    inputs: [whole('bool', [3, 1], 0, 2), ...levels([3, 4]), ...levels([1, 4], 0.03, 90), scale(0.03), zero('u8', 110)],
    offByOne: true,
  },
  {
    op: 'MatMulIntegerToFloat',
    domain: MS,
    inputs: [
      whole('u8', [3, 4], 0, 256),
      whole('i8', [4, 5], -128, 128),
      given('f32', [1], [0.02]),
      real([5], 0.01, 0.03),
      zero('u8', 120),
      given('i8', [5], [0, 1, 2, 0, -4]),
      real([5]),
    ],
  },
  {
    op: 'DynamicQuantizeMatMul',
    domain: MS,
    inputs: [
      real([3, 4]),
      whole('i8', [4, 5], -128, 128),
      real([5], 0.01, 0.03),
      given('i8', [5], [0, 0, 0, 0, 0]),
      real([5]),
    ],
  },
  {
    op: 'QGemm',
    domain: MS,
    inputs: [
      ...levels([3, 4]),
      whole('i8', [5, 4], -128, 128),
      real([5], 0.01, 0.03),
      given('i8', [5], [0, 0, 0, 0, 0]),
      whole('i32', [5], -900, 900),
      scale(0.4),
      zero('u8', 128),
    ],
    attrs: { transB: 1 },
  },
  {
    op: 'QGemm',
    domain: MS,
    inputs: [
      ...levels([3, 4]),
      whole('i8', [4, 5], -128, 128),
      scale(0.01),
      zero('i8', 0),
      whole('i32', [5], -900, 900),
    ],
    label: 'real',
  },
  ...[2, 4, 8].map((bits): InterpreterCase => ({
    op: 'MatMulNBits',
    domain: MS,
    inputs: [real([2, 64]), whole('u8', [6, 2, 4 * bits], 0, 256), real([12])],
    attrs: { K: 64, N: 6, bits, block_size: 32 },
  })),
  {
    op: 'MatMulNBits',
    domain: MS,
    inputs: [real([3, 48]), whole('u8', [6, 3, 8], 0, 256), real([18]), whole('u8', [12], 0, 256)],
    attrs: { K: 48, N: 6, bits: 4, block_size: 16 },
    label: 'zero points',
  },
  ...[0, 1].map((quant_type): InterpreterCase => ({
    op: 'MatMulBnb4',
    domain: MS,
    inputs: [real([2, 64]), whole('u8', [192], 0, 256), real([24], 0.1, 1)],
    attrs: { K: 64, N: 6, block_size: 16, quant_type },
  })),
  {
    op: 'GatherBlockQuantized',
    domain: MS,
    opset: 21,
    inputs: [whole('i4', [5, 32], -8, 8), given('i64', [2], [-1, 3]), real([5, 2]), whole('i4', [5, 2], -8, 8)],
    attrs: { block_size: 16, quantize_axis: 1, gather_axis: 0 },
  },
];

export const QUANTIZATION_CASES: readonly InterpreterCase[] = [...linear, ...integers];
