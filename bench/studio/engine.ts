/** Starts the engine benchmark's page in a real browser, and reads the memory of the process that draws it. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium, type Page } from 'playwright';
import { createServer } from 'vite';
import { BROWSER_ARGUMENTS, findBrowser } from '#scripts/browser.mjs';

export interface BenchPage {
  readonly page: Page;
  /** Resident memory of the renderer processes together, in bytes; null where /proc is not there. */
  rendererBytes(): number | null;
  close(): Promise<void>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

export async function openBenchPage(path: string): Promise<BenchPage> {
  const server = await createServer({
    root,
    logLevel: 'error',
    // Found before the page opens: a dependency found later would reload the page, and its engine, in the middle.
    optimizeDeps: { entries: ['bench/*/index.html', 'workers/*.ts'] },
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
  });
  await server.listen();
  const address = server.resolvedUrls?.local[0];
  if (address === undefined) throw new Error('the benchmark server did not start');
  const browser = await chromium.launch({ executablePath: findBrowser(), args: BROWSER_ARGUMENTS });
  const page = await browser.newPage();
  page.on('pageerror', (error) => console.error(`page: ${error.message}`));
  await page.goto(new URL(path, address).href);
  return {
    page,
    rendererBytes,
    async close() {
      await browser.close();
      await server.close();
    },
  };
}

function rendererBytes(): number | null {
  let total = 0;
  try {
    for (const id of readdirSync('/proc')) {
      if (!/^\d+$/.test(id)) continue;
      try {
        if (!readFileSync(`/proc/${id}/cmdline`, 'utf8').includes('--type=renderer')) continue;
        const pages = Number(readFileSync(`/proc/${id}/statm`, 'utf8').split(' ')[1]);
        total += pages * 4096;
      } catch {
        // The process ended while we looked.
      }
    }
  } catch {
    return null;
  }
  return total === 0 ? null : total;
}
