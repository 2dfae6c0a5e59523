/** Entry of the command line: finds the command, runs it, and turns failures into one line and an exit code. */
import { Cancelled, PareError } from '#base/failure.ts';
import { readArguments, UsageError } from './command.ts';
import type { Terminal } from './command.ts';
import { COMMANDS } from './commands.ts';
import { commandHelp, mainHelp } from './help.ts';
import { processTerminal } from './terminal.ts';

/** 0: done. 1: the job was refused or failed. 2: wrong usage. 130: interrupted. */
export type ExitCode = 0 | 1 | 2 | 130;

/** Runs the command line with the arguments after the program's name. `version` is that of the package. */
export async function main(args: readonly string[], version: string): Promise<ExitCode> {
  const terminal = processTerminal();
  try {
    return await runCommandLine(args, version, terminal);
  } finally {
    terminal.finish();
  }
}

export async function runCommandLine(args: readonly string[], version: string, terminal: Terminal): Promise<ExitCode> {
  const [first, ...rest] = args;
  try {
    if (first === undefined) throw new UsageError('there is no command.');
    if (first === '--version' || first === '-V') {
      terminal.out(version);
      return 0;
    }
    if (first === '--help' || first === '-h' || (first === 'help' && rest.length === 0)) {
      terminal.out(mainHelp(COMMANDS));
      return 0;
    }
    if (first === 'help') {
      terminal.out(commandHelp(commandNamed(rest[0] ?? '')));
      return 0;
    }
    const command = commandNamed(first);
    if (rest.includes('--help') || rest.includes('-h')) {
      terminal.out(commandHelp(command));
      return 0;
    }
    await command.run(readArguments(command, rest), terminal);
    return 0;
  } catch (error) {
    return explain(error, terminal);
  }
}

function commandNamed(name: string): (typeof COMMANDS)[number] {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const kind = name.startsWith('-') ? 'option' : 'command';
  throw new UsageError(
    `there is no ${kind} '${name}'; commands are ${COMMANDS.map((known) => known.name).join(', ')}.`,
  );
}

function explain(error: unknown, terminal: Terminal): ExitCode {
  if (error instanceof UsageError) {
    terminal.note(`pare: ${oneLine(error.message)} See 'pare --help'.`);
    return 2;
  }
  if (error instanceof Cancelled || terminal.signal.aborted) {
    terminal.note('pare: interrupted.');
    return 130;
  }
  if (error instanceof PareError) {
    terminal.note(`pare: ${oneLine(error.message)}`);
    return 1;
  }
  const text = error instanceof Error ? error.message : String(error);
  terminal.note(`pare: unexpected failure: ${oneLine(text)} (PARE_DEBUG=1 shows where)`);
  if (process.env['PARE_DEBUG'] === '1' && error instanceof Error) terminal.note(error.stack ?? '');
  return 1;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ').trim();
}
