/** `pare compare`: runs two models on the same inputs in onnxruntime and measures how far their outputs are apart. */
import type { OutputComparison } from '#measure/compare.ts';
import { UsageError } from './command.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { DATA_FLAGS, dataFromFlags, partOf } from './data-flags.ts';
import { evaluateOnData } from './evaluate.ts';
import { printEvaluation } from './evaluation-text.ts';
import { feedsFor, INPUT_FLAGS, inputChoice } from './input-flags.ts';
import { jsonText } from './json.ts';
import { decibelText, shapeText, shareText, tableLines } from './table.ts';

const RUNS = 4;
const LATENCY_RUNS = 50;

export const compareCommand: Command = {
  name: 'compare',
  summary: 'Measures how far the outputs of two models are apart',
  usage: 'A B [--inputs FILE.npz | --data PATH] [--json]',
  details: [
    'A is the original. Without --inputs both get the same seeded random values: normal floats of',
    'deviation 1, 0.1, 0.01 and 0.3 by run, small integers.',
    'An .npz holds one array per input, by the name of the input; one more axis in front counts runs.',
    'JSON: {outputs: [{name, shape, sqnrDb, cosine, maxAbs, top1Agreement, mse, count}], runs, method, runtime, notices}.',
    'sqnrDb is 10 log10(sum a^2 / sum (a - b)^2) over all elements of all runs, 1e999 (infinite) when they are equal.',
    'top1Agreement is the share of positions along the last axis with the same largest element, null when that axis has one.',
    'With --data both run on real samples: accuracy of each, paired test, agreement of outputs, latency in turn; see pare help evaluate.',
    'Weights are computed as the file says: onnxruntime is told not to quantize activations of 4-bit layers on its own.',
  ],
  flags: {
    inputs: { type: 'string', value: 'FILE', help: 'arrays in an .npz or .npy file' },
    runs: { type: 'string', value: 'N', help: `number of random runs (default ${RUNS})` },
    ...INPUT_FLAGS,
    ...DATA_FLAGS,
    part: { type: 'string', value: 'PART', help: 'of the data: all (default), evaluation or calibration' },
    json: { type: 'boolean', help: 'for programs' },
  },
  positionals: ['A', 'B'],
  async run(args, terminal) {
    const [pathA = '', pathB = ''] = args.positionals;
    if (args.text('data') !== undefined) return compareOnData(args, terminal);
    const file = args.text('inputs');
    if (file !== undefined && args.text('runs') !== undefined) {
      throw new UsageError('--runs is about random inputs and does not go with --inputs.');
    }
    const choice = inputChoice(args, file, args.count('runs', RUNS, 1));
    const { openPath, printNotices, runnableAt } = await import('./models.ts');
    const { openOnnxruntimeNode } = await import('#runtimes/onnxruntime/node.ts');
    const { compareSessions } = await import('#measure/compare.ts');
    const original = await openPath(pathA);
    const result = await openPath(pathB);
    const runtime = await openOnnxruntimeNode();
    const before = await runtime.load(await runnableAt(original));
    const after = await runtime.load(await runnableAt(result));
    const { feeds, method } = await feedsFor(before, original.model, choice, terminal.signal);
    const compared = await compareSessions(before, after, feeds, terminal);
    await before.close();
    await after.close();
    if (args.on('json')) {
      const { outputs, runs, notices } = compared;
      terminal.out(jsonText({ outputs, runs, method, runtime: runtime.description, notices }));
      return;
    }
    printComparison(compared, terminal);
    terminal.out('');
    terminal.out(`${method}, ${runtime.description}`);
    printNotices(compared.notices, terminal);
  },
};

/** The flags about random inputs or an .npz do not go with data: refused rather than ignored. */
async function compareOnData(args: Arguments, terminal: Terminal): Promise<void> {
  const [pathA = '', pathB = ''] = args.positionals;
  const other = ['inputs', 'runs', 'seed', 'dim', 'set'].find(
    (flag) => args.text(flag) !== undefined || args.texts(flag).length > 0,
  );
  if (other !== undefined) throw new UsageError(`--${other} does not go with --data.`);
  const part = partOf(args);
  const { openPath, printNotices, runnableAt } = await import('./models.ts');
  const original = await openPath(pathA);
  const result = await openPath(pathB);
  const data = await dataFromFlags(args, original, terminal);
  if (data === null) throw new UsageError('--data takes a path.');
  const pair = { before: await runnableAt(original), after: await runnableAt(result) };
  const evaluation = await evaluateOnData(pair, data, part, LATENCY_RUNS, terminal);
  const bytes = { before: original.fileBytes, after: result.fileBytes };
  if (args.on('json')) terminal.out(jsonText({ bytes, ...evaluation }));
  else printEvaluation(evaluation, { classes: false, ...bytes }, terminal);
  printNotices(evaluation.notices, terminal);
}

function printComparison({ outputs }: OutputComparison, terminal: Terminal): void {
  const rows = outputs.map((output) => [
    output.name,
    shapeText(output.shape),
    decibelText(output.sqnrDb),
    Number.isNaN(output.cosine) ? '-' : output.cosine.toFixed(6),
    Number.isNaN(output.maxAbs) ? '-' : output.maxAbs.toPrecision(3),
    output.top1Agreement === null ? '-' : shareText(output.top1Agreement),
  ]);
  const right = 'right' as const;
  const columns = [
    { title: 'output', maxWidth: 44 },
    { title: 'shape' },
    { title: 'SQNR', align: right },
    { title: 'cosine', align: right },
    { title: 'max |error|', align: right },
    { title: 'top-1 agreement', align: right },
  ];
  for (const line of tableLines(columns, rows)) terminal.out(line);
}
