/**
 * The command line from a checkout: `npm run --silent pare -- COMMAND ...`. Builds the bundle when it is missing or older than
 * its sources, then runs it in this process. Only the command writes to stdout.
 */
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { buildCliWhenStale, entry } from './build-cli.mjs';

try {
  // Only people want to know: programs read stderr as what went wrong.
  await buildCliWhenStale((line) => process.stderr.isTTY && process.stderr.write(`pare: ${line}\n`));
} catch (error) {
  process.stderr.write(
    `pare: the command line could not be built: ${error instanceof Error ? error.message : error}\n`,
  );
  process.exit(1);
}
const { main } = await import(pathToFileURL(entry).href);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
process.exitCode = await main(process.argv.slice(2), version);
