/** Starts the tools of node_modules by name, the same way on every system: with this Node, without a shell. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/**
 * The script file behind a package's command.
 * @param {string} packageName
 * @param {string} [command]
 */
export function tool(packageName, command = packageName) {
  const folder = join(root, 'node_modules', packageName);
  let manifest;
  try {
    manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  } catch {
    throw new Error(`${packageName} is not installed. Run "npm ci" first.`);
  }
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[command];
  return join(folder, bin);
}

/**
 * Runs a script file with this Node in the repository's root and resolves with its exit code; its output is shown as it comes.
 * @param {string} script
 * @param {readonly string[]} [parameters]
 * @param {Readonly<Record<string, string>>} [environment]
 * @returns {Promise<number>}
 */
export function runNode(script, parameters = [], environment = {}) {
  return new Promise((done, failed) => {
    const child = spawn(process.execPath, [script, ...parameters], {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, ...environment },
    });
    child.on('error', failed);
    child.on('exit', (code) => done(code ?? 1));
  });
}
