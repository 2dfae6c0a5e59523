/**
 * `npm test`: everything that must hold, in the order in which a mistake is cheapest to see. Stops at the first step that
 * fails and says what to do. Its last line is `tests: N passed, N failed, N skipped`, unit and browser tests together.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { findBrowser } from './browser.mjs';
import { root, runNode, tool } from './processes.mjs';

const results = join(root, 'test-results');
const unitReport = join(results, 'unit.json');
const browserReport = join(results, 'browser.json');

/** @type {{ title: string, advice: string, run: () => Promise<number> }[]} */
const steps = [
  {
    title: 'Kernels: AssemblyScript to WebAssembly',
    advice: 'The kernels in src/kernels/wasm/assembly do not compile; the message above names the line.',
    run: () => runNode(join('scripts', 'build-kernels.mjs')),
  },
  {
    title: 'Types: the whole project',
    advice: 'See the errors with: npx tsc -p tsconfig.json',
    run: () => runNode(tool('typescript', 'tsc'), ['-p', 'tsconfig.json']),
  },
  {
    title: 'Types: floors 1 to 8, without the page',
    advice: 'A room below the page used something of the page. See it with: npx tsc -p tsconfig.core.json',
    run: () => runNode(tool('typescript', 'tsc'), ['-p', 'tsconfig.core.json']),
  },
  {
    title: 'Lint: the import law and the rest',
    advice: 'See .oxlintrc.json for the law and ARCHITECTURE.md for its reason; run: npm run check:lint',
    run: () => runNode(tool('oxlint'), ['--deny-warnings']),
  },
  {
    title: 'Format',
    advice: 'Let the formatter do it: npm run format',
    run: () => runNode(tool('oxfmt'), ['--check', '.']),
  },
  {
    title: 'Unit tests',
    advice: 'Run one file with: npx vitest run PATH',
    run: () =>
      runNode(tool('vitest'), ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${unitReport}`]),
  },
  {
    title: 'Build of the studio',
    advice: 'Run it alone with: npm run build',
    run: () => runNode(tool('vite'), ['build', '--logLevel', 'warn']),
  },
  {
    title: 'Browser tests',
    advice: 'Run one with: npm run test:browser -- e2e/NAME.spec.ts (traces are in test-results/)',
    run: () => {
      console.log(`Browser: ${findBrowser()}`);
      return runNode(
        tool('@playwright/test', 'playwright'),
        ['test', '-c', join('e2e', 'playwright.config.ts'), '--reporter=list,json'],
        { PLAYWRIGHT_JSON_OUTPUT_NAME: browserReport },
      );
    },
  },
];

/**
 * @param {string} path
 * @returns {Record<string, any> | null} null when the step that writes it did not run.
 */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
}

/** Unit and browser tests together, from the reports that both write. */
function countTests() {
  const unit = readReport(unitReport);
  const browser = readReport(browserReport)?.stats;
  return {
    passed: (unit?.numPassedTests ?? 0) + (browser?.expected ?? 0) + (browser?.flaky ?? 0),
    failed: (unit?.numFailedTests ?? 0) + (browser?.unexpected ?? 0),
    skipped: (unit?.numPendingTests ?? 0) + (unit?.numTodoTests ?? 0) + (browser?.skipped ?? 0),
  };
}

async function main() {
  rmSync(results, { recursive: true, force: true });
  mkdirSync(results, { recursive: true });
  let failure = null;
  for (const [index, step] of steps.entries()) {
    console.log(`\n== ${index + 1}/${steps.length} ${step.title} ==\n`);
    const started = performance.now();
    let code;
    try {
      code = await step.run();
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      code = 1;
    }
    if (code !== 0) {
      failure = step;
      break;
    }
    console.log(`\n   done in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  }
  if (failure !== null) console.error(`\nStopped at "${failure.title}". ${failure.advice}`);
  const { passed, failed, skipped } = countTests();
  console.log(`\ntests: ${passed} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failure === null ? 0 : 1;
}

await main();
