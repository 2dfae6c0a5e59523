/** The real terminal: answers to stdout, remarks and progress to stderr, Ctrl-C as cancelling. */
import type { Progress } from '#base/progress.ts';
import type { Terminal } from './command.ts';

/** A progress line is rewritten at most this often, so that it never costs time that the work could use. */
const LEAST_INTERVAL_MS = 100;

export interface ProcessTerminal extends Terminal {
  /** Removes the progress line. */
  finish(): void;
}

export function processTerminal(): ProcessTerminal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  process.once('SIGTERM', () => controller.abort());
  // `pare inspect ... | head` closes our output early: that is no failure.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
  const line = process.stderr.isTTY ? progressLine() : undefined;
  return {
    out(text) {
      line?.clear();
      process.stdout.write(`${text}\n`);
    },
    note(text) {
      line?.clear();
      process.stderr.write(`${text}\n`);
    },
    onProgress: (progress) => line?.show(progress),
    signal: controller.signal,
    finish: () => line?.clear(),
  };
}

function progressLine(): { show(progress: Progress): void; clear(): void } {
  let shownAt = -Infinity;
  let shown = false;
  return {
    show({ label, done, of }) {
      const now = performance.now();
      if (now - shownAt < LEAST_INTERVAL_MS) return;
      shownAt = now;
      shown = true;
      const percent = of > 0 ? `${Math.floor((100 * done) / of)} %` : '';
      const width = (process.stderr.columns ?? 80) - 1;
      process.stderr.write(`\r\x1b[K${`${percent.padStart(5)}  ${label}`.slice(0, width)}`);
    },
    clear() {
      if (shown) process.stderr.write('\r\x1b[K');
      shown = false;
    },
  };
}
