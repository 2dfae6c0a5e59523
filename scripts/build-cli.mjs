/**
 * Bundles the command line, src/cli/main.ts, into dist/cli/. Files are put in place one by one under their final names, chunks
 * (whose names hold a hash) before the entry that names them, so that a command that runs meanwhile never finds half a build.
 * `node scripts/build-cli.mjs` builds always; `buildCliWhenStale` only when a source is newer than the bundle.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const target = join(root, 'dist', 'cli');
export const entry = join(target, 'main.mjs');

/** What the bundle is made from. */
const SOURCES = ['src', 'workers', 'package.json', 'scripts/build-cli.mjs', 'scripts/build-kernels.mjs'];
/** Rooms that the command line does not use. */
const NOT_USED = new Set([join(root, 'src', 'ui')]);

/** A chunk of an earlier build may still be wanted by a command that is running; after this time it is not. */
const CHUNK_LIFE_MS = 24 * 3600 * 1000;

/** `tell` hears that there is something to wait for. */
export async function buildCliWhenStale(tell = () => {}) {
  const isFresh = existsSync(entry) && newestChange(SOURCES.map((path) => join(root, path))) <= statSync(entry).mtimeMs;
  if (isFresh) return;
  tell('building the command line ...');
  await buildCli();
}

/** Modification time of the newest file, in ms. */
function newestChange(paths) {
  let newest = 0;
  for (const path of paths) {
    if (!existsSync(path) || NOT_USED.has(path)) continue;
    const stat = statSync(path);
    // A folder's own time changes when a file in it is removed or added.
    newest = Math.max(newest, stat.mtimeMs);
    if (stat.isDirectory()) newest = Math.max(newest, newestChange(readdirSync(path).map((name) => join(path, name))));
  }
  return newest;
}

export async function buildCli() {
  buildKernels();
  const { build } = await import('vite');
  mkdirSync(join(root, 'dist'), { recursive: true });
  const made = mkdtempSync(join(root, 'dist', '.cli-'));
  const startedAt = new Date();
  try {
    await build({
      root,
      configFile: false,
      logLevel: 'error',
      publicDir: false,
      ssr: { noExternal: true, external: ['onnxruntime-node', 'onnxruntime-web', 'sharp'] },
      worker: { format: 'es' },
      build: {
        ssr: true,
        target: 'node20',
        outDir: made,
        emptyOutDir: false,
        minify: false,
        rollupOptions: {
          input: {
            main: join(root, 'src', 'cli', 'main.ts'),
            'compute-thread': join(root, 'src', 'cli', 'compute-thread.ts'),
          },
          external: [/^onnxruntime-/, 'sharp', /^node:/],
          output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: 'chunks/[name]-[hash].mjs' },
        },
      },
    });
    install(made, startedAt);
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function buildKernels() {
  const script = join(root, 'scripts', 'build-kernels.mjs');
  if (!existsSync(script)) return;
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(`building the kernels failed:\n${stdout}${stderr}`);
}

function install(made, startedAt) {
  const files = readdirSync(made, { recursive: true, withFileTypes: true })
    .filter((item) => item.isFile())
    .map((item) => join(item.parentPath, item.name).slice(made.length + 1))
    .toSorted((a, b) => Number(a === 'main.mjs') - Number(b === 'main.mjs'));
  for (const file of files) {
    mkdirSync(dirname(join(target, file)), { recursive: true });
    renameSync(join(made, file), join(target, file));
  }
  const current = new Set(files.map((file) => join(target, file)));
  for (const item of readdirSync(target, { recursive: true, withFileTypes: true })) {
    const path = join(item.parentPath, item.name);
    if (!item.isFile() || current.has(path)) continue;
    if (startedAt.getTime() - statSync(path).mtimeMs > CHUNK_LIFE_MS) rmSync(path, { force: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) await buildCli();
