/** Uses of products, normalizations, softmax and its kin, and reductions. */
import { given, list, real, whole } from '#measure/testing/operator-case.ts';
import { half, wide, type InterpreterCase } from './single-operator.ts';

const EQUATIONS: readonly (readonly [string, ...(readonly number[])[]])[] = [
  ['ij->ji', [3, 4]],
  ['ii->i', [4, 4]],
  ['ii', [4, 4]],
  ['ijk->k', [2, 3, 4]],
  ['i,j->ij', [3], [4]],
  ['bhid,bhjd->bhij', [2, 3, 4, 5], [2, 3, 6, 5]],
  ['...ij,...jk->...ik', [2, 3, 4], [2, 4, 5]],
  ['bij,jk', [2, 3, 4], [4, 5]],
  ['...i->...', [2, 3, 4]],
  ['ab,bc,cd->ad', [2, 3], [3, 4], [4, 5]],
  ['abc,abc->ac', [2, 3, 4], [2, 3, 4]],
];

const products: readonly InterpreterCase[] = [
  { op: 'MatMul', inputs: [real([4]), real([2, 4, 3])] },
  { op: 'MatMul', inputs: [real([2, 3, 4]), real([4])] },
  { op: 'MatMul', inputs: [real([2, 3, 1, 4]), real([3, 4, 2])] },
  { op: 'MatMul', inputs: [half([3, 4]), half([4, 5])] },
  { op: 'MatMul', inputs: [wide([3, 4]), wide([4, 5])] },
  { op: 'MatMul', inputs: [whole('i32', [3, 4], -9, 9), whole('i32', [4, 5], -9, 9)] },
  { op: 'MatMul', inputs: [whole('i64', [3, 4], -9, 9), whole('i64', [4, 5], -9, 9)] },
  {
    op: 'Gemm',
    inputs: [real([3, 4]), real([4, 5]), real([3, 1])],
    attrs: { alpha: { float: 0.7 }, beta: { float: -0.3 } },
  },
  { op: 'Gemm', inputs: [real([3, 4]), real([5, 4]), real([])], attrs: { transB: 1 }, label: 'scalar' },
  { op: 'Gemm', inputs: [half([4, 3]), half([4, 5]), half([5])], attrs: { transA: 1 } },
  ...EQUATIONS.map(([equation, ...shapes]): InterpreterCase => ({
    op: 'Einsum',
    inputs: shapes.map((shape) => real(shape)),
    attrs: { equation },
  })),
  {
    op: 'MatMulInteger',
    inputs: [
      whole('u8', [2, 3, 4], 0, 255),
      whole('i8', [4, 5], -128, 127),
      given('u8', [], [120]),
      given('i8', [5], [1, -2, 3, 0, 9]),
    ],
  },
  {
    op: 'QLinearMatMul',
    inputs: [
      whole('i8', [2, 3, 4], -128, 127),
      given('f32', [], [0.02]),
      given('i8', [], [-5]),
      whole('i8', [4, 5], -128, 127),
      given('f32', [5], [0.01, 0.02, 0.03, 0.04, 0.05]),
      given('i8', [5], [0, 0, 0, 0, 0]),
      given('f32', [], [0.4]),
      given('i8', [], [3]),
    ],
  },
  {
    op: 'FusedMatMul',
    domain: 'com.microsoft',
    inputs: [real([2, 3, 4]), real([2, 5, 4])],
    attrs: { transB: 1, alpha: { float: 0.25 } },
  },
  {
    op: 'FusedGemm',
    domain: 'com.microsoft',
    inputs: [real([3, 4]), real([5, 4]), real([5])],
    attrs: { transB: 1, activation: 'LeakyRelu', activation_alpha: { float: 0.3 } },
  },
  { op: 'Det', inputs: [real([4, 4])] },
];

const affine = (count: number): [ReturnType<typeof real>, ReturnType<typeof real>] => [real([count]), real([count])];

const normalizations: readonly InterpreterCase[] = [
  { op: 'BatchNormalization', inputs: [real([2, 3]), ...affine(3), real([3]), real([3], 0.1, 2)] },
  {
    op: 'BatchNormalization',
    inputs: [real([2, 3, 4, 2]), ...affine(3), real([3]), real([3], 0.1, 2)],
    attrs: { epsilon: { float: 0.01 } },
  },
  { op: 'BatchNormalization', opset: 9, inputs: [real([1, 3, 4]), ...affine(3), real([3]), real([3], 0.1, 2)] },
  { op: 'BatchNormalization', inputs: [half([1, 3, 4]), half([3]), half([3]), half([3]), half([3], 0.1, 2)] },
  { op: 'InstanceNormalization', inputs: [real([2, 3, 4, 5]), ...affine(3)], attrs: { epsilon: { float: 0.01 } } },
  { op: 'LayerNormalization', inputs: [real([2, 3, 4]), real([4])], attrs: { epsilon: { float: 0.01 } } },
  {
    op: 'LayerNormalization',
    inputs: [real([2, 3, 4]), real([2, 3, 4]), real([3, 4])],
    attrs: { axis: 0 },
    outputs: 3,
  },
  { op: 'LayerNormalization', inputs: [half([2, 3, 4]), half([4]), half([4])] },
  { op: 'RMSNormalization', opset: 23, inputs: [real([2, 3, 4]), real([4])] },
  {
    op: 'RMSNormalization',
    opset: 23,
    inputs: [real([2, 3, 4]), real([3, 4])],
    attrs: { axis: 1, epsilon: { float: 0.1 } },
  },
  { op: 'SimplifiedLayerNormalization', inputs: [real([2, 3, 4]), real([4])], outputs: 2 },
  { op: 'GroupNormalization', opset: 18, inputs: [real([2, 6, 3, 2]), ...affine(3)], attrs: { num_groups: 3 } },
  { op: 'GroupNormalization', opset: 21, inputs: [real([2, 6, 3, 2]), ...affine(6)], attrs: { num_groups: 3 } },
  ...[1, 2].flatMap((p) =>
    [0, 1, -1].map((axis): InterpreterCase => ({
      op: 'LpNormalization',
      inputs: [real([3, 4, 2])],
      attrs: { p, axis },
    })),
  ),
  { op: 'LpNormalization', inputs: [given('f32', [2, 2], [0, 0, 3, 4])], label: 'zeros' },
  {
    op: 'LRN',
    inputs: [real([2, 7, 3, 1])],
    attrs: { size: 5, alpha: { float: 0.5 }, beta: { float: 0.6 }, bias: { float: 1.2 } },
  },
  { op: 'LRN', inputs: [real([1, 6, 2, 2])], attrs: { size: 3, alpha: { float: 0.9 } } },
  { op: 'MeanVarianceNormalization', inputs: [real([2, 3, 4, 4])], attrs: { axes: [1, 2, 3] } },
  {
    op: 'SkipLayerNormalization',
    domain: 'com.microsoft',
    inputs: [real([2, 3, 4]), real([2, 3, 4]), real([4]), real([4]), real([4])],
    outputs: 1,
    label: 'with a bias',
  },
  {
    op: 'SkipSimplifiedLayerNormalization',
    domain: 'com.microsoft',
    inputs: [real([2, 3, 4]), real([2, 3, 4]), real([4])],
    attrs: { epsilon: { float: 0.001 } },
  },
];

const softmaxes: readonly InterpreterCase[] = ['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op) => [
  { op, inputs: [real([2, 3, 4])], attrs: { axis: 0 } },
  { op, inputs: [real([2, 3, 4])], attrs: { axis: 1 } },
  { op, opset: 11, inputs: [real([2, 3, 4])] },
  { op, opset: 11, inputs: [real([2, 3, 4])], attrs: { axis: 2 } },
  { op, inputs: [real([2, 3], -200, 200)], label: 'large' },
]);

const REDUCTIONS = [
  'ReduceSum',
  'ReduceMean',
  'ReduceMax',
  'ReduceMin',
  'ReduceProd',
  'ReduceL1',
  'ReduceL2',
  'ReduceSumSquare',
];

const reductions: readonly InterpreterCase[] = [
  ...REDUCTIONS.flatMap((op): InterpreterCase[] => [
    { op, opset: 18, inputs: [whole('i32', [2, 3, 2], -4, 5), list(1)] },
    { op, opset: 18, inputs: [wide([2, 3, 2]), list(0, 2)], attrs: { keepdims: 0 } },
    { op, opset: 18, inputs: [half([2, 3, 2]), list(-1)] },
  ]),
  ...['ReduceSum', 'ReduceMax', 'ReduceMin', 'ReduceMean', 'ReduceProd'].map((op): InterpreterCase => ({
    op,
    opset: 18,
    inputs: [whole('i64', [3, 4], -4, 5), list(0)],
  })),
  { op: 'ReduceLogSum', opset: 18, inputs: [real([3, 4], 0.1, 3), list(1)] },
  { op: 'ReduceLogSumExp', opset: 18, inputs: [real([3, 4]), list(1)] },
  { op: 'ReduceLogSumExp', opset: 18, inputs: [real([3, 4], 80, 85), list(1)], label: 'large' },
  { op: 'ReduceLogSumExp', opset: 18, inputs: [real([3, 4], 900, 950), list(1)], label: 'beyond a double' },
  { op: 'ReduceMax', opset: 20, inputs: [whole('bool', [3, 4], 0, 2), list(1)] },
  ...['ArgMax', 'ArgMin'].flatMap((op): InterpreterCase[] => [
    { op, inputs: [whole('i32', [3, 4, 2], 0, 3)], attrs: { axis: 1 }, label: 'ties' },
    {
      op,
      inputs: [whole('i32', [3, 4, 2], 0, 3)],
      attrs: { axis: 1, select_last_index: 1, keepdims: 0 },
      label: 'ties',
    },
    { op, inputs: [real([3, 4])], attrs: {} },
  ]),
];

export const MATRIX_CASES: readonly InterpreterCase[] = [...products, ...normalizations, ...softmaxes, ...reductions];
