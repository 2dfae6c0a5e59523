/** For tests: the command line from outside, as a process of its own. */
import { spawnSync } from 'node:child_process';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** Runs `pare` in a folder and waits for its end. */
export function pareIn(folder: string, args: readonly string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(repositoryRoot, 'scripts', 'pare.mjs'), ...args],
    {
      cwd: folder,
      encoding: 'utf8',
    },
  );
  return { code: status, out: stdout, err: stderr };
}
