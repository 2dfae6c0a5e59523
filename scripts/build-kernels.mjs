/**
 * Compiles the AssemblyScript kernels into two WebAssembly modules, strict and relaxed SIMD, and writes them as one
 * TypeScript module of base64 text that Vite, vitest and the command line import alike. Does nothing when the result
 * is newer than the sources. Says what it does on stderr only.
 */
import { mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const wasmFolder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'src', 'kernels', 'wasm');
const sourceFolder = join(wasmFolder, 'assembly');
const target = join(wasmFolder, 'generated', 'modules.ts');

const OPTIONS = [
  '--importMemory', '--sharedMemory', '--maximumMemory', '65536', '--initialMemory', '16', '--noExportMemory',
  '--runtime', 'stub', '--noAssert', '-O3', '--converge',
]; // prettier-ignore
const BUILDS = { strict: 'simd,threads,bulk-memory', relaxed: 'simd,threads,bulk-memory,relaxed-simd' };

function timeOf(path) {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return -Infinity;
  }
}

function isUpToDate() {
  const inputs = readdirSync(sourceFolder).map((name) => join(sourceFolder, name));
  inputs.push(fileURLToPath(import.meta.url));
  const built = timeOf(target);
  return inputs.every((path) => timeOf(path) < built);
}

/** One module as bytes; throws with the compiler's message. */
async function compile(asc, features) {
  const outputs = new Map();
  const { error, stderr } = await asc.main(['index.ts', '--outFile', 'out.wasm', '--enable', features, ...OPTIONS], {
    readFile: (name, base) => {
      try {
        return readFileSync(join(base.startsWith(sourceFolder) ? base : join(sourceFolder, base), name), 'utf8');
      } catch {
        return null;
      }
    },
    writeFile: (name, contents) => void outputs.set(name, contents),
    listFiles: () => [],
  });
  if (error) throw new Error(`the kernels do not compile: ${error.message}\n${stderr.toString()}`);
  return outputs.get('out.wasm');
}

/** Compiles when needed; resolves to whether it did. Safe to run from several processes at once. */
export async function buildKernels() {
  if (isUpToDate()) return false;
  const { default: asc } = await import('assemblyscript/asc');
  const lines = ['/** Made by scripts/build-kernels.mjs from ../assembly: do not edit. */'];
  for (const [name, features] of Object.entries(BUILDS)) {
    const bytes = await compile(asc, features);
    process.stderr.write(`kernels: ${name} build, ${bytes.length} bytes\n`);
    lines.push(`export const ${name} =\n  '${Buffer.from(bytes).toString('base64')}';`);
  }
  mkdirSync(dirname(target), { recursive: true });
  const unfinished = `${target}.${process.pid}`;
  writeFileSync(unfinished, `${lines.join('\n\n')}\n`);
  renameSync(unfinished, target);
  return true;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await buildKernels();
