/** Lossy passes see through the Cast that widens a weight of half precision, and leave behind it what they leave alone. */
import { describe, expect, it } from 'vitest';
import { countOf } from '#base/dtype.ts';
import { encodeFloat16 } from '#base/float16.ts';
import { seededRandom } from '#base/random.ts';
import type { Model } from '#ir/model.ts';
import { buildModel } from '#ir/testing/build.ts';
import { outputErrors, runnable } from '#measure/testing/run-model.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { pruneMagnitude } from './prune/magnitude.ts';
import { quantizeDynamic } from './quantize/dynamic.ts';
import { quantizeWeights } from './quantize/weights.ts';
import { runPass } from './testing/desk.ts';

const ELEMENTS = 64 * 64;

function halved() {
  const random = seededRandom(3);
  const half = (shape: readonly number[]) => ({
    dtype: 'f16' as const,
    shape,
    data: Uint16Array.from({ length: countOf(shape) }, () => encodeFloat16(random.normal())),
  });
  return buildModel({
    inputs: { x: { dtype: 'f32', shape: [2, 64] } },
    outputs: { y: { dtype: 'f32', shape: [2, 64] } },
    initializers: { a_f16: half([64, 64]), b_f16: half([64, 64]) },
    nodes: [
      { op: 'Cast', name: 'a_widen', inputs: ['a_f16'], outputs: ['a'], attrs: { to: 1 } },
      { op: 'Cast', name: 'b_widen', inputs: ['b_f16'], outputs: ['b'], attrs: { to: 1 } },
      { op: 'MatMul', name: 'first', inputs: ['x', 'a'], outputs: ['h'] },
      { op: 'MatMul', name: 'second', inputs: ['h', 'b'], outputs: ['y'] },
    ],
  });
}

const opsOf = (model: Model): string[] => model.graph.nodes.map((node) => node.op);

describe('weights of half precision', () => {
  it('are quantized like others, with the sizes of the file in the ledger', async () => {
    const { model, store } = halved();
    const after = await runPass(quantizeWeights, model, store, { bits: 8 });
    expect(opsOf(after.model)).toEqual(['MatMul', 'MatMul']);
    expect(after.ledger.map(({ action, outcome }) => [action, outcome?.bytesBefore])).toEqual([
      ['changed', 2 * ELEMENTS],
      ['changed', 2 * ELEMENTS],
    ]);
    const runtime = await openOnnxruntimeNode();
    const [figures] = await outputErrors(runtime, await runnable(model, store), await runnable(after.model, store));
    expect(figures?.sqnrDb).toBeGreaterThan(30);
  });

  it('stay behind their Cast where a layer is left out', async () => {
    const { model, store } = halved();
    const { model: after } = await runPass(quantizeWeights, model, store, { bits: 8 }, { exclude: ['first'] });
    expect(opsOf(after)).toEqual(['Cast', 'MatMul', 'MatMul']);
    const [cast] = after.graph.nodes;
    expect(cast?.name).toBe('a_widen');
    expect(after.graph.values.get(cast!.outputs[0]!)?.name).toBe('a');
    expect([...after.graph.values.values()].map(({ name }) => name)).not.toContain('b_f16');
  });

  it('are seen by dynamic quantization and by pruning', async () => {
    const first = halved();
    const dynamic = await runPass(quantizeDynamic, first.model, first.store);
    expect(dynamic.ledger.filter(({ action }) => action === 'changed').length).toBeGreaterThanOrEqual(2);
    const second = halved();
    const pruned = await runPass(pruneMagnitude, second.model, second.store);
    expect(pruned.ledger.filter(({ action }) => action === 'changed')).toHaveLength(2);
  });

  it('go back beside the graph that both branches read them from', async () => {
    const branch = (name: string) => ({
      graph: { nodes: [{ op: 'MatMul', name, inputs: ['x', 'w'], outputs: [`${name}_y`] }], outputs: [`${name}_y`] },
    });
    const { model, store } = buildModel({
      inputs: { x: { dtype: 'f32', shape: [2, 64] }, test: { dtype: 'bool', shape: [] } },
      outputs: { y: { dtype: 'f32', shape: [2, 64] } },
      initializers: { w_f16: { dtype: 'f16', shape: [64, 64], data: new Uint16Array(ELEMENTS) } },
      nodes: [
        { op: 'Cast', name: 'w_widen', inputs: ['w_f16'], outputs: ['w'], attrs: { to: 1 } },
        {
          op: 'If',
          name: 'if',
          inputs: ['test'],
          outputs: ['y'],
          attrs: { then_branch: branch('yes'), else_branch: branch('no') },
        },
      ],
    });
    const { model: after } = await runPass(quantizeWeights, model, store, { bits: 8 }, { exclude: ['yes', 'no'] });
    expect(opsOf(after)).toEqual(['Cast', 'If']);
    const session = await (await openOnnxruntimeNode()).load(await runnable(after, store));
    await session.close();
  });

  it('are put back after a preview', async () => {
    const { model, store } = halved();
    const { model: after } = await runPass(quantizeWeights, model, store, { bits: 8 }, { preview: true });
    expect(opsOf(after).toSorted()).toEqual(['Cast', 'Cast', 'MatMul', 'MatMul']);
  });
});
