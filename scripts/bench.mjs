/**
 * `npm run bench`: runs every bench/*.bench.ts (also those in folders), each in a process of its own, and prints their figures
 * with machine, browser and commit. Writes them to bench/results/local/ (not committed), or to bench/results/ with --save.
 * Words after `--` choose: `npm run bench -- kernels` runs the files whose path holds "kernels".
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, platform, release, tmpdir, totalmem } from 'node:os';
import { join, relative } from 'node:path';
import { findBrowser } from './browser.mjs';
import { root, runNode, tool } from './processes.mjs';

const save = process.argv.includes('--save');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));

/**
 * @param {string} command
 * @param {string[]} parameters
 * @returns {string} Trimmed output; "unknown" when the command cannot be run.
 */
function outputOf(command, parameters) {
  const run = spawnSync(command, parameters, { cwd: root, encoding: 'utf8' });
  return run.status === 0 ? run.stdout.trim() : 'unknown';
}

function browserVersion() {
  try {
    return outputOf(findBrowser(), ['--version']);
  } catch {
    return 'none found';
  }
}

function circumstances() {
  const processors = cpus();
  const changed = outputOf('git', ['status', '--porcelain']) === '' ? '' : ' with local changes';
  return {
    date: new Date().toISOString(),
    commit: `${outputOf('git', ['rev-parse', '--short', 'HEAD'])}${changed}`,
    machine: `${processors[0]?.model.trim() ?? 'unknown processor'} x ${processors.length}, ${(totalmem() / 2 ** 30).toFixed(0)} GiB`,
    system: `${platform()} ${release()}, node ${process.version}`,
    browser: browserVersion(),
    // A figure taken beside other work is a poor one; the load says so.
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

/** @param {{ atLeast?: number, atMost?: number } | undefined} limit */
const showLimit = (limit) => {
  if (limit === undefined) return '';
  return limit.atLeast === undefined ? `<= ${limit.atMost}` : `>= ${limit.atLeast}`;
};

/** @param {number | null} value */
const showValue = (value) => (value === null ? 'not measured' : String(Number(value.toPrecision(4))));

/** @param {boolean | null} met */
const showMet = (met) => (met === null ? '' : met ? 'met' : 'MISSED');

/** @param {any[]} rows */
function printTable(rows) {
  const cells = rows.map((row) => [
    row.name,
    `${showValue(row.value)} ${row.unit}`,
    showLimit(row.limit),
    showMet(row.met),
  ]);
  const widths = [0, 1, 2].map((column) => Math.max(...cells.map((row) => row[column].length)));
  for (const row of cells) console.log(`  ${row.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd());
}

const code = await runNode(join('scripts', 'build-kernels.mjs'));
if (code !== 0) process.exit(code);

const files = readdirSync(join(root, 'bench'), { recursive: true })
  .map((file) => join('bench', String(file)))
  .filter((file) => file.endsWith('.bench.ts') && (wanted.length === 0 || wanted.some((word) => file.includes(word))))
  .toSorted();
if (files.length === 0) {
  console.error(`No benchmark's path holds ${wanted.map((word) => `"${word}"`).join(' or ')}.`);
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), 'pare-bench-'));
const about = circumstances();
console.log(
  `machine  ${about.machine}\nsystem   ${about.system}\nbrowser  ${about.browser}\ncommit   ${about.commit}\nload     ${about.loadBefore}`,
);
const results = [];
let failed = 0;
for (const file of files) {
  console.log(`\n${file}`);
  const place = join(scratch, `${results.length}.json`);
  if ((await runNode(tool('tsx'), [join('bench', 'run-file.ts'), join(root, file), place])) === 0) {
    const rows = JSON.parse(readFileSync(place, 'utf8'));
    printTable(rows);
    results.push({ file, rows });
  } else {
    console.error('  did not finish; the message above says why.');
    results.push({ file, rows: null });
    failed += 1;
  }
}
rmSync(scratch, { recursive: true, force: true });

const folder = join(root, 'bench', 'results', ...(save ? [] : ['local']));
mkdirSync(folder, { recursive: true });
const path = join(folder, `${about.date.slice(0, 19).replaceAll(':', '-')}.json`);
writeFileSync(path, `${JSON.stringify({ ...about, results }, null, 2)}\n`);

const judged = results.flatMap((result) => result.rows ?? []).filter((row) => row.met !== null);
const missed = judged.filter((row) => !row.met);
console.log(`\n${judged.length - missed.length} of ${judged.length} limits met; written to ${relative(root, path)}`);
process.exitCode = failed > 0 ? 1 : 0;
