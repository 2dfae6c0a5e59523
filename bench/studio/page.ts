/** The page of the engine benchmark: the studio's own engine worker behind its own client, and nothing drawn. */
import { createWorkerClient } from '#studio/worker-client.ts';
import { createWasmBackend } from '#kernels/wasm/backend.ts';
import type { Client } from '#studio/client.ts';
import type { Preview } from '#studio/jobs.ts';
import type { Recipe } from '#recipes/recipe.ts';

export interface EngineBench {
  readonly backend: string;
  open(): Promise<{
    readonly modelId: string;
    readonly layers: number;
    readonly parameters: number;
    readonly openMs: number;
  }>;
  /** One preview, timed from the call to the answer on the page. */
  preview(modelId: string, recipe: Recipe): Promise<{ readonly ms: number; readonly preview: Preview }>;
  /** Runs the recipe with ranges measured on so many samples of the data that was chosen; the time in ms. */
  calibrate(modelId: string, recipe: Recipe, samples: number): Promise<number>;
  /** Times of `rounds` reads of `count` float32 in order by one thread (largest magnitude), in ms. */
  streamReadMs(count: number, rounds: number): Promise<readonly number[]>;
  /** Longest time in which the page could not run a task since the last call. */
  longestBlockMs(): Promise<number>;
}

declare global {
  // A page global is declared with var.
  var engineBench: Promise<EngineBench> | undefined;
}

function droppedFiles(selector = '#model'): { path: string; file: File }[] {
  const input = document.querySelector<HTMLInputElement>(selector);
  return Array.from(input?.files ?? [], (file) => ({ path: file.name, file }));
}

/** Watches the event loop: messages to itself, one after the other, and the longest wait between two. */
function watchLoop(): () => Promise<number> {
  let last = performance.now();
  let longest = 0;
  const channel = new MessageChannel();
  channel.port1.onmessage = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    setTimeout(() => channel.port2.postMessage(null), 1);
  };
  channel.port2.postMessage(null);
  return async () => {
    // A task that ended just now is only seen by the next message.
    await new Promise((resolve) => setTimeout(resolve, 10));
    const result = longest;
    longest = 0;
    return result;
  };
}

async function start(): Promise<EngineBench> {
  const worker = new Worker(new URL('../../workers/engine.ts', import.meta.url), { type: 'module' });
  const client: Client = createWorkerClient(worker);
  const info = await client.call('info', {});
  const longestBlockMs = watchLoop();
  return {
    backend: `${info.backend.description} (${String(info.backend.threads)} threads)`,
    longestBlockMs,
    async streamReadMs(count, rounds) {
      const backend = await createWasmBackend({ threads: 1 });
      const data = backend.allocate(count).fill(0.5);
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const startedAt = performance.now();
        await backend.kernels.absMax?.({ data, rows: 1, rowLength: count });
        times.push(performance.now() - startedAt);
      }
      backend.release(data);
      backend.close();
      return times;
    },
    async open() {
      const startedAt = performance.now();
      const summary = await client.call('open', { files: droppedFiles() });
      const openMs = performance.now() - startedAt;
      return { modelId: summary.id, layers: summary.layers.length, parameters: summary.parameters, openMs };
    },
    async calibrate(modelId, recipe, samples) {
      const opened = await client.call('openData', { modelId, files: droppedFiles('#data') });
      const settings = { ...opened.settings, split: { calibration: samples, seed: 1 } };
      const startedAt = performance.now();
      await client.call('optimize', { modelId, recipe, data: { dataId: opened.id, settings } });
      return performance.now() - startedAt;
    },
    async preview(modelId, recipe) {
      const startedAt = performance.now();
      const preview = await client.call('preview', { modelId, recipe });
      return { ms: performance.now() - startedAt, preview };
    },
  };
}

globalThis.engineBench = start();
