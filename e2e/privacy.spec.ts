/** The promise: opening, tuning and downloading a model send nothing anywhere. */
import { expect, test } from '@playwright/test';
import { download, dropFiles, layers, openStudio, sampleFile, settled } from './studio.ts';

test('no request leaves for another origin, and the page could not send one', async ({ page, context, baseURL }) => {
  const own = new URL(baseURL ?? '').origin;
  const foreign: string[] = [];
  const sent: string[] = [];
  // Workers and the service worker belong to the context, not to the page.
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith('http') && url.origin !== own) foreign.push(request.url());
    if (request.method() !== 'GET' || request.postDataBuffer() !== null) sent.push(request.url());
  });
  await context.route(
    (url) => url.protocol.startsWith('http') && url.origin !== own,
    async (route) => {
      foreign.push(route.request().url());
      await route.abort();
    },
  );
  await page.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const seen = (window as unknown as { violations?: string[] }).violations ?? [];
      (window as unknown as { violations: string[] }).violations = [
        ...seen,
        `${event.violatedDirective} ${event.blockedURI}`,
      ];
    });
  });
  const violations = (): Promise<string[]> =>
    page.evaluate(() => (window as unknown as { violations?: string[] }).violations ?? []);

  await openStudio(page);
  await dropFiles(page, [sampleFile]);
  await expect(layers(page)).toBeVisible();
  await page.getByRole('combobox', { name: 'Preset' }).selectOption('int4-block32');
  await settled(page);
  await download(page);

  expect(foreign).toEqual([]);
  expect(sent).toEqual([]);
  expect(await violations()).toEqual([]);

  // Not only did it send nothing: the browser holds it to that.
  const refused = await page.evaluate(() =>
    fetch('https://example.com/', { method: 'POST', body: 'weights' }).then(
      () => 'sent',
      () => 'refused',
    ),
  );
  expect(refused).toBe('refused');
  await expect.poll(async () => (await violations()).join('\n')).toContain('connect-src https://example.com/');
  expect(foreign).toEqual([]);
  const policy = await page.locator('meta[http-equiv="Content-Security-Policy"]').getAttribute('content');
  expect(policy).toContain("connect-src 'self'");
});
