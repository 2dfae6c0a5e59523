/** Reaching everything: by keyboard, by role for those who hear the page, and on a phone. */
import { expect, test } from '@playwright/test';
import { accuracyOnDigits } from './judge.ts';
import {
  download,
  dropFiles,
  errorChart,
  granularity,
  layerRow,
  layers,
  openStudio,
  recipe,
  sampleFile,
  settled,
} from './studio.ts';

test('the keyboard alone opens the sample, excludes a layer and undoes it', async ({ page }) => {
  await openStudio(page);
  const trySample = page.getByRole('button', { name: /^Try / }).first();
  await expect(trySample).toBeVisible();
  for (let presses = 0; presses < 20; presses++) {
    await page.keyboard.press('Tab');
    if (await trySample.evaluate((button) => button === document.activeElement)) break;
  }
  await expect(trySample).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(layers(page)).toBeVisible();
  await settled(page);

  for (let presses = 0; presses < 60; presses++) {
    await page.keyboard.press('Tab');
    if (await layers(page).evaluate((grid) => grid === document.activeElement)) break;
  }
  await expect(layers(page)).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const chosen = layers(page).locator('[role=row][aria-selected=true]');
  await expect(chosen).toHaveCount(1);
  await page.keyboard.press('x');
  await expect(chosen.getByRole('switch')).toHaveAttribute('aria-checked', 'true');
  await page.keyboard.press('Control+z');
  await expect(chosen.getByRole('switch')).toHaveAttribute('aria-checked', 'false');
});

test('every control has a name, and the page its landmarks', async ({ page }) => {
  await openStudio(page);
  await dropFiles(page, [sampleFile]);
  await expect(layers(page)).toBeVisible();
  await settled(page);
  await expect(page.getByRole('main')).toHaveCount(1);
  await expect(page.getByRole('banner')).toHaveCount(1);
  await expect(page.getByRole('contentinfo')).toHaveCount(1);
  await expect(page.getByRole('heading', { level: 1 })).toHaveCount(1);
  const heard = await page.locator('body').ariaSnapshot();
  // A control without a name is heard as its bare role.
  expect(
    heard.split('\n').filter((line) => /^\s*- (button|combobox|slider|switch|radio|textbox|grid)(:| \[|$)/.test(line)),
  ).toEqual([]);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('the panes take turns and the job gets done', async ({ page }) => {
    const fits = (): Promise<boolean> => page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth);
    const tab = (name: string) => page.getByRole('tab', { name });
    await openStudio(page);
    expect(await fits()).toBe(true);
    await page.getByRole('button', { name: /^Try / }).first().tap();
    await expect(layers(page)).toBeVisible();
    await expect(layerRow(page, 'stem')).toBeVisible();
    expect(await fits()).toBe(true);

    await tab('Recipe').tap();
    await expect(recipe(page)).toBeVisible();
    await expect(layers(page)).toBeHidden();
    await granularity(page).focus();
    await page.keyboard.press('Home');
    expect(await fits()).toBe(true);

    await tab('Charts').tap();
    await expect(errorChart(page)).toBeVisible();
    expect(await fits()).toBe(true);

    const { bytes } = await download(page);
    expect(await accuracyOnDigits(bytes)).toBeGreaterThan(0.8);
    expect(await fits()).toBe(true);
  });
});
