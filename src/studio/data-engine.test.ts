/** The engine's jobs about data, as the page calls them: on a small model with data made here. */
import { describe, expect, it } from 'vitest';
import { joinChunks } from '#base/bytes.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import { findPreset } from '#recipes/presets.ts';
import type { Recipe } from '#recipes/recipe.ts';
import { smallModel } from '#recipes/testing/small-model.ts';
import { hostOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { writeNpy } from '#wire/npy.ts';
import { createEngine, type Engine } from './engine.ts';
import type { DataChoice, DataSummary, DroppedFile, ModelSummary } from './jobs.ts';

const quiet = { signal: new AbortController().signal, onProgress: () => undefined };
const SAMPLES = 60;

interface Opened {
  readonly engine: Engine;
  readonly model: ModelSummary;
  readonly summary: DataSummary;
  readonly data: DataChoice;
  readonly runtimes: () => number;
}

async function opened(): Promise<Opened> {
  let runtimes = 0;
  const engine = createEngine({
    openBackend: async () => ({ backend: referenceBackend(), threads: 1 }),
    openRuntime: async () => {
      runtimes += 1;
      return hostOnnxruntimeNode();
    },
    decode: null,
    openShelf: async () => null,
  });
  const { model, weights } = smallModel();
  const [file] = await onnx.write(model, weights, { path: 'small.onnx' });
  if (file === undefined) throw new Error('nothing was written');
  const summary = await engine.open({ files: [await dropped('small.onnx', await joinChunks(file.chunks))] }, quiet);
  const input = summary.inputs[0];
  const shape = (input?.shape ?? []).map((size) => (typeof size === 'number' ? size : 1));
  const count = shape.reduce((product, size) => product * size, 1);
  const values = Float32Array.from({ length: SAMPLES * count }, (_, i) => Math.sin(i * 1.7) * 2);
  const rows = writeNpy({ dtype: 'f32', shape: [SAMPLES, ...shape.slice(1)], data: values });
  const labels = writeNpy({
    dtype: 'i64',
    shape: [SAMPLES],
    data: BigInt64Array.from({ length: SAMPLES }, (_, i) => BigInt(i % 2)),
  });
  const files = [await dropped('set/features.npy', rows), await dropped('set/labels.npy', labels)];
  const data = await engine.openData({ modelId: summary.id, files }, quiet);
  return {
    engine,
    model: summary,
    summary: data,
    data: { dataId: data.id, settings: { ...data.settings, split: { calibration: 20, seed: 1 } } },
    runtimes: () => runtimes,
  };
}

async function dropped(path: string, bytes: Uint8Array): Promise<DroppedFile> {
  return { path, file: new Blob([bytes as Uint8Array<ArrayBuffer>]) };
}

function recipeOf(id: string): Recipe {
  const recipe = findPreset(id)?.recipe;
  if (recipe === undefined) throw new Error(`there is no preset ${id}`);
  return recipe;
}

describe('data in the engine', () => {
  it('is opened, fitted, split and shown', async () => {
    const { engine, model, summary, data } = await opened();
    expect(summary.problem).toBeNull();
    expect(summary).toMatchObject({ samples: SAMPLES, labelled: SAMPLES });
    const again = await engine.fitData({ modelId: model.id, ...data }, quiet);
    expect(again).toMatchObject({ calibration: 20, evaluation: 40 });
    const view = await engine.viewSample({ modelId: model.id, ...data, index: 3 }, quiet);
    expect(view.labelText).toContain('1');
    expect(view.inputs[0]?.max).toBeLessThanOrEqual(2);
    await engine.closeData({ dataId: summary.id }, quiet);
    await expect(engine.fitData({ modelId: model.id, ...data }, quiet)).rejects.toThrow('no longer open');
  });

  it('gives ranges once, and figures before and after', async () => {
    const { engine, model, data, runtimes } = await opened();
    const recipe = recipeOf('int8-static');
    await expect(engine.optimize({ modelId: model.id, recipe }, quiet)).rejects.toThrow('no data was given');
    const result = await engine.optimize({ modelId: model.id, recipe, data }, quiet);
    expect(result.report.calibratedOn).toContain('20 of 60 samples');
    const before = runtimes();
    const [first, ...others] = recipe.steps.toReversed();
    const other: Recipe = { ...recipe, steps: [...others.toReversed(), { ...first!, options: { range: 'mse' } }] };
    const second = await engine.optimize({ modelId: model.id, recipe: other, data }, quiet);
    expect(second.resultId).not.toBe(result.resultId);
    expect(runtimes(), 'another method needs no second run').toBe(before);

    const { resultId } = result;
    const evaluation = await engine.evaluate({ modelId: model.id, resultId, data, latency: true }, quiet);
    expect(evaluation.before.samples).toBe(40);
    expect(evaluation.agreement[0]?.sqnrDb).toBeGreaterThan(15);
    expect(evaluation.latency?.after?.runs).toBeGreaterThan(0);
    const layers = await engine.layerErrors({ modelId: model.id, resultId, data, samples: 8 }, quiet);
    expect(layers.layers.length).toBeGreaterThan(0);
    const { views, method } = await engine.activations({ modelId: model.id, recipe, data }, quiet);
    expect(views.length).toBeGreaterThan(0);
    expect(method).toContain('onnxruntime');
    for (const view of views) expect(view.clipped, view.value).toBeLessThan(0.05);
    const [view] = views;
    const histogram = await engine.activationHistogram(
      { modelId: model.id, recipe, data, value: view?.value ?? '', bins: 32 },
      quiet,
    );
    expect(histogram.counts.reduce((sum, count) => sum + count, 0)).toBe(histogram.count);
    expect(histogram.choices.map(({ method: one }) => one)).toContain('entropy');
    const lint = await engine.lint({ modelId: model.id, resultId }, quiet);
    expect(lint.rows.some(({ runs }) => runs === 'integer')).toBe(true);
  });

  it('shows the levels of weights with ranges, and the weights alone without', async () => {
    const { engine, model, data } = await opened();
    const recipe = recipeOf('int8-static');
    const layer = model.layers.find((one) => one.op === 'Conv')?.name ?? '';
    const wish = { modelId: model.id, layer, recipe, bins: 16, row: 0 };
    const alone = await engine.histogram(wish, quiet);
    expect(alone).toMatchObject({ grid: [], gridLabel: 'levels are known once data was calibrated on' });
    const measured = await engine.histogram({ ...wish, data }, quiet);
    expect(measured.grid.length).toBeGreaterThan(10);
    expect(measured.count, 'one channel of many').toBeLessThan(alone.count);
  });
});
