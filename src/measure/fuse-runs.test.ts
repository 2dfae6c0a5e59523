/** BatchNormalization folded into random layers changes no output of onnxruntime beyond float rounding. */
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { seededRandom } from '#base/random.ts';
import { buildModel, type BuildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import { inferShapes } from '#ops/infer.ts';
import { fuseBatchNorm } from '#passes/fuse/batch-norm.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { outputErrors, runnable } from './testing/run-model.ts';

/** 1e-5 of the signal, relative: float32 rounding of sums of up to 100 products. */
const SAME_SQNR_DB = 100;

type Kind = 'Conv' | 'ConvTranspose' | 'Gemm' | 'GemmT' | 'MatMul' | 'MatMulAdd' | 'AddMatMul';

function normModel(kind: Kind, groups: number, perGroup: number, bias: boolean, seed: number): BuildModel {
  const numbers = seededRandom(seed);
  const tensor = (shape: readonly number[], positive = false): BuildTensor => ({
    dtype: 'f32',
    shape,
    data: Float32Array.from({ length: countOf(shape) }, () => (positive ? 0.1 + numbers.uniform() : numbers.normal())),
  });
  const convolution = kind === 'Conv' || kind === 'ConvTranspose';
  const g = convolution ? groups : 1;
  const out = g * perGroup;
  const inputs = g * 2;
  const initializers: Record<string, BuildTensor> = {
    scale: tensor([out]),
    shift: tensor([out]),
    mean: tensor([out]),
    variance: tensor([out], true),
  };
  const nodes: BuildNode[] = [];
  const add = (op: string, names: string[], attrs: BuildNode['attrs'] = {}): void => {
    nodes.push({
      op,
      name: `layer${String(nodes.length)}`,
      inputs: names,
      outputs: [`v${String(nodes.length)}`],
      attrs,
    });
  };
  if (bias) initializers['b'] = tensor(kind === 'Gemm' ? [1, out] : [out]);
  const withBias = bias ? ['b'] : [];
  if (kind === 'Conv') {
    initializers['w'] = tensor([out, 2, 3, 2]);
    add('Conv', ['x', 'w', ...withBias], { group: g });
  } else if (kind === 'ConvTranspose') {
    initializers['w'] = tensor([inputs, perGroup, 2, 3]);
    add('ConvTranspose', ['x', 'w', ...withBias], { group: g, strides: [2, 1] });
  } else if (kind === 'Gemm' || kind === 'GemmT') {
    initializers['w'] = tensor(kind === 'Gemm' ? [inputs, out] : [out, inputs]);
    add('Gemm', ['x', 'w', ...withBias], {
      transB: kind === 'Gemm' ? 0 : 1,
      alpha: { float: 0.5 },
      beta: { float: 1.5 },
    });
  } else {
    initializers['w'] = tensor([inputs, out]);
    add('MatMul', ['x', 'w']);
    if (kind !== 'MatMul') {
      initializers['b'] = tensor([out]);
      add('Add', kind === 'MatMulAdd' ? ['v0', 'b'] : ['b', 'v0']);
    }
  }
  const last = `v${String(nodes.length - 1)}`;
  nodes.push({
    op: 'BatchNormalization',
    name: 'norm',
    inputs: [last, 'scale', 'shift', 'mean', 'variance'],
    outputs: ['y'],
    attrs: { epsilon: { float: 0.01 } },
  });
  return {
    inputs: { x: { dtype: 'f32', shape: convolution ? [2, inputs, 5, 4] : [3, inputs] } },
    outputs: { y: { dtype: 'f32', shape: null } },
    initializers,
    nodes,
  };
}

describe('fuse/batch-norm', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openOnnxruntimeNode();
  });

  it('keeps the outputs of random layers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom<Kind>('Conv', 'ConvTranspose', 'Gemm', 'GemmT', 'MatMul', 'MatMulAdd', 'AddMatMul'),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 1000 }),
        async (kind, groups, perGroup, bias, seed) => {
          const built = buildModel(normModel(kind, groups, perGroup, bias, seed));
          const model = await inferShapes(built.model, built.store);
          const result = await runPass(fuseBatchNorm, model, built.store);
          expect(result.ledger.map((line) => line.code)).toEqual(['fused']);
          expect(result.model.graph.nodes.some((node) => node.op === 'BatchNormalization')).toBe(false);
          const before = await runnable(model, built.store);
          const after = await runnable(result.model, built.store);
          for (const output of await outputErrors(runtime, before, after)) {
            expect(output.sqnrDb).toBeGreaterThan(SAME_SQNR_DB);
          }
        },
      ),
      { numRuns: 120 },
    );
  });

  it.each([
    [
      'several-readers',
      (spec: BuildModel): BuildModel => ({
        ...spec,
        outputs: { y: { dtype: 'f32', shape: null }, z: { dtype: 'f32', shape: null } },
        nodes: [...spec.nodes, { op: 'Relu', inputs: ['v0'], outputs: ['z'] }],
      }),
    ],
    [
      'is-output',
      (spec: BuildModel): BuildModel => ({
        ...spec,
        outputs: { y: { dtype: 'f32', shape: null }, v0: { dtype: 'f32', shape: null } },
      }),
    ],
    [
      'no-layer-before',
      (spec: BuildModel): BuildModel => ({
        ...spec,
        nodes: spec.nodes.map((node) =>
          node.op === 'Conv' ? { op: 'Relu', name: 'r', inputs: ['x'], outputs: ['v0'] } : node,
        ),
      }),
    ],
  ] as const)('says %s where it does not fold', async (code, change) => {
    const { model, store } = buildModel(change(normModel('Conv', 1, 2, true, 3)));
    const result = await runPass(fuseBatchNorm, model, store);
    expect(result.ledger.map((line) => line.code)).toEqual([code]);
    expect(result.model).toBe(model);
  });

  it('leaves a weight that another layer reads as it is for that layer', async () => {
    const spec = normModel('Conv', 1, 2, false, 3);
    const { model, store } = buildModel({
      ...spec,
      outputs: { y: { dtype: 'f32', shape: null }, z: { dtype: 'f32', shape: null } },
      nodes: [...spec.nodes, { op: 'Conv', name: 'other', inputs: ['x', 'w'], outputs: ['z'] }],
    });
    const result = await runPass(fuseBatchNorm, model, store);
    for (const output of await outputErrors(
      runtime,
      await runnable(model, store),
      await runnable(result.model, store),
    )) {
      expect(output.sqnrDb).toBeGreaterThan(SAME_SQNR_DB);
    }
  });
});
