/** The main job by hand: drop a model, tune it, see what it costs, take the worst layer out, download, and open the bytes again. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { expect, test, type Page } from '@playwright/test';
import { hasTestdata, testdata, testdataRequired } from '#base/testing/testdata-place.ts';
import { accuracyOnDigits, relativeDifference } from './judge.ts';
import {
  choose,
  download,
  dropFiles,
  errorBars,
  errorChart,
  figure,
  granularity,
  layerRow,
  layers,
  openStudio,
  recipe,
  sampleFile,
  settled,
} from './studio.ts';

/** Labels of the bars of the error chart, such as `stem: 44.1 dB`; they say what the bars draw. */
async function barLabels(page: Page): Promise<string[]> {
  await settled(page);
  await expect(errorBars(page).first()).toBeVisible();
  return errorBars(page).evaluateAll((bars) => bars.map((bar) => bar.getAttribute('aria-label') ?? ''));
}

test('a dropped model is tuned, measured, downloaded and opened again', async ({ page, context }) => {
  const original = new Uint8Array(readFileSync(sampleFile));
  const accuracyBefore = await accuracyOnDigits(original);
  let worst = '';

  await test.step('drop: layers, sizes and a first measurement appear', async () => {
    await openStudio(page);
    await dropFiles(page, [sampleFile]);
    await expect(layers(page)).toBeVisible();
    await expect(layerRow(page, 'stage2/residual/conv1')).toContainText('Conv');
    expect(await figure(page, 'Weights SQNR')).toMatch(/\d\sdB/);
  });

  await test.step('granularity: tensor is worse than channel, and the chart follows', async () => {
    const byChannel = await barLabels(page);
    const errorByChannel = await figure(page, 'Weights SQNR');
    await granularity(page).press('Home');
    await expect(granularity(page)).toHaveAttribute('aria-valuetext', /tensor/i);
    await expect.poll(() => barLabels(page)).not.toEqual(byChannel);
    const errorByTensor = await figure(page, 'Weights SQNR');
    expect(parseFloat(errorByTensor)).toBeLessThan(parseFloat(errorByChannel));
    await granularity(page).press('ArrowRight');
    await expect.poll(() => barLabels(page)).toEqual(byChannel);
    await granularity(page).press('Home');
  });

  await test.step('the worst layer is taken out by clicking it', async () => {
    await choose(page, 'Order of the layers', 'Worst first');
    const [first = ''] = await barLabels(page);
    worst = first.slice(0, first.lastIndexOf(':'));
    const bar = errorChart(page).getByRole('button', { name: `${worst}:` });
    await bar.click();
    await expect(layerRow(page, worst)).toHaveAttribute('aria-selected', 'true');
    const before = await figure(page, 'Worst layer');
    await bar.click();
    await expect(layerRow(page, worst).getByRole('switch')).toHaveAttribute('aria-checked', 'true');
    await expect.poll(() => figure(page, 'Worst layer')).not.toBe(before);
    await expect(recipe(page)).toContainText('1 layer excluded');
  });

  await test.step('undo brings it back, redo takes it out again', async () => {
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(layerRow(page, worst).getByRole('switch')).toHaveAttribute('aria-checked', 'false');
    await page.getByRole('button', { name: 'Redo' }).click();
    await expect(layerRow(page, worst).getByRole('switch')).toHaveAttribute('aria-checked', 'true');
  });

  await test.step('download: smaller, and onnxruntime reads digits with it', async () => {
    const { name, bytes } = await download(page);
    expect(name).toMatch(/\.onnx$/);
    // The layer left out may hold two fifths of all weights.
    expect(bytes.byteLength).toBeLessThan(0.6 * original.byteLength);
    // Per-tensor int8 weights with the worst layer left in float: a small network keeps its accuracy within two points.
    expect(Math.abs((await accuracyOnDigits(bytes)) - accuracyBefore)).toBeLessThanOrEqual(0.02);
    await expect(page.getByRole('region', { name: 'Model' })).toContainText('onnxruntime');
  });

  await test.step('a variant tried before is one click away', async () => {
    await choose(page, 'Second chart', /^Variants/);
    const variants = page.getByRole('figure', { name: 'Variants tried' }).getByRole('button', { name: /^Variant \d/ });
    await expect.poll(() => variants.count()).toBeGreaterThanOrEqual(2);
    const firstVariant = variants.and(page.getByRole('button', { name: /^Variant 1:/ }));
    await firstVariant.click();
    await settled(page);
    await expect(recipe(page)).not.toContainText('1 layer excluded');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(recipe(page)).toContainText('1 layer excluded');
  });

  await test.step('a reload changes nothing', async () => {
    const before = await figure(page, 'Weights SQNR');
    // What is kept is written a moment after the last change.
    await page.waitForTimeout(1000);
    await page.reload();
    await expect(layers(page)).toBeVisible();
    await expect.poll(() => figure(page, 'Weights SQNR')).toBe(before);
    await expect(recipe(page)).toContainText('1 layer excluded');
  });

  await test.step('and it works without a network', async () => {
    await expect(page.getByText('Works offline')).toBeVisible();
    await context.setOffline(true);
    await page.reload();
    await expect(layers(page)).toBeVisible();
    await page.getByRole('combobox', { name: 'Preset' }).selectOption('int4-block32');
    await expect.poll(() => figure(page, 'File size')).toMatch(/−|-/);
    const { bytes } = await download(page);
    expect(bytes.byteLength).toBeLessThan(original.byteLength);
    await context.setOffline(false);
  });
});

/** Title, files, preset, the largest share of the size that may be left, the largest relative difference of outputs. */
const REAL_MODELS: readonly (readonly [string, readonly string[], string, number, number])[] = [
  [
    'a PyTorch export with initializers as inputs',
    ['models/ultraface/version-RFB-320.onnx'],
    'int8-channel',
    0.5,
    0.15,
  ],
  ['an old CNTK export', ['models/mnist/mnist.onnx'], 'int8-channel', 0.5, 0.05],
  [
    'a model with external data',
    [
      'models/mobilenet_v1_025_224/external_data/model.onnx',
      'models/mobilenet_v1_025_224/external_data/model.onnx.data',
    ],
    'float16',
    0.6,
    0.05,
  ],
];

for (const [title, files, preset, sizeLeft, most] of REAL_MODELS) {
  test(`${title} comes out smaller and runs`, async ({ page }) => {
    test.skip(!hasTestdata && !testdataRequired, 'no test data beside the checkout');
    const paths = files.map(testdata);
    const [main = ''] = paths;
    await openStudio(page);
    await dropFiles(page, paths);
    await expect(layers(page)).toBeVisible();
    await page.getByRole('combobox', { name: 'Preset' }).selectOption(preset);
    await settled(page);
    const { name, bytes } = await download(page);
    expect(name).toContain(basename(main, '.onnx'));
    // One file in, one file out; a model with external data comes back as such, and only its graph is looked at here.
    if (files.length === 1) {
      const original = new Uint8Array(readFileSync(main));
      expect(bytes.byteLength).toBeLessThan(sizeLeft * original.byteLength);
      expect(await relativeDifference(original, bytes)).toBeLessThan(most);
    }
    await expect(page.getByRole('region', { name: 'Model' })).toContainText('onnxruntime');
  });
}
