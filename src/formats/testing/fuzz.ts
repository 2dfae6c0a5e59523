/** Runs mutants of one format in processes of their own and gathers what came of them. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Fuzzed } from './fuzz-bases.ts';

/** A process that says nothing for so long is ended; what it worked on counts as a hang. Five seconds of computing are a fault sooner. */
const SILENCE_MS = 20_000;
const CHILD = fileURLToPath(new URL('fuzz-child.ts', import.meta.url));

export interface FuzzFault {
  readonly index: number;
  readonly base: string;
  readonly mutation: string;
  readonly text: string;
}

export interface FuzzReport {
  readonly kind: Fuzzed;
  readonly mutants: number;
  readonly outcomes: Readonly<Record<'opened' | 'written' | 'refused' | 'fault', number>>;
  readonly faults: readonly FuzzFault[];
  readonly slowestCpuMs: number;
  /** All mutants together, starting included. */
  readonly totalCpuMs: number;
  readonly peakBytes: number;
}

export interface FuzzOptions {
  /** The script that opens them. */
  readonly child?: string;
  readonly silenceMs?: number;
}

/** Mutants `from` up to `to`. */
export async function fuzz(kind: Fuzzed, to: number, from = 0, options: FuzzOptions = {}): Promise<FuzzReport> {
  const { child: script = CHILD, silenceMs = SILENCE_MS } = options;
  const outcomes = { opened: 0, written: 0, refused: 0, fault: 0 };
  const faults: FuzzFault[] = [];
  let [slowestCpuMs, totalCpuMs, peakBytes, next] = [0, 0, 0, from];
  while (next < to) {
    let working: number | undefined;
    let silence: NodeJS.Timeout | undefined;
    let hung = false;
    const child = spawn(
      process.execPath,
      ['--max-old-space-size=1024', '--import', 'tsx', script, kind, `${next}`, `${to}`],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    const said: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
    const watch = (patienceMs: number): void => {
      clearTimeout(silence);
      silence = setTimeout(() => {
        hung = true;
        child.kill('SIGKILL');
      }, patienceMs);
    };
    // Starting is compiling, and a busy machine takes its time.
    watch(3 * silenceMs);
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    for await (const line of createInterface({ input: child.stdout })) {
      const told = parsed(line);
      watch(silenceMs);
      if (told === undefined) continue;
      if (told.what === 'start') working = told.index;
      if (told.what === 'peak') {
        peakBytes = Math.max(peakBytes, told.bytes ?? 0);
        totalCpuMs += told.cpuMs ?? 0;
      }
      if (told.what !== 'end' || told.outcome === undefined) continue;
      working = undefined;
      next = (told.index ?? next) + 1;
      outcomes[told.outcome]++;
      slowestCpuMs = Math.max(slowestCpuMs, told.cpuMs ?? 0);
      peakBytes = Math.max(peakBytes, told.bytes ?? 0);
      if (told.outcome === 'fault') faults.push(faultOf(told));
    }
    clearTimeout(silence);
    const code = await ended;
    if (code === 0) break;
    if (working === undefined)
      throw new Error(`the process of ${kind} ended by itself (${code}): ${said.join('').slice(-2000)}`);
    outcomes.fault++;
    faults.push({
      index: working,
      base: '',
      mutation: '',
      text: hung ? 'hangs' : `the process died: ${said.join('').slice(-500)}`,
    });
    next = working + 1;
  }
  return { kind, mutants: to - from, outcomes, faults, slowestCpuMs, totalCpuMs, peakBytes };
}

interface Told {
  readonly what: string;
  readonly index?: number;
  readonly outcome?: keyof FuzzReport['outcomes'];
  readonly cpuMs?: number;
  readonly bytes?: number;
  readonly base?: string;
  readonly mutation?: string;
  readonly text?: string;
}

/** Libraries may write to the same stream: what is no message of ours is left aside. */
function parsed(line: string): Told | undefined {
  try {
    const told: unknown = JSON.parse(line);
    return typeof told === 'object' && told !== null && 'what' in told ? (told as Told) : undefined;
  } catch {
    return undefined;
  }
}

function faultOf({ index = -1, base = '', mutation = '', text = '' }: Told): FuzzFault {
  return { index, base, mutation, text };
}
