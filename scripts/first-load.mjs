/**
 * Prints how much JavaScript the built page needs before a model is opened, gzipped: what index.html reaches by static
 * imports, and the same for the module workers that those files start. Run after `npm run build`.
 */
import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const LIMIT_BYTES = 200_000;
const dist = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..', 'dist'));

const IMPORT = /(?:^|[;}\s])(?:import|export)\s*(?:[^"'`();]*?\bfrom\s*)?["'](\.[^"']+\.js)["']/g;
const WORKER = /new (?:Shared)?Worker\(\s*new URL\((?:new URL\()?["'`]([^"'`]+\.js)["'`]/g;

/** @type {Map<string, number>} */
const sizes = new Map();

/** @param {string} file */
function take(file) {
  if (sizes.has(file)) return;
  const code = readFileSync(file, 'utf8');
  sizes.set(file, gzipSync(code, { level: 9 }).byteLength);
  for (const pattern of [IMPORT, WORKER]) {
    for (const [, path] of code.matchAll(pattern)) take(resolve(dirname(file), path ?? ''));
  }
}

for (const [, path] of readFileSync(join(dist, 'index.html'), 'utf8').matchAll(/(?:src|href)="(\.?\/?[^"]+\.js)"/g)) {
  take(join(dist, path ?? ''));
}

let total = 0;
for (const [file, bytes] of [...sizes].sort((a, b) => b[1] - a[1])) {
  total += bytes;
  console.log(`${String(bytes).padStart(8)}  ${relative(dist, file)}`);
}
console.log(`${String(total).padStart(8)}  bytes gzip in ${sizes.size} files; the limit is ${LIMIT_BYTES}`);
process.exitCode = total <= LIMIT_BYTES ? 0 : 1;
