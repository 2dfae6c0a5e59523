/**
 * The built studio under a person's hands: a 25-million-parameter model dropped on it, the granularity slider moved through
 * its whole range and the bits changed, while the browser reports every task that kept the page busy for 50 ms or more.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium, expect, type Page } from '@playwright/test';
import { build, preview } from 'vite';
import { BROWSER_ARGUMENTS, findBrowser } from '#scripts/browser.mjs';
import { joinChunks } from '#base/bytes.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import { resnetShape } from './studio/resnet-shape.ts';
import type { BenchRow } from './row.ts';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));
/** Left and right through tensor, channel and the five block sizes, twice. */
const MOVES = 24;

declare global {
  // A page global is declared with var.
  var longTasksMs: number[] | undefined;
}

export async function run(): Promise<readonly BenchRow[]> {
  const folder = mkdtempSync(join(tmpdir(), 'pare-responsive-'));
  const { model, store } = resnetShape();
  const [file] = await writeOnnx(model, store, { path: 'resnet-shape.onnx' });
  if (file === undefined) throw new Error('nothing was written');
  const path = join(folder, 'resnet-shape.onnx');
  writeFileSync(path, await joinChunks(file.chunks));
  const dist = join(folder, 'dist');
  await build({ root, logLevel: 'error', build: { outDir: dist } });
  const server = await preview({
    root,
    logLevel: 'error',
    build: { outDir: dist },
    preview: { host: '127.0.0.1', port: 0 },
  });
  const browser = await chromium.launch({ executablePath: findBrowser(), args: BROWSER_ARGUMENTS });
  try {
    const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    await page.goto(server.resolvedUrls?.local[0] ?? '');
    await page.getByText('Starting the engine').waitFor({ state: 'hidden' });
    await watchLongTasks(page);
    await drop(page, path);
    await page.getByRole('grid', { name: 'Layers' }).waitFor();
    await settled(page);
    const whileOpening = await takeLongTasks(page);
    const slider = page.getByRole('region', { name: 'Recipe' }).getByRole('slider', { name: 'Granularity' });
    const times: number[] = [];
    // Once through without counting, as code that runs for the first time is also compiled.
    for (let move = -MOVES / 2; move < MOVES; move++) {
      if (move === 0) await takeLongTasks(page);
      const forwards = Math.floor((move + MOVES) / 6) % 2 === 0;
      const startedAt = performance.now();
      await slider.press(forwards ? 'ArrowRight' : 'ArrowLeft');
      await settled(page);
      if (move >= 0) times.push(performance.now() - startedAt);
    }
    const whileMoving = await takeLongTasks(page);
    const median = times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? null;
    const what = `25.5 M parameters, 122 layers, ${String(MOVES)} moves of the granularity slider in the built studio, 1440 x 900`;
    return [
      {
        name: 'studio: longest task while the slider moves',
        value: Math.max(0, ...whileMoving),
        unit: 'ms',
        limit: { atMost: 50 },
        method: `${what}; Long Tasks API, which reports tasks from 50 ms on: 0 is none`,
      },
      {
        name: 'studio: longest task while the model opens',
        value: Math.max(0, ...whileOpening),
        unit: 'ms',
        method: `${what}; from the drop to the first figures; Long Tasks API, 0 is none`,
      },
      {
        name: 'studio: key press to new figures',
        value: median,
        unit: 'ms',
        method: `${what}; median, seen from outside`,
      },
    ];
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true });
  }
}

async function watchLongTasks(page: Page): Promise<void> {
  await page.evaluate(() => {
    globalThis.longTasksMs = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.longTasksMs?.push(entry.duration);
    }).observe({ type: 'longtask' });
  });
}

async function takeLongTasks(page: Page): Promise<readonly number[]> {
  // Entries are delivered a little after the task.
  await page.waitForTimeout(300);
  return page.evaluate(() => globalThis.longTasksMs?.splice(0) ?? []);
}

async function settled(page: Page): Promise<void> {
  await expect(page.getByRole('region', { name: 'Summary' })).toHaveAttribute('aria-busy', 'false');
}

async function drop(page: Page, path: string): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 720, y: 450, data });
  }
  await session.detach();
}
