/** A model raised to a newer operator set gives the same outputs in onnxruntime: real models and one of each changed operator. */
import { beforeAll, describe, expect, it } from 'vitest';
import { describeWithTestdata, testModels, testdataRoot } from '#base/testing/testdata.ts';
import { buildModel, type BuildModel, type BuildNode } from '#ir/testing/build.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model } from '#ir/model.ts';
import { verifyModel } from '#ir/verify.ts';
import type { WeightStore } from '#ir/weights.ts';
import { raiseOpset } from '#passes/convert/opset.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { largestDifference } from './testing/largest-difference.ts';
import { openOnnxFile } from './testing/open-fixture.ts';

/** Newer kernels may order float32 sums differently: 1e-5 of the largest value. */
const TOLERANCE = 1e-5;

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openOnnxruntimeNode({ optimization: 'disabled' });
});

async function raised(model: Model, store: WeightStore, target: number): Promise<Model> {
  const edit = openEditor(model);
  await raiseOpset(edit, target, store);
  const result = edit.finish();
  expect(verifyModel(result)).toEqual([]);
  expect(result.opsets.get('')).toBe(Math.max(target, model.opsets.get('') ?? 0));
  return result;
}

describeWithTestdata('real models give the same outputs', () => {
  const models = testModels('.onnx')
    // The largest light models take onnxruntime seconds each and use no operator that the others lack.
    .filter((path) => !path.includes('densenet') && !path.includes('inception'));
  it.each(models.flatMap((path) => [17, 21].map((target) => [path, target] as const)))(
    '%s raised to %i',
    async (path, target) => {
      const { model, store } = await openOnnxFile(`${testdataRoot}/models/${path}`);
      const after = await raised(model, store, target);
      expect(await largestDifference(runtime, model, after, store)).toBeLessThanOrEqual(TOLERANCE);
    },
  );
});

type Single = Omit<BuildNode, 'inputs' | 'outputs'> & {
  readonly opset: number;
  readonly shape?: readonly number[];
  readonly more?: NonNullable<BuildModel['initializers']>;
  readonly outputs?: readonly string[];
  /** Types of the outputs where not all are float. */
  readonly dtypes?: readonly ('f32' | 'i64')[];
  readonly label?: string;
};

function single({ opset, shape = [2, 3, 4, 5], more = {}, outputs = ['y'], dtypes = [], ...node }: Single): BuildModel {
  return {
    opset,
    inputs: { x: { dtype: 'f32', shape } },
    outputs: Object.fromEntries(outputs.map((name, at) => [name, { dtype: dtypes[at] ?? 'f32', shape: null }])),
    initializers: more,
    nodes: [{ ...node, inputs: ['x', ...Object.keys(more)], outputs }],
  };
}

const scales = (...data: number[]) => ({ scales: { dtype: 'f32' as const, shape: [data.length], data } });
const channels = (count: number) => ({
  dtype: 'f32' as const,
  shape: [count],
  data: Array.from({ length: count }, (_, at) => 0.5 + at),
});

const CHANGED: readonly Single[] = [
  { opset: 7, op: 'Squeeze', shape: [1, 3, 1], attrs: { axes: [0, 2] } },
  { opset: 11, op: 'Squeeze', shape: [1, 3, 1], attrs: { axes: [-1] } },
  { opset: 11, op: 'Squeeze', shape: [1, 3, 1] },
  { opset: 7, op: 'Unsqueeze', attrs: { axes: [0, 3] } },
  { opset: 11, op: 'ReduceSum', attrs: { axes: [1, -1], keepdims: 0 } },
  { opset: 11, op: 'ReduceSum' },
  ...[
    'ReduceMean',
    'ReduceMax',
    'ReduceMin',
    'ReduceProd',
    'ReduceL1',
    'ReduceL2',
    'ReduceSumSquare',
    'ReduceLogSumExp',
  ].map((op): Single => ({ opset: 13, op, attrs: { axes: [2], keepdims: 1 } })),
  { opset: 7, op: 'Split', attrs: { axis: 1, split: [1, 2] }, outputs: ['y', 'z'] },
  { opset: 11, op: 'Split', attrs: { axis: 2 }, outputs: ['y', 'z'] },
  { opset: 13, op: 'Split', attrs: { axis: 2 }, outputs: ['y', 'z'] },
  { opset: 7, op: 'Pad', attrs: { pads: [0, 1, 0, 0, 0, 0, 2, 1], value: { float: 1.5 } } },
  { opset: 7, op: 'Pad', attrs: { pads: [0, 0, 1, 1, 0, 0, 2, 1], mode: 'reflect' } },
  { opset: 7, op: 'Clip', attrs: { min: { float: -0.5 }, max: { float: 0.25 } } },
  { opset: 7, op: 'Clip', attrs: { min: { float: 0 } } },
  { opset: 7, op: 'Clip', attrs: { max: { float: 0 } } },
  { opset: 7, op: 'Clip' },
  { opset: 7, op: 'Slice', attrs: { starts: [1, -3], ends: [3, 100], axes: [1, 3] } },
  { opset: 7, op: 'Slice', attrs: { starts: [0, 1], ends: [1, -1] } },
  { opset: 7, op: 'Upsample', attrs: { scales: { floats: [1, 1, 2, 3] }, mode: 'nearest' } },
  { opset: 7, op: 'Upsample', attrs: { scales: { floats: [1, 1, 2, 2] }, mode: 'linear' } },
  { opset: 9, op: 'Upsample', attrs: { mode: 'nearest' }, more: scales(1, 1, 1.5, 2.3) },
  { opset: 9, op: 'Upsample', attrs: { mode: 'linear' }, more: scales(1, 1, 1.5, 2.3) },
  { opset: 10, op: 'Resize', attrs: { mode: 'nearest' }, more: scales(1, 1, 0.6, 0.5) },
  { opset: 10, op: 'Resize', attrs: { mode: 'nearest' }, more: scales(1, 1, 2, 1.7) },
  { opset: 10, op: 'Resize', attrs: { mode: 'linear' }, more: scales(1, 1, 0.6, 1.7) },
  {
    opset: 11,
    op: 'Resize',
    attrs: { mode: 'cubic', coordinate_transformation_mode: 'align_corners' },
    more: { roi: { dtype: 'f32', shape: [0], data: [] }, ...scales(1, 1, 2, 2) },
    label: 'empty roi',
  },
  {
    opset: 11,
    op: 'Resize',
    attrs: { mode: 'linear' },
    more: {
      roi: { dtype: 'f32', shape: [0], data: [] },
      scales: { dtype: 'f32', shape: [0], data: [] },
      sizes: { dtype: 'i64', shape: [4], data: [2, 3, 7, 9] },
    },
    label: 'empty roi and scales',
  },
  { opset: 7, op: 'Dropout', attrs: { ratio: { float: 0.3 } } },
  { opset: 7, op: 'Dropout', attrs: { ratio: { float: 0.3 } }, outputs: ['y'] },
  ...['Softmax', 'LogSoftmax', 'Hardmax'].flatMap((op): Single[] => [
    { opset: 7, op, shape: [2, 3, 4] },
    { opset: 11, op, shape: [2, 3, 4], attrs: { axis: -1 } },
    { opset: 11, op, shape: [2, 3, 4], attrs: { axis: 2 } },
    { opset: 11, op, shape: [2, 5, 1, 1], attrs: { axis: 1 } },
    { opset: 11, op, shape: [2, 3, 4], attrs: { axis: 0 } },
    { opset: 11, op, shape: [6], attrs: { axis: 0 } },
  ]),
  {
    opset: 7,
    op: 'BatchNormalization',
    attrs: { epsilon: { float: 1e-3 }, spatial: 1 },
    more: { s: channels(3), b: channels(3), m: channels(3), v: channels(3) },
  },
  { opset: 8, op: 'TopK', attrs: { axis: 3, k: 2 }, outputs: ['y', 'z'], dtypes: ['f32', 'i64'] },
  {
    opset: 10,
    op: 'TopK',
    attrs: { axis: 3 },
    more: { k: { dtype: 'i64', shape: [1], data: [2] } },
    outputs: ['y', 'z'],
    dtypes: ['f32', 'i64'],
  },
  {
    opset: 9,
    op: 'Scatter',
    shape: [3, 3],
    attrs: { axis: 0 },
    more: {
      at: { dtype: 'i64', shape: [1, 3], data: [2, 0, 1] },
      updates: { dtype: 'f32', shape: [1, 3], data: [7, 8, 9] },
    },
  },
  {
    opset: 16,
    op: 'GridSample',
    attrs: { mode: 'bilinear' },
    more: { grid: { dtype: 'f32', shape: [2, 2, 2, 2], data: Array.from({ length: 16 }, (_, at) => at / 8 - 1) } },
  },
  {
    opset: 10,
    op: 'RoiAlign',
    shape: [1, 2, 8, 8],
    attrs: { output_height: 3, output_width: 3, sampling_ratio: 2 },
    more: {
      rois: { dtype: 'f32', shape: [1, 4], data: [0.5, 1, 6, 7] },
      of: { dtype: 'i64', shape: [1], data: [0] },
    },
  },
  {
    opset: 18,
    op: 'GroupNormalization',
    shape: [1, 4, 3, 3],
    attrs: { num_groups: 2 },
    more: { s: channels(2), b: channels(2) },
  },
  { opset: 7, op: 'AveragePool', attrs: { kernel_shape: [2, 2], pads: [1, 1, 0, 0] } },
  {
    opset: 10,
    op: 'AveragePool',
    attrs: { kernel_shape: [3, 3], strides: [2, 2], ceil_mode: 1, count_include_pad: 1 },
  },
  { opset: 8, op: 'MaxPool', attrs: { kernel_shape: [2, 2], strides: [2, 2] } },
  { opset: 10, op: 'MaxPool', attrs: { kernel_shape: [2, 3], strides: [2, 2], ceil_mode: 1 } },
  { opset: 7, op: 'LRN', attrs: { size: 3 } },
  {
    opset: 7,
    op: 'Gemm',
    shape: [2, 3],
    attrs: { transB: 1 },
    more: { w: { dtype: 'f32', shape: [4, 3], data: new Float32Array(12).fill(0.3) }, c: channels(4) },
  },
  { opset: 7, op: 'PRelu', more: { slope: { dtype: 'f32', shape: [3, 1, 1], data: [0.1, 0.2, 0.3] } } },
  { opset: 7, op: 'Flatten', attrs: { axis: 2 } },
  { opset: 7, op: 'ArgMax', attrs: { axis: 1, keepdims: 0 }, dtypes: ['i64'] },
  { opset: 7, op: 'Reshape', more: { shape: { dtype: 'i64', shape: [2], data: [0, -1] } } },
  { opset: 7, op: 'Cast', attrs: { to: 7 }, dtypes: ['i64'] },
  { opset: 7, op: 'InstanceNormalization', more: { s: channels(3), b: channels(3) } },
  {
    opset: 7,
    op: 'LSTM',
    shape: [4, 2, 3],
    attrs: { hidden_size: 2 },
    more: {
      w: { dtype: 'f32', shape: [1, 8, 3], data: Array.from({ length: 24 }, (_, at) => Math.sin(at)) },
      r: { dtype: 'f32', shape: [1, 8, 2], data: Array.from({ length: 16 }, (_, at) => Math.cos(at)) },
    },
    outputs: ['y', 'h', 'c'],
  },
];

describe('a raised operator computes the same', () => {
  const cases = CHANGED.flatMap((one) =>
    [21, 25].map((target) => {
      const name = `${one.op} ${String(one.opset)} ${JSON.stringify(one.attrs ?? {})} ${one.label ?? ''}`;
      return [target, name, one] as const;
    }),
  );
  // onnxruntime 1.30 has no kernel for RoiAlign 22.
  it.each(cases.filter(([target, , one]) => !(target === 25 && one.op === 'RoiAlign')))(
    'to %i: %s',
    async (target, _, one) => {
      const { model, store } = buildModel(single(one));
      const after = await raised(model, store, target);
      expect(await largestDifference(runtime, model, after, store)).toBeLessThanOrEqual(TOLERANCE);
    },
  );
});
