/** Runs the command line inside a test, without a process, and keeps what it writes. */
import { runCommandLine } from '#cli/main.ts';
import type { ExitCode } from '#cli/main.ts';

export async function runForTest(...args: string[]): Promise<{ code: ExitCode; out: string; notes: string[] }> {
  const lines: string[] = [];
  const notes: string[] = [];
  const code = await runCommandLine(args, '0.0.0', {
    out: (line) => lines.push(line),
    note: (line) => notes.push(line),
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  return { code, out: lines.join('\n'), notes };
}
