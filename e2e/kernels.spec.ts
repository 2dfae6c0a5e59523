/** The compute kernels in a real browser: relaxed SIMD, threads and WebGPU give what the reference gives. */
import { expect, test } from '@playwright/test';
import { createServer, type ViteDevServer } from 'vite';
import type { AgreementJob, AgreementResult } from './kernels/worker.ts';
import type {} from './kernels/page.ts';
import { root } from './studio.ts';

let server: ViteDevServer;
let address: string;

test.beforeAll(async () => {
  server = await createServer({
    root,
    logLevel: 'error',
    server: { host: '127.0.0.1', port: 0, hmr: false, watch: null },
  });
  await server.listen();
  address = new URL('e2e/kernels/index.html', server.resolvedUrls?.local[0]).href;
});

test.afterAll(() => server.close());

async function agreement(page: import('@playwright/test').Page, job: AgreementJob): Promise<AgreementResult> {
  await page.goto(address);
  await page.waitForFunction(() => globalThis.checkAgreement !== undefined);
  return page.evaluate((asked) => globalThis.checkAgreement!(asked), job);
}

test('WebAssembly on several threads agrees with the reference', async ({ page }) => {
  const result = await agreement(page, { wish: 'auto', threads: 3, options: {} });
  expect(result.failures).toEqual([]);
  expect(result.description).toContain('WebAssembly SIMD (relaxed), 3 threads.');
});

test('WebGPU agrees with the reference', async ({ page }) => {
  const result = await agreement(page, {
    wish: 'webgpu',
    threads: 1,
    options: {
      largest: 5200,
      // WGSL may flush subnormal numbers to zero, in weights as in products.
      without: ['tiny', 'subnormal'],
      kernels: [
        'minMax',
        'absMax',
        'quantize',
        'dequantize',
        'searchScale',
        'histogram',
        'pruneBelow',
        'pruneNM',
        'toFloat16',
        'fromFloat16',
        'toBfloat16',
        'fromBfloat16',
      ],
    },
  });
  test.skip(!result.description.startsWith('WebGPU on'), `this browser runs no WebGPU: ${result.description}`);
  expect(result.failures).toEqual([]);
});
