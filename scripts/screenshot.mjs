/**
 * Takes the README's picture of the real studio, the sample open and tuned: `node scripts/screenshot.mjs [light|dark] [WIDTHxHEIGHT] [FILE]`.
 * Needs a build (`npm run build`). Without arguments: light, 1440x900, docs/images/studio.png.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { chromium } from 'playwright';
import { preview } from 'vite';
import { BROWSER_ARGUMENTS, findBrowser } from './browser.mjs';
import { root } from './processes.mjs';

const [scheme = 'light', size = '1440x900', file = join('docs', 'images', 'studio.png')] = process.argv.slice(2);
const [width = 1440, height = 900] = size.split('x').map(Number);
if (scheme !== 'light' && scheme !== 'dark') throw new Error(`Wanted light or dark, not ${scheme}.`);
const path = resolve(root, file);
mkdirSync(dirname(path), { recursive: true });

const server = await preview({ root, preview: { host: '127.0.0.1', port: 4290 } });
const browser = await chromium.launch({ executablePath: findBrowser(), args: BROWSER_ARGUMENTS });
try {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme: scheme, reducedMotion: 'reduce' });
  await page.goto(server.resolvedUrls?.local[0] ?? '');
  await page.getByRole('button', { name: /^Try / }).first().click();
  const phone = width < 700;
  const summary = page.getByRole('region', { name: 'Summary' });
  const settled = () =>
    page.locator('[aria-label=Summary][aria-busy=false]').waitFor({ state: phone ? 'attached' : 'visible' });
  await summary.waitFor();
  const show = async (/** @type {string} */ name) => {
    if (phone) await page.getByRole('tab', { name }).click();
  };
  // A few variants, so that the last chart has something to say.
  await show('Recipe');
  for (const preset of ['int4-block32', 'sparse-2-4', 'float16', 'int8-channel', 'int4-block32']) {
    await page.getByRole('combobox', { name: 'Preset' }).selectOption(preset);
    await settled();
    await page.waitForTimeout(300);
  }
  await show('Layers');
  await page.getByRole('row', { name: 'stage2/residual/conv1', exact: true }).click();
  await show('Charts');
  await page.getByRole('figure', { name: 'Error by layer' }).getByRole('button', { name: /: / }).first().waitFor();
  await page.waitForTimeout(800);
  await page.screenshot({ path });
  console.log(`${path}: ${width} x ${height}, ${scheme}`);
} finally {
  await browser.close();
  await server.close();
}
