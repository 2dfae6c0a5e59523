/** What happens when a dropped file is not what it should be: one sentence, and everything that was open stays open. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { zipSync } from 'fflate';
import { hasTestdata, testdata, testdataRequired } from '#base/testing/testdata-place.ts';
import { dropFiles, layers, openStudio, sampleFile, settled } from './studio.ts';

test('bad files are refused in a sentence and the open model stays', async ({ page }, testInfo) => {
  const sample = new Uint8Array(readFileSync(sampleFile));
  const place = (name: string): string => testInfo.outputPath(name);
  const bad: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ['cut-short.onnx', sample.subarray(0, sample.length / 2)],
    ['empty.onnx', new Uint8Array()],
    ['letter.onnx', new TextEncoder().encode('Dear reader, this is a letter and not a model.\n'.repeat(50))],
    // A hostile length: the graph claims to be longer than any file.
    ['hostile.onnx', new Uint8Array([0x08, 0x08, 0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f, 0x0a, 0x00])],
    ['bomb.zip', zipSync({ 'model.onnx': new Uint8Array(96 * 1024 * 1024) }, { level: 9 })],
    ['nothing-inside.zip', zipSync({ 'readme.txt': new Uint8Array([65]) })],
  ];
  const crashed: Error[] = [];
  page.on('pageerror', (error) => crashed.push(error));

  await openStudio(page);
  await dropFiles(page, [sampleFile]);
  await expect(layers(page)).toBeVisible();
  await settled(page);
  const models = page.getByRole('navigation', { name: 'Models' });

  for (const [name, bytes] of bad) {
    await test.step(name, async () => {
      writeFileSync(place(name), bytes);
      await dropFiles(page, [join(place(name))]);
      const said = page.getByRole('alert').filter({ hasText: name });
      await expect(said).toBeVisible();
      // A sentence for people: it names the file, ends like one, and shows no trace of the code.
      const text = (await said.innerText()).trim();
      expect(text).toMatch(/[.!]$/);
      expect(text).not.toMatch(/undefined|\[object|TypeError|RangeError|at .*\.[jt]s:/);
      await said.getByRole('button', { name: 'Dismiss' }).click();
      await expect(models.getByRole('listitem')).toHaveCount(1);
      await expect(layers(page)).toBeVisible();
    });
  }

  // The model that was open still answers.
  await page.getByRole('combobox', { name: 'Preset' }).selectOption('int4-block32');
  await settled(page);
  expect(crashed).toEqual([]);
});

test('a missing external file is named', async ({ page }) => {
  test.skip(!hasTestdata && !testdataRequired, 'no test data');
  await openStudio(page);
  await dropFiles(page, [testdata('models/mobilenet_v1_025_224/external_data/model.onnx')]);
  await expect(page.getByRole('alert')).toContainText('.data');
});
