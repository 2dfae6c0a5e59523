/** Uses of convolutions and pooling operators: ranks, groups, paddings, dilations, ceil modes, element types. */
import { given, list, real, whole } from '#measure/testing/operator-case.ts';
import { half, type InterpreterCase } from './single-operator.ts';

const AUTO_PADS = ['SAME_UPPER', 'SAME_LOWER', 'VALID'];

/** Data, kernel and zero points of an integer convolution. */
const x = (): ReturnType<typeof whole> => whole('u8', [2, 4, 6, 5], 0, 255);

const convolutions: readonly InterpreterCase[] = [
  { op: 'Conv', inputs: [real([2, 3, 9]), real([4, 3, 3]), real([4])], attrs: { pads: [1, 2], strides: [2] } },
  { op: 'Conv', inputs: [real([1, 4, 8]), real([4, 1, 3])], attrs: { group: 4, dilations: [2] }, label: 'depthwise' },
  {
    op: 'Conv',
    inputs: [real([1, 2, 5, 6, 4]), real([3, 2, 2, 3, 2]), real([3])],
    attrs: { pads: [1, 0, 1, 0, 1, 0], strides: [1, 2, 1], dilations: [1, 2, 1] },
    label: 'three axes',
  },
  { op: 'Conv', inputs: [real([2, 6, 5, 5]), real([4, 3, 1, 1])], attrs: { group: 2 }, label: 'pointwise' },
  { op: 'Conv', inputs: [half([1, 2, 5, 5]), half([3, 2, 3, 3]), half([3])], attrs: { pads: [1, 1, 1, 1] } },
  ...AUTO_PADS.map((auto): InterpreterCase => ({
    op: 'Conv',
    inputs: [real([1, 2, 9, 10]), real([3, 2, 3, 2])],
    attrs: { auto_pad: auto, strides: [3, 2] },
  })),
  {
    op: 'FusedConv',
    domain: 'com.microsoft',
    inputs: [real([1, 2, 6, 6]), real([3, 2, 3, 3]), real([3])],
    attrs: { activation: 'LeakyRelu', activation_params: { floats: [0.2] } },
  },
  {
    op: 'FusedConv',
    domain: 'com.microsoft',
    inputs: [real([1, 2, 6, 6]), real([3, 2, 3, 3]), real([3]), real([1, 3, 4, 4])],
    attrs: { activation: 'Relu' },
    label: 'with a sum',
  },
  { op: 'ConvTranspose', inputs: [real([1, 3, 5]), real([3, 2, 4]), real([2])], attrs: { strides: [3], pads: [1, 2] } },
  {
    op: 'ConvTranspose',
    inputs: [real([2, 4, 4, 5]), real([4, 1, 3, 3]), real([4])],
    attrs: { group: 4, strides: [2, 2], pads: [1, 1, 1, 1], output_padding: [1, 1] },
    label: 'depthwise',
  },
  {
    op: 'ConvTranspose',
    inputs: [real([1, 2, 4, 5]), real([2, 3, 3, 2])],
    attrs: { dilations: [2, 3], strides: [1, 2] },
  },
  {
    op: 'ConvTranspose',
    inputs: [real([1, 2, 3, 4, 3]), real([2, 2, 2, 3, 2])],
    attrs: { strides: [2, 1, 2], pads: [0, 1, 0, 1, 0, 1] },
    label: 'three axes',
  },
  ...AUTO_PADS.map((auto): InterpreterCase => ({
    op: 'ConvTranspose',
    inputs: [real([1, 2, 4, 5]), real([2, 3, 4, 3])],
    attrs: { auto_pad: auto, strides: [2, 3] },
  })),
  ...['SAME_UPPER', 'SAME_LOWER', 'NOTSET'].map((auto): InterpreterCase => ({
    op: 'ConvTranspose',
    inputs: [real([1, 2, 4, 5]), real([2, 3, 4, 3])],
    attrs: { auto_pad: auto, strides: [2, 2], output_shape: [9, 10] },
    label: 'sizes',
  })),
  {
    op: 'ConvInteger',
    inputs: [x(), whole('u8', [4, 2, 3, 2], 0, 255), given('u8', [], [120]), given('u8', [], [7])],
    attrs: { group: 2, pads: [1, 1, 0, 1] },
  },
  {
    op: 'QLinearConv',
    inputs: [
      x(),
      given('f32', [], [0.02]),
      given('u8', [], [128]),
      whole('i8', [6, 4, 3, 3], -127, 127),
      given('f32', [6], [0.01, 0.02, 0.005, 0.01, 0.015, 0.03]),
      given('i8', [6], [0, 0, 0, 0, 0, 0]),
      given('f32', [], [0.7]),
      given('u8', [], [100]),
      whole('i32', [6], -3000, 3000),
    ],
    attrs: { pads: [1, 1, 1, 1], strides: [2, 1] },
    label: 'per channel',
  },
  {
    op: 'DeformConv',
    opset: 19,
    inputs: [real([1, 4, 5, 6]), real([4, 2, 2, 3]), real([1, 24, 5, 5]), real([4]), real([1, 12, 5, 5], 0, 1)],
    attrs: { kernel_shape: [2, 3], group: 2, offset_group: 2, pads: [0, 0, 1, 1] },
  },
  {
    op: 'Col2Im',
    opset: 18,
    inputs: [real([2, 12, 8]), list(5, 6), list(2, 3)],
    attrs: { strides: [1, 2] },
    label: 'strides',
  },
  {
    op: 'Col2Im',
    opset: 18,
    inputs: [real([1, 8, 16]), list(5, 5), list(2, 2)],
    attrs: { dilations: [1, 2], pads: [0, 1, 0, 0] },
    label: 'dilated',
  },
];

const POOLS = ['MaxPool', 'AveragePool', 'LpPool'];

const pools: readonly InterpreterCase[] = [
  ...POOLS.flatMap((op): InterpreterCase[] => [
    { op, inputs: [real([2, 3, 9])], attrs: { kernel_shape: [3], strides: [2], pads: [1, 1] } },
    {
      op,
      inputs: [real([1, 2, 5, 6, 4])],
      attrs: { kernel_shape: [2, 3, 2], strides: [2, 1, 2], pads: [1, 1, 0, 0, 1, 1] },
    },
    { op, inputs: [real([1, 2, 9, 7])], attrs: { kernel_shape: [2, 3], strides: [2, 3], auto_pad: 'SAME_LOWER' } },
    { op, inputs: [real([1, 2, 9, 7])], attrs: { kernel_shape: [2, 3], strides: [2, 3], auto_pad: 'VALID' } },
  ]),
  ...[19, 22].flatMap((opset): InterpreterCase[] => [
    {
      op: 'AveragePool',
      opset,
      inputs: [real([1, 2, 7, 8])],
      attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], count_include_pad: 1 },
    },
    {
      op: 'AveragePool',
      opset,
      inputs: [real([1, 2, 8, 9])],
      attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [0, 1, 0, 1], count_include_pad: 1, ceil_mode: 1 },
    },
    {
      op: 'AveragePool',
      opset,
      inputs: [real([1, 2, 8, 9])],
      attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [0, 1, 0, 1], ceil_mode: 1 },
    },
    {
      op: 'AveragePool',
      opset,
      inputs: [real([1, 2, 8, 9])],
      attrs: { kernel_shape: [2, 3], dilations: [2, 1], pads: [1, 1, 1, 1] },
    },
  ]),
  {
    op: 'AveragePool',
    inputs: [real([1, 2, 7, 8])],
    attrs: { kernel_shape: [3, 3], auto_pad: 'SAME_UPPER', count_include_pad: 1 },
  },
  { op: 'MaxPool', inputs: [real([1, 2, 9, 9])], attrs: { kernel_shape: [2, 3], dilations: [2, 3] } },
  {
    op: 'MaxPool',
    inputs: [real([2, 2, 6, 7])],
    attrs: { kernel_shape: [3, 2], strides: [2, 2], pads: [1, 0, 1, 1], storage_order: 1 },
    outputs: 2,
  },
  { op: 'MaxPool', inputs: [real([2, 2, 9])], attrs: { kernel_shape: [3], strides: [2] }, outputs: 2 },
  {
    op: 'MaxPool',
    inputs: [real([1, 2, 4, 5, 6])],
    attrs: { kernel_shape: [2, 2, 2], strides: [2, 2, 2] },
    outputs: 2,
  },
  ...(['u8', 'i8'] as const).map((dtype): InterpreterCase => ({
    op: 'MaxPool',
    inputs: [whole(dtype, [1, 2, 6, 6], -120, 120)].map((one) =>
      dtype === 'u8' ? { ...one, data: one.data.map((value) => Math.abs(Number(value))) } : one,
    ),
    attrs: { kernel_shape: [2, 2], strides: [2, 2] },
  })),
  { op: 'MaxPool', inputs: [half([1, 2, 6, 6])], attrs: { kernel_shape: [2, 2] } },
  { op: 'LpPool', inputs: [real([1, 2, 7, 8])], attrs: { kernel_shape: [2, 2], p: 3 } },
  {
    op: 'LpPool',
    opset: 18,
    inputs: [real([1, 2, 8, 8])],
    attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, dilations: [1, 2] },
  },
  ...['GlobalMaxPool', 'GlobalAveragePool', 'GlobalLpPool'].flatMap((op): InterpreterCase[] => [
    { op, inputs: [real([2, 3, 5])] },
    { op, inputs: [real([1, 2, 3, 4, 5])] },
  ]),
  { op: 'GlobalLpPool', inputs: [real([2, 3, 4, 5])], attrs: { p: 1 } },
  {
    op: 'MaxUnpool',
    inputs: [real([1, 1, 2, 2]), given('i64', [1, 1, 2, 2], [0, 3, 8, 11])],
    attrs: { kernel_shape: [2, 2], strides: [2, 2] },
    label: 'sizes from the window',
  },
  {
    op: 'MaxRoiPool',
    inputs: [real([2, 3, 8, 9]), given('f32', [3, 5], [0, 0, 0, 5, 6, 1, 2, 1, 7, 7, 0, 3, 3, 4, 4])],
    attrs: { pooled_shape: [3, 2], spatial_scale: { float: 1 } },
  },
  ...[10, 16].flatMap((opset) =>
    ['avg', 'max'].map((mode): InterpreterCase => ({
      op: 'RoiAlign',
      opset,
      inputs: [
        real([2, 3, 8, 9]),
        given('f32', [3, 4], [0, 0, 11, 9, 2, 3, 15, 14, 1.5, 2.5, 6, 7.5]),
        given('i64', [3], [0, 1, 1]),
      ],
      attrs: { mode, output_height: 3, output_width: 2, sampling_ratio: 2, spatial_scale: { float: 0.5 } },
    })),
  ),
  {
    op: 'RoiAlign',
    inputs: [real([1, 2, 8, 9]), given('f32', [1, 4], [0, 1, 7, 6]), given('i64', [1], [0])],
    attrs: { output_height: 2, output_width: 3, coordinate_transformation_mode: 'output_half_pixel' },
    label: 'adaptive',
  },
];

export const WINDOW_CASES: readonly InterpreterCase[] = [...convolutions, ...pools];
