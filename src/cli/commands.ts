/** The commands, in the order of the help. */
import type { Command } from './command.ts';
import { compareCommand } from './compare.ts';
import { convertCommand } from './convert.ts';
import { evaluateCommand } from './evaluate.ts';
import { inspectCommand } from './inspect.ts';
import { optimizeCommand } from './optimize.ts';
import { passesCommand } from './passes.ts';
import { presetsCommand } from './presets.ts';

export const COMMANDS: readonly Command[] = [
  inspectCommand,
  convertCommand,
  optimizeCommand,
  evaluateCommand,
  compareCommand,
  passesCommand,
  presetsCommand,
];
