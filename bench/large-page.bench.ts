/**
 * The 1.5 GB file dropped on the studio: time from the drop to the first row of the layer table in the built page, and the
 * memory that the page's process, the engine worker included, grew by meanwhile.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBenchPage } from './studio/engine.ts';
import type { BenchRow } from './row.ts';

const SIZE_BYTES = 1.5e9;
/** Memory is read this often while the file opens, and for this long afterwards. */
const SAMPLE_MS = 50;
const SETTLE_MS = 1500;

export async function run(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pare-large-page-'));
  const path = join(folder, 'large.onnx');
  const maker = fileURLToPath(new URL('large/make-large-onnx.ts', import.meta.url));
  execFileSync(process.execPath, ['--import', 'tsx', maker, path, String(SIZE_BYTES)], { stdio: 'inherit' });
  const bench = await openBenchPage('bench/studio/index.html');
  try {
    const { page } = bench;
    await page.evaluate(async () => (await globalThis.engineBench)?.longestBlockMs());
    await page.setInputFiles('#model', path);
    const before = bench.rendererBytes();
    let peak = before;
    const timer = setInterval(() => {
      const now = bench.rendererBytes();
      if (now !== null && peak !== null) peak = Math.max(peak, now);
    }, SAMPLE_MS);
    const opened = await page.evaluate(async () => (await globalThis.engineBench)?.open());
    const blockMs = await page.evaluate(async () => (await globalThis.engineBench)?.longestBlockMs());
    await page.waitForTimeout(SETTLE_MS);
    clearInterval(timer);
    if (opened === undefined || blockMs === undefined) throw new Error('the bench page has no engine');
    const what = `${(SIZE_BYTES / 1e9).toFixed(1)} GB, ${String(opened.layers)} layers, Chromium, file on disk in page cache, once`;
    return [
      {
        name: 'page opens 1.5 GB: layer table',
        value: opened.openMs,
        unit: 'ms',
        limit: { atMost: 2000 },
        method: what,
      },
      {
        name: 'page opens 1.5 GB: memory growth',
        value: before === null || peak === null ? null : (peak - before) / 1e6,
        unit: 'MB',
        limit: { atMost: 100 },
        method:
          before === null
            ? 'not measured: this system shows no memory of other processes'
            : 'peak resident size of the renderer process (page, engine and compute workers) minus before the drop',
      },
      {
        name: 'page opens 1.5 GB: longest block of the page',
        value: blockMs,
        unit: 'ms',
        limit: { atMost: 50 },
        method: what,
      },
    ];
  } finally {
    await bench.close();
    rmSync(folder, { recursive: true });
  }
}
