/** The help texts, made from what the commands declare. */
import type { Command } from './command.ts';
import { tableLines } from './table.ts';

export function mainHelp(commands: readonly Command[]): string {
  const rows = [
    ...commands.map((command) => [`  ${command.name} ${command.usage}`, command.summary]),
    ['  help COMMAND', 'Tells more about one of them'],
    ['  --version', 'Tells the version'],
  ];
  return [
    'Pare makes neural networks small enough for a phone. Nothing leaves this machine.',
    '',
    'Usage: pare COMMAND ...        (in the repository: npm run --silent pare -- COMMAND ...)',
    '',
    'Commands:',
    ...tableLines([{ title: '' }, { title: '' }], rows).slice(1),
    '',
    'MODEL is an .onnx file (external data beside it is found), a .tflite, .keras, .h5 or frozen .pb file, a SavedModel folder,',
    'a TF.js model.json (its shards beside it are found), or a folder or zip of one of them.',
    'In --json answers an infinite figure is the number 1e999, which JavaScript and Python read as infinity; null is a',
    'figure that is not known.',
    '',
    'Exit code: 0 done, 1 refused or failed (one line on stderr says why), 2 wrong usage.',
  ].join('\n');
}

export function commandHelp(command: Command): string {
  const flags = Object.entries(command.flags).map(([name, flag]) => {
    const short = flag.short === undefined ? '' : `-${flag.short}, `;
    return [`  ${short}--${name}${flag.value === undefined ? '' : ` ${flag.value}`}`, flag.help];
  });
  return [
    `Usage: pare ${command.name} ${command.usage}`.trimEnd(),
    '',
    `${command.summary}.`,
    ...(command.details === undefined ? [] : ['', ...command.details]),
    ...(flags.length === 0 ? [] : ['', 'Options:', ...tableLines([{ title: '' }, { title: '' }], flags).slice(1)]),
  ].join('\n');
}
