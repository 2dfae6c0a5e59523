/** Uses of elementwise operators in other element types, and of casts at the edges. */
import type { DType } from '#base/dtype.ts';
import { given, list, real, scalar, setting, whole } from '#measure/testing/operator-case.ts';
import { half, wide, type InterpreterCase } from './single-operator.ts';

const INTEGER_TYPES = ['i8', 'i16', 'i32', 'i64', 'u8', 'u16', 'u32', 'u64'] as const;

export const ELEMENT_CASES: readonly InterpreterCase[] = [
  ...['Add', 'Sub', 'Mul', 'Div'].flatMap((op): InterpreterCase[] => [
    ...INTEGER_TYPES.map((dtype): InterpreterCase => ({
      op,
      inputs: [whole(dtype, [3, 4], 10, 60), whole(dtype, [4], 1, 9)],
    })),
    { op, inputs: [half([3, 4]), half([4], 0.5, 2)] },
    { op, inputs: [wide([3, 4]), wide([4], 0.5, 2)] },
  ]),
  { op: 'Div', inputs: [given('i32', [4], [-7, 7, -7, 7]), given('i32', [4], [2, -2, -2, 2])], label: 'truncates' },
  { op: 'Mod', inputs: [given('i32', [4], [-7, 7, -7, 7]), given('i32', [4], [2, -2, -2, 2])] },
  { op: 'Mod', inputs: [given('i32', [4], [-7, 7, -7, 7]), given('i32', [4], [4, -4, -4, 4])], attrs: { fmod: 1 } },
  { op: 'Pow', inputs: [real([5]), given('i64', [], [3])] },
  { op: 'Pow', inputs: [whole('i32', [5], -4, 5), given('i32', [], [3])] },
  { op: 'Pow', inputs: [whole('i64', [5], -4, 5), given('f32', [], [2])] },
  { op: 'PRelu', inputs: [real([2, 3, 4, 5]), real([3, 1, 1])] },
  ...['Relu', 'LeakyRelu', 'Sigmoid', 'Tanh', 'Elu', 'Softplus', 'HardSigmoid'].flatMap((op): InterpreterCase[] => [
    { op, inputs: [real([20], -90, 90)], label: 'far' },
    ...(['Relu', 'Sigmoid', 'Tanh'].includes(op) ? [{ op, inputs: [wide([9])] }] : []),
  ]),
  { op: 'Relu', inputs: [whole('i32', [6], -5, 5)] },
  { op: 'ThresholdedRelu', inputs: [real([9])], attrs: { alpha: { float: 0.7 } } },
  { op: 'Selu', inputs: [real([9])], attrs: { alpha: { float: 1.2 }, gamma: { float: 0.9 } } },
  { op: 'Celu', inputs: [real([9])], attrs: { alpha: { float: 1.7 } } },
  { op: 'QuickGelu', domain: 'com.microsoft', inputs: [real([9])], attrs: { alpha: { float: 1.2 } } },
  ...['Abs', 'Neg', 'Ceil', 'Floor', 'Sqrt', 'Exp', 'Log'].map((op): InterpreterCase => ({
    op,
    inputs: [wide([7], 0.1, 3)],
  })),
  ...['Abs', 'Neg', 'Sign'].map((op): InterpreterCase => ({ op, inputs: [whole('i32', [7], -9, 9)] })),
  { op: 'Sign', inputs: [given('f32', [3], [-2, 0, 5])] },
  { op: 'Erf', inputs: [real([20], -7, 7)] },
  { op: 'IsInf', inputs: [given('f32', [4], [1, NaN, -Infinity, Infinity])], attrs: { detect_negative: 0 } },
  { op: 'IsInf', inputs: [given('f32', [4], [1, NaN, -Infinity, Infinity])], attrs: { detect_positive: 0 } },
  ...['Max', 'Min'].flatMap((op): InterpreterCase[] => [
    { op, inputs: [whole('i64', [3], -9, 9), whole('i64', [2, 3], -9, 9)] },
    { op, inputs: [whole('u8', [3], 0, 9), whole('u8', [3], 0, 9)] },
    { op, inputs: [half([3]), half([2, 1])] },
  ]),
  { op: 'Sum', inputs: [real([2, 3])] },
  ...(['i64', 'i32', 'u8', 'f64'] as const).map((dtype): InterpreterCase => ({
    op: 'Where',
    inputs: [whole('bool', [3, 1], 0, 2), whole(dtype, [4], 0, 2), whole(dtype, [3, 4], 0, 2)],
  })),
  { op: 'Clip', inputs: [whole('i64', [6], -9, 9), given('i64', [], [-3]), given('i64', [], [4])] },
  { op: 'Clip', opset: 6, inputs: [real([9])], attrs: { min: { float: -0.5 }, max: { float: 0.7 } } },
  ...INTEGER_TYPES.flatMap((dtype): InterpreterCase[] =>
    ([1, 11, 10, 9, 7, 6, 2, 3] as const).map((to) => ({
      op: 'Cast',
      inputs: [whole(dtype, [5], 0, 100)],
      attrs: { to },
    })),
  ),
  { op: 'Cast', inputs: [half([5], 0, 90)], attrs: { to: 1 } },
  { op: 'Cast', inputs: [half([5], -9, 9)], attrs: { to: 7 } },
  { op: 'Cast', inputs: [wide([5], -9, 9)], attrs: { to: 6 } },
  { op: 'Cast', inputs: [given('f32', [5], [0, 0.4, -0.4, 2, -3])], attrs: { to: 9 }, label: 'truth' },
  { op: 'Cast', inputs: [given('i64', [4], [300, -1, 255, 256])], attrs: { to: 2 }, label: 'wraps' },
  { op: 'Cast', inputs: [given('i32', [4], [300, -1, 128, -129])], attrs: { to: 3 }, label: 'wraps' },
  { op: 'Cast', inputs: [whole('bool', [5], 0, 2)], attrs: { to: 1 } },
  { op: 'Cast', opset: 21, inputs: [whole('i4', [5], -8, 8)], attrs: { to: 1 } },
  { op: 'CastLike', inputs: [whole('i64', [5], 0, 9), half([1])] },
  { op: 'Dropout', opset: 12, inputs: [real([2, 3])], outputs: 2 },
  ...(['f16', 'f64', 'i64', 'u8', 'bool'] as readonly DType[]).flatMap((dtype): InterpreterCase[] => [
    { op: 'Transpose', inputs: [whole(dtype, [2, 3, 4], 0, 2)], attrs: { perm: [1, 2, 0] } },
    { op: 'Concat', inputs: [whole(dtype, [2, 3], 0, 2), whole(dtype, [2, 1], 0, 2)], attrs: { axis: 1 } },
    { op: 'Slice', inputs: [whole(dtype, [4, 5], 0, 2), list(3, 0), list(-9, 4), list(0, 1), list(-1, 2)] },
    { op: 'Tile', inputs: [whole(dtype, [2, 3], 0, 2), list(2, 2)] },
    { op: 'Expand', inputs: [whole(dtype, [3, 1], 0, 2), list(2, 1, 4)] },
  ]),
  { op: 'Range', inputs: [scalar(0), scalar(5), scalar(1)], label: 'count' },
  { op: 'Range', inputs: [setting('i32', [], [7]), setting('i32', [], [-2]), setting('i32', [], [-3])] },
];
