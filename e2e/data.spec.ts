/** Real data: features and labels dropped on the keyword model, checked by eye, calibrated on, and accuracy measured before and after. */
import { readFileSync } from 'node:fs';
import { expect, test, type Page } from '@playwright/test';
import { hasTestdata, testdata, testdataRequired } from '#base/testing/testdata-place.ts';
import { accuracyOnKeywords } from './judge.ts';
import { choose, download, dropFiles, layerRow, layers, openStudio, recipe, settled } from './studio.ts';

const MODEL = 'models/mlperf_tiny_kws/kws_from_savedmodel.onnx';
const DATA = ['data/kws01/features_int8.npy', 'data/kws01/labels.npy', 'data/kws01/classes.txt'];

/** The bytes of kws01 are integers of this zero point and scale; the model wants what they stand for. */
const MEAN = 83;
const STD = 1.7102703;

const data = (page: Page) => page.getByRole('region', { name: 'Data', exact: true });
const accuracy = (page: Page) => page.getByRole('table', { name: 'Accuracy', exact: true });
const activationErrors = (page: Page) => page.getByRole('figure', { name: 'Activation error by layer' });

/** Percent of one cell of the accuracy table, such as `91.6 %` before. */
async function percent(page: Page, column: 'before' | 'after'): Promise<number> {
  const cells = accuracy(page)
    .getByRole('row', { name: /^Top-1/ })
    .getByRole('cell');
  return parseFloat(await cells.nth(column === 'before' ? 0 : 1).innerText());
}

/** Presses Optimize and waits until the result has been evaluated as well. */
async function optimize(page: Page): Promise<void> {
  const button = page.getByRole('button', { name: 'Optimize', exact: true });
  await button.click();
  await expect(button).toBeDisabled();
  await expect(button).toBeEnabled({ timeout: 120_000 });
  // Evaluation follows at once; between the two jobs the button may be free for a moment.
  await expect(accuracy(page)).toBeVisible({ timeout: 120_000 });
  await expect(button).toBeEnabled({ timeout: 120_000 });
}

test('features and labels calibrate a static int8 model, and its accuracy is measured', async ({ page }) => {
  test.skip(!hasTestdata && !testdataRequired, 'no test data beside the checkout');
  let worst = '';

  await test.step('data is dropped beside the model and looked at', async () => {
    await openStudio(page);
    await dropFiles(page, [testdata(MODEL)]);
    await expect(layers(page)).toBeVisible();
    await dropFiles(page, DATA.map(testdata));
    await expect(data(page)).toContainText('1000');
    await expect(data(page)).toContainText('12: Down, Go');
    await page.getByRole('textbox', { name: 'Mean' }).fill(String(MEAN));
    await page.getByRole('textbox', { name: 'Deviation' }).fill(String(STD));
    const sample = page.getByRole('region', { name: 'Sample' });
    await expect(sample.getByRole('img', { name: /as the network sees it/ })).toBeVisible();
    const values = page.getByLabel(/^Values of /);
    await expect(values).toContainText(/-\d/);
    const first = await values.innerText();
    await sample.getByRole('button', { name: 'Next sample' }).click();
    await expect.poll(() => values.innerText()).not.toBe(first);
  });

  await test.step('the settings are in the recipe, and undo takes them back', async () => {
    const deviation = page.getByRole('textbox', { name: 'Deviation' });
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect(deviation).not.toHaveValue(String(STD));
    await page.getByRole('button', { name: 'Redo' }).click();
    await expect(deviation).toHaveValue(String(STD));
  });

  await test.step('the original alone tells whether the preparation is right', async () => {
    await page.getByRole('button', { name: 'Evaluate the original' }).click();
    await expect(data(page).getByRole('status')).toContainText(/9\d\.\d\s%\s+top-1/);
  });

  await test.step('int8-static calibrates, and accuracy before and after is measured', async () => {
    await page.getByRole('combobox', { name: 'Preset' }).selectOption('int8-static');
    await settled(page);
    await expect(recipe(page)).toContainText('Calibrates on 100 samples');
    await optimize(page);
    expect(await percent(page, 'before')).toBeGreaterThan(90);
    // At most 0.3 points are lost, and 0.1 for both figures being rounded.
    expect((await percent(page, 'before')) - (await percent(page, 'after'))).toBeLessThanOrEqual(0.4);
    const words = page.getByRole('region', { name: 'Accuracy before and after' });
    await expect(words).toContainText(/McNemar|No difference/);
    await expect(page.getByRole('table', { name: 'Latency' })).toContainText('ms');
    await choose(page, 'Part of the result', 'Classes');
    await expect(page.getByRole('table', { name: 'Classes' })).toContainText('Stop');
    await choose(page, 'Part of the result', 'In the runtime');
    await expect(page.getByRole('region', { name: 'How the runtime runs it' })).toContainText('run in integers');
    await choose(page, 'Part of the result', 'Overview');
  });

  await test.step('the layer that suffers most is found and excluded, and the result made again', async () => {
    await choose(page, 'Layers chart', 'Activation error');
    await choose(page, 'Order of the layers', 'Worst first');
    await page.getByRole('button', { name: 'Measure activation errors' }).click();
    const bars = activationErrors(page).getByRole('button', { name: /: / });
    await expect(bars.first()).toBeVisible({ timeout: 120_000 });
    const label = (await bars.first().getAttribute('aria-label')) ?? '';
    worst = label.slice(0, label.indexOf(':'));
    await bars.first().click();
    await page.getByRole('button', { name: `Exclude layer ${worst}` }).click();
    await expect(recipe(page)).toContainText('1 layer excluded');
    await optimize(page);
    expect(Math.abs((await percent(page, 'after')) - (await percent(page, 'before')))).toBeLessThanOrEqual(1);
  });

  await test.step('variants are charted by accuracy, and two compared side by side', async () => {
    await choose(page, 'Second chart', /^Variants/);
    const tried = page.getByRole('figure', { name: 'Variants tried' });
    await expect(tried.getByRole('button', { name: /^Variant \d+: .*top-1/ })).toHaveCount(2);
    await choose(page, 'View', 'Compare');
    const sides = page.getByRole('table', { name: 'Variants side by side' });
    await expect(sides.getByRole('row', { name: /^Top-1/ })).toContainText('points');
    await choose(page, 'View', 'Layers');
    await expect(layerRow(page, worst).getByRole('switch')).toHaveAttribute('aria-checked', 'true');
  });

  await test.step('the download is smaller, and onnxruntime hears keywords with it', async () => {
    const { name, bytes } = await download(page);
    const original = new Uint8Array(readFileSync(testdata(MODEL)));
    expect(name).toMatch(/\.onnx$/);
    expect(bytes.byteLength).toBeLessThan(0.6 * original.byteLength);
    const place = { features: testdata(DATA[0] ?? ''), labels: testdata(DATA[1] ?? ''), mean: MEAN, std: STD };
    const before = await accuracyOnKeywords(original, place);
    expect(Math.abs((await accuracyOnKeywords(bytes, place)) - before)).toBeLessThanOrEqual(0.01);
  });
});
