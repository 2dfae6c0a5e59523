/** Proves that the import law in .oxlintrc.json bites: small offending files are fed to the linter and seen refused. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');

/** `[file, source, rule]`: one offence a file; the rule must be reported for exactly that file. */
const refused: readonly (readonly [string, string, string])[] = [
  ['src/base/upward.ts', `import { a } from '#ir/a.ts'; a();`, 'no-restricted-imports'],
  ['src/base/upward-type.ts', `import type { A } from '#ir/a.ts'; export type B = A;`, 'no-restricted-imports'],
  ['src/ir/neighbour.ts', `import { a } from '#kernels/a.ts'; a();`, 'no-restricted-imports'],
  ['src/ops/climb.ts', `import { a } from '../ir/a.ts'; a();`, 'no-restricted-imports'],
  ['src/ops/climb-disguised.ts', `import { a } from './../ir/a.ts'; a();`, 'no-restricted-imports'],
  ['src/ops/climb-named.ts', `import { a } from '#ir/../studio/a.ts'; a();`, 'no-restricted-imports'],
  ['src/passes/neighbour.ts', `import { a } from '#formats/onnx/a.ts'; a();`, 'no-restricted-imports'],
  ['src/formats/neighbour.ts', `export { a } from '#passes/a.ts';`, 'no-restricted-imports'],
  ['src/formats/onnx/node-builtin.ts', `import { open } from 'node:fs'; open();`, 'no-restricted-imports'],
  ['src/wire/bare-builtin.ts', `import { open } from 'fs'; open();`, 'no-restricted-imports'],
  ['src/kernels/package.ts', `import { z } from 'zod'; z();`, 'no-restricted-imports'],
  ['src/measure/package.ts', `import { a } from 'onnxruntime-web'; a();`, 'no-restricted-imports'],
  ['src/recipes/later.ts', `export const a = await import('#studio/a.ts');`, 'no-restricted-imports'],
  ['src/recipes/test-helper.ts', `import { a } from '#ir/testing/build.ts'; a();`, 'no-restricted-imports'],
  ['src/studio/page.ts', `import { useState } from 'react'; useState();`, 'no-restricted-imports'],
  ['src/ui/engine-code.ts', `import { a } from '#passes/index.ts'; a();`, 'no-restricted-imports'],
  ['src/ui/climb-type.ts', `import type { A } from '../ir/a.ts'; export type B = A;`, 'no-restricted-imports'],
  ['src/ui/package.ts', `import { a } from 'onnxruntime-web'; a();`, 'no-restricted-imports'],
  ['src/ui/node-builtin.ts', `import { open } from 'node:fs'; open();`, 'no-restricted-imports'],
  ['src/cli/page.ts', `import type { A } from '#ui/a.ts'; export type B = A;`, 'no-restricted-imports'],
  ['workers/page.ts', `import { a } from '#ui/a.ts'; a();`, 'no-restricted-imports'],
  ['src/ops/a.test.ts', `import { a } from '../ir/a.ts'; a();`, 'no-restricted-imports'],
  ['src/ir/first.ts', `import type { B } from './second.ts'; export type A = B | 1;`, 'no-cycle'],
  ['src/ir/second.ts', `import type { A } from './first.ts'; export type B = A | 2;`, 'no-cycle'],
  ['src/passes/chance.ts', `export const a = Math.random();`, 'no-restricted-properties'],
  ['src/recipes/time.ts', `export const a = Date.now();`, 'no-restricted-properties'],
  ['src/base/loose.ts', `export const a = (x: any) => x;`, 'no-explicit-any'],
  ['src/base/default.ts', `export default 1;`, 'no-default-export'],
  ['src/base/long.ts', '// line\n'.repeat(401), 'max-lines'],
  ['src/base/CamelName.ts', `export const a = 1;`, 'filename-case'],
];

/** What each room may do: none of these may be reported. */
const allowed: readonly (readonly [string, string])[] = [
  ['src/base/plain.ts', `import { a } from './sub/plain.ts'; a();`],
  [
    'src/ops/down.ts',
    `import type { A } from '#ir/model.ts'; import { a } from '#kernels/a.ts'; export const b: A = a;`,
  ],
  ['src/passes/own.ts', `import { z } from 'zod'; import { a } from '#passes/pass.ts'; a(z);`],
  ['src/wire/zip.ts', `import { unzip } from 'fflate'; unzip();`],
  ['src/measure/duration.ts', `export const a = performance.now();`],
  ['src/studio/clock.ts', `export const a = Date.now();`],
  [
    'src/ui/page.tsx',
    `import { Button } from '@mantine/core'; import '@mantine/core/styles.css'; import type { M } from '#ir/model.ts'; ` +
      `import { c } from '#studio/client.ts'; export const a: M = c(Button);`,
  ],
  ['src/cli/main.ts', `import { open } from 'node:fs/promises'; import { a } from '#studio/engine.ts'; a(open);`],
  [
    'workers/engine.ts',
    `import { serveDoor } from '#studio/door.ts'; import { a } from '#studio/engine.ts'; serveDoor(a);`,
  ],
  ['src/passes/b.test.ts', `import { it } from 'vitest'; import { a } from '#formats/onnx/a.ts'; it('a', a);`],
];

interface Diagnostic {
  readonly code: string;
  readonly filename: string;
}

describe('the import law', () => {
  let folder = '';
  let diagnostics: readonly Diagnostic[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'pare-lint-law-'));
    copyFileSync(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
    for (const [file, source] of [...refused, ...allowed]) {
      mkdirSync(dirname(join(folder, file)), { recursive: true });
      writeFileSync(join(folder, file), source);
    }
    const linter = join(root, 'node_modules', 'oxlint', 'bin', 'oxlint');
    const run = spawnSync(process.execPath, [linter, '-f', 'json', '.'], { cwd: folder, encoding: 'utf8' });
    diagnostics = (JSON.parse(run.stdout) as { diagnostics: Diagnostic[] }).diagnostics;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const rulesReported = (file: string): string[] =>
    diagnostics.filter((each) => each.filename.replaceAll('\\', '/') === file).map((each) => each.code);

  it.each(refused)('refuses %s', (file, _source, rule) => {
    expect(rulesReported(file).some((code) => code.includes(rule))).toBe(true);
  });

  it.each(allowed)('lets %s through', (file) => {
    expect(rulesReported(file)).toEqual([]);
  });
});
