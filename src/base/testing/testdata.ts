/** Finds the real models and data sets that live beside the checkout, and skips by name the tests that need them where they are absent. */
import { describe, it } from 'vitest';
import { hasTestdata, testdataRequired, testdataRoot } from './testdata-place.ts';

export { hasTestdata, testModels, testdata, testdataRoot } from './testdata-place.ts';

/**
 * A `describe` whose tests need real models. Without the data it is skipped under its own name; when
 * `PARE_REQUIRE_TESTDATA=1` promises the data and it is absent, it fails, so that no skip goes unnoticed.
 */
export function describeWithTestdata(name: string, define: () => void): void {
  if (hasTestdata) {
    describe(name, define);
  } else if (testdataRequired) {
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
