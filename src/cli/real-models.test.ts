/**
 * The presets on real models: each result loads and runs in onnxruntime for Node and for the web, the round trip changes no
 * bit, and a classifier keeps its accuracy at 8 bits.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { top1Accuracy } from '#measure/accuracy.ts';
import type { CompleteBackend } from '#kernels/kernels.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import { openBackendForNode } from './backend.ts';
import { mnistDigits, REAL_MODELS } from './testing/real-models.ts';
import { openBench, TRIED_PRESETS } from './testing/trial.ts';
import type { Bench } from './testing/trial.ts';
import { runForTest } from './testing/run.ts';

/**
 * Below this SQNR of the worst output, rounding weights is not what went wrong. Eight bits lose little; pruning half of all
 * weights without training may leave nothing of the output, which is what the table in docs/results.md shows.
 */
const LEAST_OUTPUT_SQNR_DB: Readonly<Record<string, number>> = { 'int8-channel': 5, float16: 20 };

describeWithTestdata('presets on real models', () => {
  let node: Runtime;
  let runtimes: readonly Runtime[];
  let backend: CompleteBackend;
  beforeAll(async () => {
    node = await openOnnxruntimeNode();
    runtimes = [node, await openOnnxruntimeWeb()];
    backend = await openBackendForNode();
  });
  afterAll(() => backend.close());

  describe.each(REAL_MODELS)('$name', (model) => {
    let bench: Bench;
    beforeAll(async () => {
      bench = await openBench(model, runtimes, backend);
    });
    afterAll(() => bench.close());

    it('is inspected', async () => {
      const { code, out } = await runForTest('inspect', testdata(model.path), '--json');
      expect(code).toBe(0);
      const summary = JSON.parse(out);
      expect(summary.format).toBe('onnx');
      expect(summary.bytes).toBe(bench.open.fileBytes);
      expect(summary.parameters).toBeGreaterThan(5000);
      expect(summary.layers.length).toBeGreaterThan(10);
      expect(summary.macs === null || summary.macs > 1000).toBe(true);
    });

    it.each(TRIED_PRESETS)('%s loads and runs in every runtime', async (preset) => {
      const { optimized, outputs } = await bench.try(preset);
      for (const [runtime, compared] of outputs) {
        expect(compared.notices, runtime).toEqual([]);
        expect(compared.outputs.length).toBe(bench.open.model.graph.outputs.length);
        for (const output of compared.outputs) {
          const where = `${output.name} in ${runtime}`;
          expect(output.count, where).toBeGreaterThan(0);
          expect(output.notFinite, where).toEqual({ original: 0, result: 0 });
          expect(Number.isFinite(output.mse) && Number.isFinite(output.cosine), where).toBe(true);
          if (preset === 'none') expect(output.maxAbs, where).toBe(0);
          expect(output.sqnrDb, where).toBeGreaterThan(LEAST_OUTPUT_SQNR_DB[preset] ?? -Infinity);
        }
      }
      const { before, after, layers } = optimized.report;
      if (preset === 'none') return;
      expect(layers.some((layer) => layer.error !== null)).toBe(true);
      if (preset === 'sparse-2-4') return;
      expect(after.weightBytes.value).toBeLessThan(before.weightBytes.value);
    });
  });

  it('keeps the accuracy of the MNIST CNN within 0.2 points at 8 bits', async () => {
    const model = REAL_MODELS.find((candidate) => candidate.name === 'MNIST CNN');
    if (model === undefined) throw new Error('no model');
    const bench = await openBench(model, [node], backend);
    const { images, labels } = mnistDigits();
    const name = 'Input3';
    const examples = images.map((image, i) => ({ feeds: new Map([[name, image]]), label: labels[i] ?? -1 }));
    const accuracyOf = async (preset: string): Promise<number> => {
      const session = await node.load((await bench.try(preset)).runnable);
      const { share } = await top1Accuracy(session, examples);
      await session.close();
      return 100 * share;
    };
    const original = await accuracyOf('none');
    const quantized = await accuracyOf('int8-channel');
    await bench.close();
    expect(original).toBeCloseTo(98.4, 1);
    expect(Math.abs(quantized - original)).toBeLessThanOrEqual(0.2);
  });
});
