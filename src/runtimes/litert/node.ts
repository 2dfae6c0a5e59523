/** LiteRT in Node, for tests and the command line. Never part of a bundle for the browser. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { compileFunction } from 'node:vm';
import { createLitert } from './litert.ts';
import type { LitertRuntime } from './litert.ts';
import type { LitertFactory } from './wasm.ts';

/** The build without relaxed SIMD, which Node 20 lacks. */
const BUILD = '@litertjs/core/wasm/litert_wasm_compat_internal';

export async function openLitertNode(): Promise<LitertRuntime> {
  const require = createRequire(import.meta.url);
  const script = require.resolve(`${BUILD}.js`);
  const wasm = await WebAssembly.compile(await readFile(require.resolve(`${BUILD}.wasm`)));
  const { version } = JSON.parse(await readFile(require.resolve('@litertjs/core/package.json'), 'utf8'));
  return createLitert({
    factory: await evaluate(script, require),
    wasm,
    version: String(version),
    readFile: (path) => readFile(path),
  });
}

/** The script is CommonJS in a package that says `type: module`: Node would not load it as what it is. */
async function evaluate(script: string, require: NodeJS.Require): Promise<LitertFactory> {
  const module: { exports: { default?: LitertFactory } } = { exports: {} };
  const names = ['module', 'exports', 'require', '__filename', '__dirname'];
  const run = compileFunction(await readFile(script, 'utf8'), names, { filename: script });
  run(module, module.exports, require, script, dirname(script));
  const factory = module.exports.default;
  if (factory === undefined) throw new Error(`${script} exports no factory`);
  return factory;
}
