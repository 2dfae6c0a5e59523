/** What a person does in the studio, in the words of its roles and labels: the journeys are written with these. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, type Download, type Locator, type Page } from '@playwright/test';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** The sample that our own script trained; also used as a file to drop. */
export const sampleFile = resolve(root, 'public', 'samples', 'digits.onnx');
export const evaluationFile = resolve(root, 'public', 'samples', 'digits-evaluation.npz');

/** Opens the page and waits until the engine has answered. */
export async function openStudio(page: Page): Promise<void> {
  await page.goto('./');
  await expect(page.getByRole('heading', { name: 'Pare', exact: true })).toBeVisible();
  await expect(page.getByText('Starting the engine')).toHaveCount(0);
}

/** A real drop of files from disk onto the middle of the window, as the browser itself would deliver it. */
export async function dropFiles(page: Page, files: readonly string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const { width, height } = page.viewportSize() ?? { width: 800, height: 600 };
  const data = { items: [], files: [...files], dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: width / 2, y: height / 2, data });
  }
  await session.detach();
}

export const summary = (page: Page): Locator => page.getByRole('region', { name: 'Summary' });
export const layers = (page: Page): Locator => page.getByRole('grid', { name: 'Layers' });
export const recipe = (page: Page): Locator => page.getByRole('region', { name: 'Recipe' });

/** The row of one layer, by its exact name. */
export const layerRow = (page: Page, name: string): Locator => layers(page).getByRole('row', { name, exact: true });

export const granularity = (page: Page): Locator => recipe(page).getByRole('slider', { name: 'Granularity' });
export const errorChart = (page: Page): Locator => page.getByRole('figure', { name: 'Error by layer' });

/** The bars of the error chart: buttons labelled `layer: figure`. */
export const errorBars = (page: Page): Locator => errorChart(page).getByRole('button', { name: /: / });

/** Picks one of a row of choices (a segmented control). */
export async function choose(page: Page, group: string, choice: string | RegExp): Promise<void> {
  // The radio itself is drawn by its label, which takes the pointer.
  const choices = page.getByRole('radiogroup', { name: group });
  await choices.locator('label', { hasText: choice }).click();
  await expect(choices.getByRole('radio', { name: choice })).toBeChecked();
}

/** One figure of the summary strip as text, once the preview has settled. */
export async function figure(page: Page, label: string): Promise<string> {
  await settled(page);
  const text = await summary(page).locator('.figure', { hasText: label }).innerText();
  return text.replace(label, '').trim();
}

/** Waits until the preview of the recipe on show has been measured. */
export async function settled(page: Page): Promise<void> {
  await expect(summary(page)).toHaveAttribute('aria-busy', 'false');
}

/** Presses Download and gives what the browser was handed. */
export async function download(page: Page): Promise<{ readonly name: string; readonly bytes: Uint8Array }> {
  const [taken] = await Promise.all([
    page.waitForEvent('download', { timeout: 120_000 }),
    page.getByRole('button', { name: 'Download', exact: true }).click(),
  ]);
  return { name: taken.suggestedFilename(), bytes: await bytesOf(taken) };
}

async function bytesOf(taken: Download): Promise<Uint8Array> {
  return new Uint8Array(readFileSync(await taken.path()));
}
