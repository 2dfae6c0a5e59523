/**
 * `npm run results`: measures the presets on real models, int8 on real data and the conversion of foreign models, and writes
 * docs/results.md, docs/results-on-data.md and docs/results-of-conversion.md. Needs the test data (see
 * src/base/testing/testdata-place.ts). Only figures are written, nothing of the models or the data.
 */
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hasTestdata, testdataRoot } from '#base/testing/testdata-place.ts';
import { conversionPage } from './conversion-page.ts';
import { tryConversions } from './conversion.ts';
import { measureAll } from './measure.ts';
import { resultsPage } from './page.ts';
import { realDataPage } from './real-data-page.ts';
import { tryRealData } from './real-data.ts';

if (!hasTestdata) {
  console.error(`There is no test data in ${testdataRoot}: set PARE_TESTDATA to the folder that holds MANIFEST.csv.`);
  process.exit(1);
}
const docs = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'docs');
const tell = (line: string): void => console.error(line);
const write = (name: string, page: string): void => {
  writeFileSync(join(docs, name), page);
  console.log(`wrote docs/${name}`);
};

// `npm run results -- data` writes the page about real data alone, `-- conversion` that about foreign models.
const named = ['data', 'conversion'].filter((page) => process.argv.includes(page));
const wanted = (page: string): boolean => named.length === 0 || named.includes(page);
if (wanted('presets')) {
  const { models, runtimes } = await measureAll(tell);
  write('results.md', resultsPage(models, runtimes));
}
if (wanted('data')) write('results-on-data.md', realDataPage(await tryRealData(tell)));
if (wanted('conversion')) write('results-of-conversion.md', conversionPage(await tryConversions(tell)));
