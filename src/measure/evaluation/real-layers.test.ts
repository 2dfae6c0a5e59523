/** Layer errors of a real model that was quantized statically on its data. */
import { beforeAll, expect, it } from 'vitest';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import type { Samples } from '#data/samples.ts';
import { createEvidence } from '#measure/calibration/evidence-source.ts';
import { runnableModel } from '#measure/calibration/expose.ts';
import { randomFeeds } from '#measure/random-inputs.ts';
import { openOnnxFile } from '#measure/testing/open-fixture.ts';
import { fuseBatchNorm } from '#passes/fuse/batch-norm.ts';
import { anyOptions } from '#passes/index.ts';
import { quantizeStatic } from '#passes/quantize/static.ts';
import { quantizeWeights } from '#passes/quantize/weights.ts';
import { foldConstants } from '#passes/simplify/fold-constants.ts';
import { removeIdentity } from '#passes/simplify/identity.ts';
import { runPass } from '#passes/testing/desk.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { evaluateModels } from './evaluate.ts';
import { layerErrors } from './layers/layer-errors.ts';
import type { ModelWithWeights } from './layers/layer-errors.ts';
import { keywordSamples } from './testing/real-samples.ts';
import { samplesFrom } from './testing/samples.ts';

function range(samples: Samples, from: number, to: number): Samples {
  return {
    ...samples,
    length: to - from,
    fingerprint: `${samples.fingerprint} ${from}`,
    read: (index, signal) => samples.read(from + index, signal),
  };
}

describeWithTestdata('layers of the keyword model', () => {
  let runtime: Runtime;
  let before: ModelWithWeights;
  let after: ModelWithWeights;
  let samples: Samples;
  beforeAll(async () => {
    runtime = await openOnnxruntimeNode();
    const { model: opened, store: weights } = await openOnnxFile(
      testdata('models/mlperf_tiny_kws/kws_from_savedmodel.onnx'),
    );
    let model = opened;
    for (const pass of [anyOptions(foldConstants), anyOptions(removeIdentity), anyOptions(fuseBatchNorm)]) {
      ({ model } = await runPass(pass, model, weights));
    }
    const input = model.graph.values.get(model.graph.inputs[0]!)!.name;
    const all = keywordSamples(input);
    samples = range(all, 100, 1000);
    const openRuntime = async () => ({ runtime, end: () => {} });
    const source = createEvidence({ samples: range(all, 0, 100), openRuntime });
    const evidence = source.about(model, weights, {});
    const quantized = await runPass(quantizeStatic, model, weights, {}, { evidence });
    before = { model, weights };
    after = { model: quantized.model, weights };
  });

  it('keeps the accuracy within 0.3 points on samples that it was not calibrated on', async () => {
    const [one, other] = [
      await runtime.load(await runnableModel(before.model, before.weights, 'before.onnx')),
      await runtime.load(await runnableModel(after.model, after.weights, 'after.onnx')),
    ];
    const evaluation = await evaluateModels({ before: one, after: other, samples, runtime: runtime.description });
    expect(evaluation.before.samples).toBe(900);
    expect(Math.abs(evaluation.paired?.differencePoints ?? NaN)).toBeLessThanOrEqual(0.3);
    await one.close();
    await other.close();
  });

  it('has the same errors however the runtime rewrites the graph', async () => {
    const work = { before, after, samples, count: 20 };
    const optimized = await layerErrors({ ...work, runtime });
    const asWritten = await layerErrors({
      ...work,
      runtime: await openOnnxruntimeNode({ optimization: 'disabled' }),
    });
    const inWeb = await layerErrors({ ...work, runtime: await openOnnxruntimeWeb(), budgetBytes: 200_000 });
    expect(optimized.notices).toEqual([]);
    expect(optimized.layers.length).toBeGreaterThanOrEqual(11);
    for (const [i, layer] of optimized.layers.entries()) {
      for (const other of [asWritten.layers[i]!, inWeb.layers[i]!]) {
        expect(other.layer).toBe(layer.layer);
        expect(other.alone.sqnrDb, layer.layer).toBeCloseTo(layer.alone.sqnrDb, 1);
        expect(other.weightRounding?.sqnrDb ?? 0, layer.layer).toBeCloseTo(layer.weightRounding?.sqnrDb ?? 0, 1);
        expect(other.activationRounding?.sqnrDb, layer.layer).toBeCloseTo(layer.activationRounding?.sqnrDb ?? NaN, 1);
      }
    }
  });

  it('has errors of eight bits alone, and more with all layers before it quantized', async () => {
    const { layers } = await layerErrors({ before, after, samples, count: 20, runtime });
    for (const { layer, alone, weightRounding, activationRounding } of layers) {
      expect(alone.sqnrDb, layer).toBeGreaterThan(25);
      expect(alone.sqnrDb, layer).toBeLessThan(60);
      if (weightRounding !== null) expect(weightRounding.sqnrDb, layer).toBeGreaterThan(alone.sqnrDb - 1);
      expect(activationRounding?.sqnrDb, layer).toBeGreaterThan(alone.sqnrDb - 1);
    }
    const convolutions = layers.filter((layer) => layer.op === 'Conv');
    const [first] = convolutions;
    const last = convolutions.at(-1);
    // Nothing before the first is quantized but its own input: integers and floats agree.
    expect(first?.cumulative?.sqnrDb).toBeCloseTo(first?.alone.sqnrDb ?? NaN, 0);
    expect(last?.cumulative?.sqnrDb).toBeLessThan((last?.alone.sqnrDb ?? NaN) - 3);
  });
});

describeWithTestdata('layers of a model with branches and state', () => {
  it('silero_vad: layers outside the branches are measured, its state carried', async () => {
    const runtime = await openOnnxruntimeNode();
    const { model, store: weights } = await openOnnxFile(testdata('models/silero_vad/silero_vad_16k_op15.onnx'));
    const session = await runtime.load(await runnableModel(model, weights, 'before.onnx'));
    const dims = new Map([
      ['input:1', 576],
      ['state:1', 1],
    ]);
    const { feeds } = randomFeeds(session.inputs, { runs: 4, seed: 2, dims });
    await session.close();
    const list = feeds.map((feed, i) => ({ name: `window ${i}`, feeds: feed, classes: null, sequence: 'noise' }));
    const { model: quantized } = await runPass(quantizeWeights, model, weights);
    const { layers } = await layerErrors({
      before: { model, weights },
      after: { model: quantized, weights },
      samples: samplesFrom(list, new Map([['state', 'stateN']])),
      runtime,
    });
    expect(layers.map((layer) => layer.op)).toEqual(['Conv', 'Conv', 'Conv', 'Conv', 'Conv']);
    for (const { layer, alone, cumulative } of layers) {
      expect(alone.sqnrDb, layer).toBeGreaterThan(20);
      expect(cumulative?.sqnrDb, layer).toBeGreaterThan(20);
    }
  });
});
