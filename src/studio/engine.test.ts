import { describe, expect, it } from 'vitest';
import { joinChunks } from '#base/bytes.ts';
import { Cancelled } from '#base/failure.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { referenceBackend } from '#kernels/reference/index.ts';
import type { Recipe } from '#recipes/recipe.ts';
import { smallModel } from '#recipes/testing/small-model.ts';
import { hostOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { createEngine, type Engine, type EngineParts } from './engine.ts';
import type { DroppedFile } from './jobs.ts';
import { createMemoryShelf } from './shelf.ts';

const quiet = { signal: new AbortController().signal, onProgress: () => undefined };

function engine(change: Partial<EngineParts> = {}): Engine {
  return createEngine({
    openBackend: async () => ({ backend: referenceBackend(), threads: 1 }),
    openRuntime: hostOnnxruntimeNode,
    decode: null,
    openShelf: async () => createMemoryShelf(),
    ...change,
  });
}

async function droppedModel(): Promise<DroppedFile> {
  const { model, weights } = smallModel();
  const [file] = await onnx.write(model, weights, { path: 'small.onnx' });
  if (file === undefined) throw new Error('nothing was written');
  return { path: 'small.onnx', file: new Blob([(await joinChunks(file.chunks)) as Uint8Array<ArrayBuffer>]) };
}

const int8: Recipe = {
  version: 1,
  name: 'int8',
  steps: [{ pass: 'quantize/weights', options: { bits: 8, granularity: 'channel', minimumElements: 0 } }],
};

describe('the engine', () => {
  it('opens, previews, optimizes, compares and saves', async () => {
    const jobs = engine();
    const summary = await jobs.open({ files: [await droppedModel()] }, quiet);
    expect(summary).toMatchObject({
      name: 'small',
      format: 'onnx',
      kept: true,
      parameters: 216 + 8 + 512 * 64 + 64 * 64,
    });
    expect(summary.layers.map((layer) => layer.name)).toEqual(['conv', 'relu', 'flatten', 'fc1', 'fc2', 'again']);
    const modelId = summary.id;

    const preview = await jobs.preview({ modelId, recipe: int8 }, quiet);
    const result = await jobs.optimize({ modelId, recipe: int8 }, quiet);
    expect(preview.layers).toEqual(result.report.layers);
    expect(preview.weightBytesAfter).toBe(result.report.after.weightBytes.value);
    expect(preview.weightSqnrDb).toBe(result.report.after.weightSqnr?.value);
    // The graph around the weights grows by a few nodes, which a preview does not count.
    expect(Math.abs(preview.fileBytesAfter - result.report.after.fileBytes.value)).toBeLessThan(1000);

    const { resultId } = result;
    const compared = await jobs.compare({ modelId, resultId, runs: 3, seed: 7 }, quiet);
    expect(compared.method).toContain('3 runs');
    expect(compared.outputs[0]?.sqnrDb).toBeGreaterThan(30);

    const saved = await jobs.save({ modelId, resultId, verify: true }, quiet);
    expect(saved.files.map((file) => file.path)).toEqual(['small.pared.onnx']);
    expect(saved.files[0]?.blob.size).toBe(result.report.after.fileBytes.value);
    expect(saved.notVerified).toBeUndefined();
    expect(saved.verified?.outputs[0]?.cosine).toBeGreaterThan(0.999);
    expect(saved.zippedBytes?.value).toBeGreaterThan(0);
  });

  it('hands a round trip over byte for byte in its weights', async () => {
    const jobs = engine();
    const { id: modelId } = await jobs.open({ files: [await droppedModel()] }, quiet);
    const { resultId } = await jobs.optimize({ modelId, recipe: { version: 1, name: 'none', steps: [] } }, quiet);
    const saved = await jobs.save({ modelId, resultId, verify: true }, quiet);
    expect(saved.verified?.outputs[0]).toMatchObject({ maxAbs: 0, sqnrDb: Infinity });
  });

  it('keeps models for the next visit, until they are closed', async () => {
    const shelf = createMemoryShelf();
    const file = await droppedModel();
    const { id } = await engine({ openShelf: async () => shelf }).open({ files: [file] }, quiet);
    const next = engine({ openShelf: async () => shelf });
    const restored = await next.restore({}, quiet);
    expect(restored.map((summary) => [summary.id, summary.kept])).toEqual([[id, true]]);
    expect((await next.preview({ modelId: id, recipe: int8 }, quiet)).layers.length).toBe(6);
    await next.close({ modelId: id }, quiet);
    expect(await engine({ openShelf: async () => shelf }).restore({}, quiet)).toEqual([]);
    await expect(next.preview({ modelId: id, recipe: int8 }, quiet)).rejects.toThrow('no longer open');
  });

  it('says when a model cannot be kept', async () => {
    const full = engine({ openShelf: async () => createMemoryShelf(10) });
    const summary = await full.open({ files: [await droppedModel()] }, quiet);
    expect(summary.kept).toBe(false);
    expect(summary.notices.find((notice) => notice.code === 'studio/not-kept')?.text).toContain('not enough room');
    const none = engine({ openShelf: async () => null });
    expect((await none.open({ files: [await droppedModel()] }, quiet)).kept).toBe(false);
    expect(await none.restore({}, quiet)).toEqual([]);
  });

  it('draws the levels of the channel that is shown', async () => {
    const jobs = engine();
    const { id: modelId } = await jobs.open({ files: [await droppedModel()] }, quiet);
    const wish = { modelId, layer: 'fc1', recipe: int8, bins: 32 };
    const whole = await jobs.histogram({ ...wish, row: null }, quiet);
    expect(whole).toMatchObject({ weight: 'fc1.w', rows: 64, row: null, count: 512 * 64, grid: [] });
    const one = await jobs.histogram({ ...wish, row: 3 }, quiet);
    expect(one).toMatchObject({ rows: 64, row: 3, count: 512 });
    expect(one.counts.reduce((sum, count) => sum + count, 0)).toBe(512);
    expect(one.gridLabel).toMatch(/^channel 4 of 64, scale 0\.0/);
    const step = (one.grid[1] ?? 0) - (one.grid[0] ?? 0);
    expect(one.grid.length).toBeGreaterThan(200);
    // Absmax over 127 levels a side.
    expect(step).toBeCloseTo(Math.max(-one.low, one.high) / 127, 5);
    expect(one.grid.some((level) => level === 0)).toBe(true);
  });

  it('shows a shared weight the same for every layer that reads it', async () => {
    const jobs = engine();
    const { id: modelId } = await jobs.open({ files: [await droppedModel()] }, quiet);
    const wish = { modelId, recipe: int8, bins: 16, row: 1 };
    const owner = await jobs.histogram({ ...wish, layer: 'fc2' }, quiet);
    expect(await jobs.histogram({ ...wish, layer: 'again' }, quiet)).toEqual({ ...owner, layer: 'again' });
  });

  it('refuses a recipe that is not sound before anything runs', async () => {
    const jobs = engine();
    const { id: modelId } = await jobs.open({ files: [await droppedModel()] }, quiet);
    const recipe: Recipe = { version: 1, name: 'mine', steps: [{ pass: 'quantize/weights', options: { bits: 3 } }] };
    for (const job of ['preview', 'optimize'] as const) {
      await expect(jobs[job]({ modelId, recipe }, quiet)).rejects.toThrow('recipe "mine": Step 1 (quantize/weights)');
    }
  });

  it('stops when it is cancelled, and works on', async () => {
    const jobs = engine();
    const { id: modelId } = await jobs.open({ files: [await droppedModel()] }, quiet);
    const controller = new AbortController();
    const call = jobs.preview({ modelId, recipe: int8 }, { ...quiet, signal: controller.signal });
    controller.abort();
    await expect(call).rejects.toBeInstanceOf(Cancelled);
    expect((await jobs.preview({ modelId, recipe: int8 }, quiet)).layers.length).toBe(6);
  });

  it('computes again what it shared with a job that was cancelled', async () => {
    const plain = referenceBackend();
    let cancelled = false;
    const absMax: typeof plain.kernels.absMax = (x) => {
      if (cancelled) return plain.kernels.absMax(x);
      cancelled = true;
      return Promise.reject(new Cancelled());
    };
    const backend = { ...plain, kernels: { ...plain.kernels, absMax } };
    const jobs = engine({ openBackend: async () => ({ backend, threads: 1 }) });
    const { id: modelId } = await jobs.open({ files: [await droppedModel()] }, quiet);
    expect((await jobs.preview({ modelId, recipe: int8 }, quiet)).layers.length).toBe(6);
    expect(cancelled).toBe(true);
  });

  it('tells what there is to choose from', async () => {
    const info = await engine().info({}, quiet);
    expect(info.backend).toEqual({ name: 'reference', description: 'Plain TypeScript, one thread.', threads: 1 });
    const quantize = info.passes.find((pass) => pass.name === 'quantize/weights');
    expect(quantize?.defaults['bits']).toBe(8);
    expect(quantize?.schema).toMatchObject({ type: 'object' });
    expect(structuredClone(info)).toEqual(info);
  });
});
