/** Runs one benchmark file and writes its rows where it is told: `tsx bench/run-file.ts FILE RESULT.json`. */
import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isMet, type Bench } from './row.ts';

const [file, result] = process.argv.slice(2);
if (file === undefined || result === undefined) throw new Error('Wanted: a benchmark file and a place for its rows.');
const bench = (await import(pathToFileURL(file).href)) as Bench;
const rows = await bench.run();
writeFileSync(result, JSON.stringify(rows.map((row) => ({ ...row, met: isMet(row) }))));
// A benchmark may leave workers or a browser behind; its figures are taken, so nothing is waited for.
process.exit(0);
