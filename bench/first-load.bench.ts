/** How much JavaScript a first visit loads before anything is opened: what the page and its workers ask for, gzipped as a server would. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { chromium } from 'playwright';
import { build, preview } from 'vite';
import { BROWSER_ARGUMENTS, findBrowser } from '#scripts/browser.mjs';
import type { BenchRow } from './row.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

export async function run(): Promise<BenchRow[]> {
  await build({ root, logLevel: 'error' });
  const server = await preview({ root, preview: { host: '127.0.0.1', port: 4300 } });
  const browser = await chromium.launch({ executablePath: findBrowser(), args: BROWSER_ARGUMENTS });
  try {
    // The service worker fetches the rest for offline use once the page stands; that is not what a visitor waits for.
    const context = await browser.newContext({ serviceWorkers: 'block' });
    const page = await context.newPage();
    const sizes = new Map<string, Promise<number>>();
    context.on('response', (response) => {
      const type = response.headers()['content-type'] ?? '';
      if (!type.includes('javascript')) return;
      sizes.set(
        response.url(),
        response.body().then((body) => gzipSync(body, { level: 9 }).byteLength),
      );
    });
    await page.goto(server.resolvedUrls?.local[0] ?? '');
    await page.getByRole('button', { name: /^Try / }).first().waitFor();
    await page.waitForLoadState('networkidle');
    const all = await Promise.all([...sizes].map(async ([url, size]) => ({ url, bytes: await size })));
    const inPage = all.filter(({ url }) => !/worker|engine|compute|inference/.test(url));
    const sum = (files: typeof all): number => files.reduce((total, { bytes }) => total + bytes, 0) / 1000;
    return [
      {
        name: 'JavaScript of a first visit, page and workers',
        value: sum(all),
        unit: 'kB',
        limit: { atMost: 200 },
        method: `gzip -9 of ${all.length} files asked for until the welcome screen stands, service worker off`,
      },
      {
        name: 'of which the page itself',
        value: sum(inPage),
        unit: 'kB',
        method: `gzip -9 of ${inPage.length} files`,
      },
    ];
  } finally {
    await browser.close();
    await server.close();
  }
}
