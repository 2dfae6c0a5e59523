/** Uses of operators that read and write at positions, pad, resize and sample. */
import { given, list, real, scalar, setting, whole } from '#measure/testing/operator-case.ts';
import { half, type InterpreterCase } from './single-operator.ts';

const positions: readonly InterpreterCase[] = [
  { op: 'Gather', inputs: [whole('i64', [3, 4], -9, 9), given('i32', [2], [-1, 0])], attrs: { axis: -1 } },
  {
    op: 'GatherElements',
    inputs: [real([3, 4, 2]), given('i64', [3, 2, 2], [0, 1, -1, 3, 2, 2, 0, 0, 1, -4, 3, 1])],
    attrs: { axis: 1 },
  },
  { op: 'GatherElements', inputs: [whole('i64', [3, 4], -9, 9), whole('i32', [2, 4], 0, 3)], attrs: { axis: 0 } },
  { op: 'GatherND', inputs: [real([3, 4, 2]), given('i64', [2, 3], [0, -1, 1, 2, 3, 0])] },
  { op: 'GatherND', inputs: [real([2, 3, 4]), given('i64', [2, 2, 1], [0, 2, 1, 1])], attrs: { batch_dims: 1 } },
  { op: 'GatherND', inputs: [whole('bool', [3, 4], 0, 2), given('i64', [2, 1], [2, 0])] },
  ...['none', 'add', 'mul', 'max', 'min'].flatMap((reduction): InterpreterCase[] => [
    {
      op: 'ScatterElements',
      opset: 18,
      inputs: [real([3, 4]), given('i64', [2, 4], [0, 1, 2, 0, 1, -1, 0, 2]), real([2, 4])],
      attrs: { axis: 0, reduction },
    },
    {
      op: 'ScatterND',
      opset: 18,
      inputs: [real([4, 3]), given('i64', [3, 1], reduction === 'none' ? [3, 0, 1] : [3, 0, 3]), real([3, 3])],
      attrs: { reduction },
    },
  ]),
  {
    op: 'Scatter',
    opset: 10,
    inputs: [real([3, 4]), given('i64', [3, 2], [0, 1, 2, 3, 1, 0]), real([3, 2])],
    attrs: { axis: 1 },
  },
  {
    op: 'ScatterElements',
    opset: 16,
    inputs: [whole('i64', [3, 3], -9, 9), given('i64', [1, 3], [2, 0, 1]), whole('i64', [1, 3], -9, 9)],
    attrs: { reduction: 'add' },
  },
  { op: 'ScatterND', inputs: [real([2, 3, 2]), given('i64', [2, 2], [0, 1, 1, -1]), real([2, 2])] },
  { op: 'TopK', inputs: [real([3, 4, 5]), list(3)], attrs: { axis: 1, largest: 0 }, outputs: 2 },
  { op: 'TopK', inputs: [whole('i64', [2, 6], 0, 4), list(4)], outputs: 2, label: 'ties' },
  { op: 'TopK', inputs: [whole('i32', [2, 6], 0, 4), list(4)], attrs: { largest: 0 }, outputs: 2, label: 'ties' },
  { op: 'Compress', inputs: [real([3, 4]), given('bool', [7], [1, 0, 0, 1, 1, 0, 1])], label: 'flat' },
  { op: 'Compress', inputs: [real([3, 4, 2]), given('bool', [3], [1, 0, 1])], attrs: { axis: 1 } },
  { op: 'Unique', inputs: [given('f32', [7], [3, 1, 2, 1, 3, 3, 0])], attrs: { sorted: 0 }, outputs: 4 },
  {
    op: 'Unique',
    inputs: [given('i64', [3, 4], [1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6])],
    attrs: { axis: 1 },
    outputs: 4,
  },
  { op: 'Unique', inputs: [given('i64', [2, 3], [5, 1, 5, 2, 2, 9])], outputs: 4 },
  { op: 'NonZero', inputs: [given('f32', [2, 2, 3], [0, 1, 0, 2, 0, 0, 0, 0, 3, 4, 0, 5])] },
  { op: 'NonZero', inputs: [given('bool', [4], [1, 0, 1, 1])] },
  {
    op: 'OneHot',
    inputs: [given('i64', [2, 2], [-1, 0, 3, 7]), scalar(4), given('f32', [2], [-1, 2])],
    attrs: { axis: 1 },
    label: 'outside',
  },
  { op: 'OneHot', inputs: [given('i64', [3], [0, 2, 1]), scalar(3), given('i64', [2], [0, 5])] },
  {
    op: 'NonMaxSuppression',
    inputs: [
      real([2, 30, 4], 0, 1),
      real([2, 3, 30], 0, 1),
      scalar(5),
      setting('f32', [], [0.3]),
      setting('f32', [], [0.4]),
    ],
  },
  {
    op: 'NonMaxSuppression',
    inputs: [real([1, 20, 4], 0, 1), real([1, 2, 20], 0, 1), scalar(4), setting('f32', [], [0.1])],
    attrs: { center_point_box: 1 },
  },
  {
    op: 'ReverseSequence',
    inputs: [real([3, 5, 2]), given('i64', [3], [1, 5, 3])],
    attrs: { time_axis: 1, batch_axis: 0 },
  },
  { op: 'EyeLike', inputs: [real([4, 3])], attrs: { k: -1, dtype: 7 } },
  { op: 'EyeLike', inputs: [whole('i32', [3, 4], 0, 2)], attrs: { k: 2 } },
  { op: 'DepthToSpace', inputs: [real([2, 12, 2, 3])], attrs: { blocksize: 2, mode: 'CRD' } },
  { op: 'DepthToSpace', inputs: [real([1, 18, 2, 1])], attrs: { blocksize: 3 } },
  { op: 'SpaceToDepth', inputs: [real([2, 3, 6, 3])], attrs: { blocksize: 3 } },
  {
    op: 'CumSum',
    inputs: [real([3, 4]), scalar(0)],
    attrs: { exclusive: 1 },
  },
  { op: 'CumSum', inputs: [whole('i64', [3, 4], -9, 9), setting('i32', [], [-1])], attrs: { reverse: 1 } },
  { op: 'CumSum', inputs: [real([3, 4]), scalar(1)], attrs: { reverse: 1, exclusive: 1 } },
  { op: 'Trilu', inputs: [real([2, 3, 4]), scalar(1)], attrs: { upper: 0 } },
  { op: 'Trilu', inputs: [whole('i64', [4, 3], -9, 9), scalar(-1)] },
  { op: 'CenterCropPad', opset: 18, inputs: [real([3, 7, 2]), list(4, 4)], attrs: { axes: [1, 2] } },
];

const MODES = ['constant', 'reflect', 'edge', 'wrap'];

const pads: readonly InterpreterCase[] = [
  ...MODES.map((mode): InterpreterCase => ({
    op: 'Pad',
    opset: 19,
    inputs: [real([3, 4]), list(1, 2, 2, 1), ...(mode === 'constant' ? [setting('f32', [], [1.5])] : [])],
    attrs: { mode },
  })),
  ...MODES.slice(0, 3).map((mode): InterpreterCase => ({
    op: 'Pad',
    opset: 13,
    inputs: [real([2, 4, 5]), list(0, 1, -1, 0, -2, 2)],
    attrs: { mode },
    label: 'cut',
  })),
  { op: 'Pad', opset: 18, inputs: [whole('i64', [2, 3], -9, 9), list(1, 1), setting('i64', [], [7]), list(1)] },
  { op: 'Pad', opset: 10, inputs: [real([2, 3])], attrs: { pads: [1, 0, 0, 2], value: { float: 0.5 } } },
  { op: 'Pad', opset: 10, inputs: [real([3, 3])], attrs: { pads: [1, 1, 1, 1], mode: 'reflect' } },
  { op: 'Pad', inputs: [whole('bool', [2, 3], 0, 2), list(1, 0, 0, 1), setting('bool', [], [1])] },
];

const COORDINATES = ['half_pixel', 'pytorch_half_pixel', 'align_corners', 'asymmetric', 'half_pixel_symmetric'];
const ROUNDINGS = ['round_prefer_floor', 'round_prefer_ceil', 'floor', 'ceil'];

const scales = (...values: number[]): ReturnType<typeof setting> => setting('f32', [values.length], values);

const resizes: readonly InterpreterCase[] = [
  ...COORDINATES.flatMap((coordinate_transformation_mode): InterpreterCase[] => [
    ...ROUNDINGS.map((nearest_mode): InterpreterCase => ({
      op: 'Resize',
      opset: 19,
      inputs: [real([1, 2, 5, 7]), null, null, list(1, 2, 8, 4)],
      attrs: { mode: 'nearest', nearest_mode, coordinate_transformation_mode },
    })),
    ...['linear', 'cubic'].flatMap((mode): InterpreterCase[] => [
      {
        op: 'Resize',
        opset: 19,
        inputs: [real([1, 2, 5, 7]), null, null, list(1, 2, 8, 4)],
        attrs: { mode, coordinate_transformation_mode },
      },
      {
        op: 'Resize',
        opset: 19,
        inputs: [real([1, 2, 5, 7]), null, scales(1, 1, 1.7, 0.6)],
        attrs: { mode, coordinate_transformation_mode },
      },
    ]),
  ]),
  ...['nearest', 'linear'].map((mode): InterpreterCase => ({
    op: 'Resize',
    opset: 13,
    inputs: [real([1, 2, 5, 7]), setting('f32', [8], [0, 0, 0.1, 0.2, 1, 1, 0.8, 1.3]), null, list(1, 2, 4, 6)],
    attrs: { mode, coordinate_transformation_mode: 'tf_crop_and_resize', extrapolation_value: { float: -3 } },
    label: 'crop',
  })),
  {
    op: 'Resize',
    opset: 11,
    inputs: [real([1, 2, 5, 7]), setting('f32', [0], []), scales(1, 1, 2, 2)],
    attrs: { mode: 'nearest', coordinate_transformation_mode: 'tf_half_pixel_for_nn', nearest_mode: 'floor' },
  },
  {
    op: 'Resize',
    opset: 18,
    inputs: [real([1, 1, 6, 6]), null, scales(1, 1, 1.5, 0.7)],
    attrs: { mode: 'cubic', exclude_outside: 1, cubic_coeff_a: { float: -0.5 } },
  },
  ...['linear', 'cubic'].map((mode): InterpreterCase => ({
    op: 'Resize',
    opset: 18,
    inputs: [real([1, 1, 9, 8]), null, scales(1, 1, 0.5, 0.6)],
    attrs: { mode, antialias: 1 },
  })),
  ...['not_larger', 'not_smaller'].map((policy): InterpreterCase => ({
    op: 'Resize',
    opset: 18,
    inputs: [real([1, 2, 4, 6]), null, null, list(7, 8)],
    attrs: { mode: 'nearest', axes: [2, 3], keep_aspect_ratio_policy: policy },
  })),
  { op: 'Resize', opset: 13, inputs: [real([2, 5, 7]), null, scales(1, 2, 3)], attrs: { mode: 'nearest' } },
  { op: 'Resize', opset: 13, inputs: [real([5, 7]), null, scales(2, 0.5)], attrs: { mode: 'linear' } },
  {
    op: 'Resize',
    opset: 13,
    inputs: [real([1, 1, 3, 4, 5]), null, scales(1, 1, 2, 1.5, 0.8)],
    attrs: { mode: 'linear' },
  },
  {
    op: 'Resize',
    opset: 13,
    inputs: [real([1, 4, 5, 2]), null, scales(1, 2, 1.6, 1)],
    attrs: { mode: 'linear' },
    label: 'channels last',
  },
  {
    op: 'Resize',
    opset: 13,
    inputs: [whole('u8', [1, 2, 4, 4], 0, 255), null, scales(1, 1, 2, 2)],
    attrs: { mode: 'nearest' },
  },
  {
    op: 'Resize',
    opset: 13,
    inputs: [whole('i32', [1, 1, 4, 4], -99, 99), null, scales(1, 1, 2, 3)],
    attrs: { mode: 'nearest' },
  },
  { op: 'Resize', opset: 13, inputs: [half([1, 1, 4, 4]), null, scales(1, 1, 2, 3)], attrs: { mode: 'nearest' } },
  { op: 'Resize', opset: 10, inputs: [real([1, 2, 4, 5]), scales(1, 1, 1.5, 2)], attrs: { mode: 'linear' } },
  { op: 'Upsample', opset: 7, inputs: [real([1, 2, 4, 5])], attrs: { scales: { floats: [1, 1, 2, 3] } } },
  { op: 'Upsample', opset: 9, inputs: [real([1, 2, 4, 5]), scales(1, 1, 2, 1.5)], attrs: { mode: 'linear' } },
];

const samplings: readonly InterpreterCase[] = [
  ...['zeros', 'border', 'reflection'].flatMap((padding_mode) =>
    [0, 1].flatMap((align_corners) => [
      ...['bilinear', 'nearest', 'bicubic'].map((mode): InterpreterCase => ({
        op: 'GridSample',
        opset: 16,
        inputs: [real([2, 2, 5, 6]), real([2, 4, 3, 2], -1.6, 1.6)],
        attrs: { mode, padding_mode, align_corners },
      })),
      ...['linear', 'nearest'].map((mode): InterpreterCase => ({
        op: 'GridSample',
        opset: 20,
        inputs: [real([1, 2, 3, 4, 5]), real([1, 2, 3, 2, 3], -1.4, 1.4)],
        attrs: { mode, padding_mode, align_corners },
      })),
    ]),
  ),
  { op: 'AffineGrid', opset: 20, inputs: [real([2, 3, 4]), list(2, 1, 3, 4, 2)], attrs: { align_corners: 1 } },
  { op: 'AffineGrid', opset: 20, inputs: [real([1, 2, 3]), list(1, 1, 3, 4)], attrs: { align_corners: 1 } },
];

export const POSITION_CASES: readonly InterpreterCase[] = [...positions, ...pads, ...resizes, ...samplings];
