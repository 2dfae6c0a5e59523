/** `npm start`: builds the studio, serves it on a local address, and opens it where there is a display. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, preview } from 'vite';
import { root, runNode } from './processes.mjs';

/** Opens the address in the default browser. Never fails: without a display the printed address is enough. */
function openBrowser(/** @type {string} */ address) {
  if (process.env['CI'] || process.argv.includes('--no-open')) return;
  const displayed = process.platform !== 'linux' || process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY'];
  if (!displayed) return;
  /** @type {Record<string, [string, string[]]>} */
  const openers = { darwin: ['open', [address]], win32: ['cmd', ['/c', 'start', '', address]] };
  const [command, parameters] = openers[process.platform] ?? ['xdg-open', [address]];
  const child = spawn(command, parameters, { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}

const code = await runNode(join('scripts', 'build-kernels.mjs'));
if (code !== 0) {
  console.error('The kernels did not compile; the message above names the line.');
  process.exit(code);
}
await build({ root, logLevel: 'error' });
const server = await preview({ root, preview: { host: '127.0.0.1', port: 4173, strictPort: false } });
const address = server.resolvedUrls?.local[0] ?? 'http://127.0.0.1:4173/';
console.log(`\nPare is served at ${address}\nEverything runs in the tab; nothing is uploaded. Stop with Ctrl+C.`);
openBrowser(address);
