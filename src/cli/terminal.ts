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
      process.stdout.write(`${visible(text)}\n`);
    },
    note(text) {
      line?.clear();
      process.stderr.write(`${visible(text)}\n`);
    },
    onProgress: (progress) => line?.show(progress),
    signal: controller.signal,
    finish: () => line?.clear(),
  };
}

/** Names come from files: control characters in them must not drive the terminal. Lines and tabs are ours and stay. */
export function visible(text: string): string {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return text.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\uFFFD');
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
      process.stderr.write(`\r\x1b[K${visible(`${percent.padStart(5)}  ${label}`).slice(0, width)}`);
    },
    clear() {
      if (shown) process.stderr.write('\r\x1b[K');
      shown = false;
    },
  };
}
