/** Finds a browser for the browser tests, benchmarks and screenshots: one named, one installed, else Playwright's own. */
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright';

/** What every script and test starts it with: quiet (no background traffic), and WebGPU allowed on its software adapter. */
export const BROWSER_ARGUMENTS = [
  '--no-sandbox',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--enable-unsafe-webgpu',
];

const NO_BROWSER =
  'No browser was found. Install Chrome or Chromium, or run "npx playwright install chromium", or name one in PARE_CHROMIUM.';

/** @returns {string} The path of a Chromium-family browser. Throws one sentence that says what to do where there is none. */
export function findBrowser() {
  const named = process.env['PARE_CHROMIUM'];
  if (named) {
    if (existsSync(named)) return named;
    throw new Error(`PARE_CHROMIUM names ${named}, but there is no such file. Correct it or unset it.`);
  }
  const found = [...installedPlaces(), chromium.executablePath()].find(isExecutable);
  if (found === undefined) throw new Error(NO_BROWSER);
  return found;
}

/** @returns {string[]} */
function installedPlaces() {
  if (process.platform === 'darwin') {
    return ['Google Chrome', 'Chromium', 'Microsoft Edge'].map(
      (name) => `/Applications/${name}.app/Contents/MacOS/${name}`,
    );
  }
  if (process.platform === 'win32') {
    const roots = [process.env['PROGRAMFILES'], process.env['PROGRAMFILES(X86)'], process.env['LOCALAPPDATA']];
    const programs = [
      'Google\\Chrome\\Application\\chrome.exe',
      'Chromium\\Application\\chrome.exe',
      'Microsoft\\Edge\\Application\\msedge.exe',
    ];
    return programs.flatMap((program) => roots.filter((root) => root !== undefined).map((root) => join(root, program)));
  }
  const names = ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser'];
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return names.flatMap((name) => folders.map((folder) => join(folder, name)));
}

/** @param {string} path */
function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
