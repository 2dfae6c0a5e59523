/** Where the real models and data sets lie, for tests of any kind: no test runner is named here. */
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** `PARE_TESTDATA`, else `../shared/testdata` beside the checkout. */
export const testdataRoot: string = process.env['PARE_TESTDATA'] ?? join(repositoryRoot, '..', 'shared', 'testdata');

/** True when the models are there: for `it.skipIf(!hasTestdata)` on a single test. */
export const hasTestdata: boolean = existsSync(join(testdataRoot, 'MANIFEST.csv'));

/** Where the test data must be there, its absence is a failure and not a skip. */
export const testdataRequired: boolean = process.env['PARE_REQUIRE_TESTDATA'] === '1';

/** The absolute path of one test file, e.g. `testdata('models/mnist/mnist.onnx')`. */
export function testdata(relativePath: string): string {
  return join(testdataRoot, relativePath);
}

/** Paths under `models/` that end so, in order. Empty where the data is absent: suites are collected there too, to be skipped. */
export function testModels(ending: string): readonly string[] {
  if (!hasTestdata) return [];
  const paths = readdirSync(testdata('models'), { recursive: true, encoding: 'utf8' });
  return paths.filter((path) => path.endsWith(ending)).toSorted();
}
