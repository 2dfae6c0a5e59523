/** Finds the real models and data sets that live beside the checkout, and skips by name the tests that need them where they are absent. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it } from 'vitest';

/** Set to 1 where the test data must be there: absent data is then a failure instead of a skip. */
const required = process.env['PARE_REQUIRE_TESTDATA'] === '1';

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

/** `PARE_TESTDATA`, else `../shared/testdata` beside the checkout. */
export const testdataRoot: string = process.env['PARE_TESTDATA'] ?? join(repositoryRoot, '..', 'shared', 'testdata');

/** True when the models are there: for `it.skipIf(!hasTestdata)` on a single test. */
export const hasTestdata: boolean = existsSync(join(testdataRoot, 'MANIFEST.csv'));

/** The absolute path of one test file, e.g. `testdata('models/mnist/mnist.onnx')`. */
export function testdata(relativePath: string): string {
  return join(testdataRoot, relativePath);
}

/**
 * A `describe` whose tests need real models. Without the data it is skipped under its own name; when
 * `PARE_REQUIRE_TESTDATA=1` promises the data and it is absent, it fails, so that no skip goes unnoticed.
 */
export function describeWithTestdata(name: string, define: () => void): void {
  if (hasTestdata) {
    describe(name, define);
  } else if (required) {
    describe(name, () => {
      it('finds its test data', () => {
        throw new Error(
          `PARE_REQUIRE_TESTDATA=1, but there is no MANIFEST.csv in ${testdataRoot}. Put the test data there or set PARE_TESTDATA.`,
        );
      });
    });
  } else {
    describe.skip(`${name} (no test data in ${testdataRoot})`, define);
  }
}
