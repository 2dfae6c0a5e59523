/**
 * `npm run results`: measures the presets on real models and writes docs/results.md. Needs the test data (see
 * src/base/testing/testdata-place.ts). Only figures are written, nothing of the models or the data.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasTestdata, testdataRoot } from '#base/testing/testdata-place.ts';
import { measureAll } from './measure.ts';
import { resultsPage } from './page.ts';

if (!hasTestdata) {
  console.error(`There is no test data in ${testdataRoot}: set PARE_TESTDATA to the folder that holds MANIFEST.csv.`);
  process.exit(1);
}
const target = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'docs', 'results.md');
const { models, runtimes } = await measureAll((line) => console.error(line));
writeFileSync(target, resultsPage(models, runtimes));
console.log(`wrote ${target}`);
