/**
 * Retuning a 25-million-parameter model: the time from a changed option to all per-layer errors on the page, against one
 * stream read of the same weights in the same page, and the longest time in which the page could not react.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { joinChunks } from '#base/bytes.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { BenchRow } from './row.ts';
import { openBenchPage } from './studio/engine.ts';
import { resnetShape } from './studio/resnet-shape.ts';

const ROUNDS = 5;

const SETTINGS: readonly Record<string, unknown>[] = [
  { bits: 8, granularity: 'channel' },
  { bits: 4, granularity: 'channel' },
  { bits: 8, granularity: 'tensor' },
  { bits: 4, granularity: 'block', block: 32 },
  { bits: 4, granularity: 'block', block: 128 },
];

function recipeOf(options: Record<string, unknown>): Recipe {
  return { version: 1, name: 'retune', steps: [{ pass: 'quantize/weights', options }] };
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;

export async function run(): Promise<BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pare-retune-'));
  const { model, store } = resnetShape();
  const [file] = await writeOnnx(model, store, { path: 'resnet-shape.onnx' });
  if (file === undefined) throw new Error('nothing was written');
  writeFileSync(join(folder, 'resnet-shape.onnx'), await joinChunks(file.chunks));
  const bench = await openBenchPage('bench/studio/index.html');
  try {
    const { page } = bench;
    await page.setInputFiles('#model', join(folder, 'resnet-shape.onnx'));
    const opened = await page.evaluate(async () => (await globalThis.engineBench)?.open());
    if (opened === undefined) throw new Error('the bench page has no engine');
    const preview = (recipe: Recipe): Promise<{ ms: number; errors: number; blockMs: number }> =>
      page.evaluate(
        async ({ modelId, recipe: asked }) => {
          const engine = await globalThis.engineBench;
          if (engine === undefined) throw new Error('no engine');
          await engine.longestBlockMs();
          const { ms, preview: result } = await engine.preview(modelId, asked);
          const errors = result.layers.filter((layer) => layer.error !== null).length;
          return { ms, errors, blockMs: await engine.longestBlockMs() };
        },
        { modelId: opened.modelId, recipe },
      );
    const read = (): Promise<number> =>
      page.evaluate(
        async (count) => Math.min(...((await (await globalThis.engineBench)?.streamReadMs(count, 3)) ?? [NaN])),
        opened.parameters,
      );
    // Everything once first: weights are read from the file and extremes found, as when a model was just opened.
    const first = await preview(recipeOf(SETTINGS[0] ?? {}));
    for (const options of SETTINGS) await preview(recipeOf(options));
    const reads: number[] = [];
    const times = SETTINGS.map((): number[] => []);
    let blockMs = 0;
    for (let round = 0; round < ROUNDS; round++) {
      reads.push(await read());
      for (const [index, options] of SETTINGS.entries()) {
        const result = await preview(recipeOf(options));
        times[index]?.push(result.ms);
        blockMs = Math.max(blockMs, result.blockMs);
        if (result.errors < 54) throw new Error(`only ${String(result.errors)} layers were measured`);
      }
    }
    const readMs = median(reads);
    const method = `${(opened.parameters / 1e6).toFixed(1)} M parameters, ${String(opened.layers)} layers, median of ${String(ROUNDS)}; call to answer on the page against one stream read of all weights by one thread (${readMs.toFixed(1)} ms)`;
    return [
      ...SETTINGS.map((options, index) => ({
        name: `retune to ${Object.values(options).join(' ')}`,
        value: median(times[index] ?? []) / readMs,
        unit: 'x',
        limit: { atMost: 6 },
        method,
      })),
      {
        name: 'retune: longest block of the page',
        value: blockMs,
        unit: 'ms',
        limit: { atMost: 50 },
        method: 'messages to itself every ms',
      },
      {
        name: 'retune: first preview after opening',
        value: first.ms,
        unit: 'ms',
        method: 'weights read from the file',
      },
      {
        name: 'retune: open',
        value: opened.openMs,
        unit: 'ms',
        method: `${(file.sizeBytes / 1e6).toFixed(0)} MB dropped`,
      },
    ];
  } finally {
    await bench.close();
    rmSync(folder, { recursive: true });
  }
}
