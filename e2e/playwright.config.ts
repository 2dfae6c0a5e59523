/** The browser tests: the built studio, served with the headers that threads need, in whichever Chromium this machine has. */
import { spawnSync } from 'node:child_process';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defineConfig } from '@playwright/test';
import { BROWSER_ARGUMENTS, findBrowser } from '#scripts/browser.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** Asked for once, in the main process; Playwright's workers read this file again and must get the same port. */
function freePort(): string {
  const ask =
    "const s=require('net').createServer().listen(0,'127.0.0.1',()=>{console.log(s.address().port);s.close()})";
  return spawnSync(process.execPath, ['-e', ask], { encoding: 'utf8' }).stdout.trim();
}

const port = (process.env['PARE_E2E_PORT'] ??= freePort());
const address = `http://127.0.0.1:${port}/`;

export default defineConfig({
  testDir: '.',
  outputDir: resolve(root, 'test-results', 'browser'),
  // One at a time: the journeys use every core themselves, and a figure drawn under load would be no figure.
  workers: 1,
  fullyParallel: false,
  timeout: 180_000,
  expect: { timeout: 30_000 },
  forbidOnly: Boolean(process.env['CI']),
  retries: 0,
  reporter: [['list']],
  use: {
    baseURL: address,
    actionTimeout: 30_000,
    viewport: { width: 1440, height: 900 },
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: findBrowser(), args: BROWSER_ARGUMENTS },
  },
  webServer: {
    command: `"${process.execPath}" node_modules/vite/bin/vite.js preview --host 127.0.0.1 --port ${port} --strictPort`,
    cwd: root,
    url: address,
    reuseExistingServer: false,
    timeout: 60_000,
  },
});
