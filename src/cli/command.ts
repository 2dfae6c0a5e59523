/** What a command of the command line is, and how its arguments are read. One file per command; the list is `commands.ts`. */
import { parseArgs } from 'node:util';
import type { OnProgress } from '#base/progress.ts';

/** Wrong usage: exit code 2, with a pointer to the help. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

export interface FlagSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** Placeholder in the help, such as `FILE`. */
  readonly value?: string;
  readonly help: string;
}

/** Where a command writes and what it watches; tests pass their own. */
export interface Terminal {
  /** One line of the answer, to stdout. */
  out(line: string): void;
  /** One line for people, to stderr. */
  note(line: string): void;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

export interface Command {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** After the command's name, such as `MODEL [--json]`. */
  readonly usage: string;
  /** More lines for `help COMMAND`. */
  readonly details?: readonly string[];
  readonly flags: Readonly<Record<string, FlagSpec>>;
  /** Names of the positional arguments, all required. */
  readonly positionals: readonly string[];
  run(args: Arguments, terminal: Terminal): Promise<void>;
}

export interface Arguments {
  readonly positionals: readonly string[];
  text(flag: string): string | undefined;
  texts(flag: string): readonly string[];
  on(flag: string): boolean;
  /** A whole number of at least `least`, or the default. */
  count(flag: string, otherwise: number, least?: number): number;
}

/** Reads a command's arguments; throws `UsageError` for anything that it does not take. */
export function readArguments(command: Command, args: readonly string[]): Arguments {
  const options = Object.fromEntries(
    Object.entries(command.flags).map(([name, spec]) => [
      name,
      {
        type: spec.type,
        ...(spec.short === undefined ? {} : { short: spec.short }),
        ...(spec.multiple === true ? { multiple: true } : {}),
      },
    ]),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node appends advice about `--` that does not concern our users.
    const problem = (error instanceof Error ? error.message : String(error)).replace(/\. .*$/s, '').replace(/\.$/, '');
    throw new UsageError(`${problem}.`);
  }
  const { values, positionals } = parsed;
  const missing = command.positionals[positionals.length];
  if (missing !== undefined) throw new UsageError(`${command.name} needs ${missing}.`);
  const extra = positionals[command.positionals.length];
  if (extra !== undefined) throw new UsageError(`${command.name} does not take another argument: '${extra}'.`);
  const text = (flag: string): string | undefined => {
    const value = values[flag];
    return typeof value === 'string' ? value : undefined;
  };
  return {
    positionals,
    text,
    texts: (flag) => (Array.isArray(values[flag]) ? values[flag].map(String) : []),
    on: (flag) => values[flag] === true,
    count(flag, otherwise, least = 0) {
      const given = text(flag);
      if (given === undefined) return otherwise;
      const value = Number(given);
      if (given.trim() === '' || !Number.isSafeInteger(value) || value < least) {
        throw new UsageError(`--${flag} takes a whole number of at least ${least}, not '${given}'.`);
      }
      return value;
    },
  };
}

/** Which entry point to read, shared by the commands that open one model. */
export const SIGNATURE_FLAG: Readonly<Record<string, FlagSpec>> = {
  signature: {
    type: 'string',
    value: 'NAME',
    help: 'of a model with several entry points: which one (default serving_default)',
  },
};
