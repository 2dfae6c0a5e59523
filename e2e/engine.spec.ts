/** The engine in a real browser, without the studio's page: its workers, its private file system and its runtime. */
import { expect, test, type Page } from '@playwright/test';
import type { Recipe } from '#recipes/recipe.ts';
import type { LayerResult } from '#studio/jobs.ts';
import type {} from './engine/page.ts';
import { serveEngine, type EngineServer } from './engine-server.ts';
import { sampleFile } from './studio.ts';

let server: EngineServer;

test.beforeAll(async () => {
  server = await serveEngine();
});

test.afterAll(() => server.close());

const int8: Recipe = {
  version: 1,
  name: 'int8',
  steps: [{ pass: 'quantize/weights', options: { bits: 8, granularity: 'channel', minimumElements: 0 } }],
};

async function openSample(page: Page): Promise<string> {
  await page.goto(server.address);
  await page.waitForFunction(() => 'enginePage' in globalThis);
  await page.setInputFiles('#model', process.env['PARE_E2E_MODEL'] ?? sampleFile);
  return page.evaluate(async () => {
    const { client, dropped } = globalThis.enginePage;
    return (await client.call('open', { files: dropped() })).id;
  });
}

test('opens, previews, optimizes, compares and saves', async ({ page }) => {
  const modelId = await openSample(page);
  const info = await page.evaluate(() => globalThis.enginePage.client.call('info', {}));
  expect(info.backend.name).toBe('wasm');
  expect(info.backend.threads).toBeGreaterThan(0);

  const input = { modelId, recipe: int8 };
  const preview = await page.evaluate((asked) => globalThis.enginePage.client.call('preview', asked), input);
  const measured = preview.layers.filter((layer) => layer.error !== null);
  expect(measured.length).toBeGreaterThan(0);

  const result = await page.evaluate((asked) => globalThis.enginePage.client.call('optimize', asked), input);
  const errors = (layers: readonly LayerResult[]): object =>
    Object.fromEntries(layers.map((layer) => [layer.layer, [layer.error, layer.bytesAfter]]));
  expect(errors(result.report.layers)).toEqual(errors(preview.layers));

  const [layer] = measured;
  const histogram = await page.evaluate((asked) => globalThis.enginePage.client.call('histogram', asked), {
    ...input,
    layer: layer?.layer ?? '',
    bins: 64,
    row: 0,
  });
  expect(histogram.grid.length).toBeGreaterThan(1);

  const saved = await page.evaluate(
    async (asked) => {
      const { client } = globalThis.enginePage;
      const answer = await client.call('save', { ...asked, verify: true });
      const heads = await Promise.all(answer.files.map(async ({ blob }) => (await blob.arrayBuffer()).byteLength));
      return { ...answer, heads };
    },
    { modelId, resultId: result.resultId },
  );
  expect(saved.notVerified).toBeUndefined();
  expect(saved.verified?.runtime).toContain('onnxruntime-web');
  for (const output of saved.verified?.outputs ?? []) expect(output.cosine).toBeGreaterThan(0.99);
  expect(saved.heads).toEqual(saved.files.map((file) => file.sizeBytes));
  expect(saved.heads[0]).toBe(result.report.after.fileBytes.value);
  expect(saved.zippedBytes?.value).toBeGreaterThan(0);
});

test('a model is there again after a reload, until it is closed', async ({ page }) => {
  const modelId = await openSample(page);
  await page.reload();
  await page.waitForFunction(() => 'enginePage' in globalThis);
  const restore = (): Promise<string[]> =>
    page.evaluate(async () => (await globalThis.enginePage.client.call('restore', {})).map((model) => model.id));
  expect(await restore()).toEqual([modelId]);
  await page.evaluate((id) => globalThis.enginePage.client.call('close', { modelId: id }), modelId);
  await page.reload();
  await page.waitForFunction(() => 'enginePage' in globalThis);
  expect(await restore()).toEqual([]);
});

test('a refusal keeps its parts, and open models stay open', async ({ page }) => {
  const modelId = await openSample(page);
  const refusal = await page.evaluate(async () => {
    const file = new File(['not a model'], 'letter.onnx');
    try {
      await globalThis.enginePage.client.call('open', { files: [{ path: 'letter.onnx', file }] });
      return null;
    } catch (error) {
      return { ...(error as { parts?: object }).parts };
    }
  });
  expect(refusal).toMatchObject({ file: 'letter.onnx' });
  const preview = await page.evaluate((asked) => globalThis.enginePage.client.call('preview', asked), {
    modelId,
    recipe: int8,
  });
  expect(preview.layers.length).toBeGreaterThan(0);
});

test('another backend gives the same figures, and says which it is', async ({ page }) => {
  const modelId = await openSample(page);
  const figures = new Map<string, readonly (number | undefined)[]>();
  for (const backend of ['wasm', 'reference', 'webgpu'] as const) {
    const info = await page.evaluate((asked) => globalThis.enginePage.client.call('info', asked), { backend });
    expect(info.backend.description).not.toBe('');
    const asked = { modelId, recipe: int8 };
    const preview = await page.evaluate((input) => globalThis.enginePage.client.call('preview', input), asked);
    figures.set(
      backend,
      preview.layers.map((layer) => layer.error?.sqnrDb),
    );
  }
  const [first, ...others] = figures.values();
  for (const other of others) {
    // Levels are equal to the bit; sums are added in another order, and WebGPU adds some of them in float32.
    for (const [index, sqnrDb] of other.entries()) {
      if (sqnrDb !== undefined) expect(sqnrDb).toBeCloseTo(first?.[index] ?? Number.NaN, 3);
    }
  }
});

test('a cancelled preview is answered at once, and the next one works', async ({ page }) => {
  const modelId = await openSample(page);
  const outcome = await page.evaluate(
    async (asked) => {
      const { client } = globalThis.enginePage;
      const controller = new AbortController();
      const first = client.call('preview', asked, { signal: controller.signal }).then(
        () => 'answered',
        (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
      );
      controller.abort();
      const next = await client.call('preview', asked);
      return { first: await first, layers: next.layers.length };
    },
    { modelId, recipe: int8 },
  );
  expect(outcome.first).toBe('Cancelled');
  expect(outcome.layers).toBeGreaterThan(0);
});
