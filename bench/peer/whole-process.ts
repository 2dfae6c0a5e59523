/** Runs a command as a whole process: how long it took, and the most memory it held. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface WholeProcess {
  readonly seconds: number;
  /** Peak resident size as the kernel counts it (VmHWM); null where there is no /proc. */
  readonly peakBytes: number | null;
  readonly stdout: string;
}

/** How often the peak is looked at: what grows within the last interval before the end is missed. */
const EVERY_MS = 10;

/** Rejects with what the command wrote to stderr when it fails. */
export function runWhole(command: string, parameters: readonly string[]): Promise<WholeProcess> {
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const child = spawn(command, parameters, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    let peakBytes: number | null = null;
    child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
    child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
    const look = setInterval(() => {
      peakBytes = peakOf(child.pid) ?? peakBytes;
    }, EVERY_MS);
    child.on('error', (error) => {
      clearInterval(look);
      reject(error);
    });
    child.on('close', (code) => {
      clearInterval(look);
      const seconds = (performance.now() - startedAt) / 1000;
      if (code === 0) resolve({ seconds, peakBytes, stdout });
      else reject(new Error(`${command} ${parameters.join(' ')} ended with ${String(code)}:\n${stderr}`));
    });
  });
}

function peakOf(pid: number | undefined): number | null {
  try {
    const found = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'));
    return found?.[1] === undefined ? null : Number(found[1]) * 1024;
  } catch {
    return null;
  }
}
