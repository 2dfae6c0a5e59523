/** `pare compare`: runs two models on the same inputs in onnxruntime and measures how far their outputs are apart. */
import { basename } from 'node:path';
import type { OutputComparison } from '#measure/compare.ts';
import type { GivenFeeds } from '#measure/random-inputs.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';
import type { OpenModel } from '#studio/workshop.ts';
import { UsageError } from './command.ts';
import type { Arguments, Command, Terminal } from './command.ts';
import { jsonText } from './json.ts';
import { openOrExplain } from './model-files.ts';
import { decibelText, shapeText, shareText, tableLines } from './table.ts';

const RUNS = 4;

export const compareCommand: Command = {
  name: 'compare',
  summary: 'Measures how far the outputs of two models are apart',
  usage: 'A B [--inputs FILE.npz] [--json]',
  details: [
    'A is the original. Without --inputs both get the same seeded random values: standard normal floats, small integers.',
    'An .npz holds one array per input, by the name of the input; one more axis in front counts runs.',
    'JSON: {outputs: [{name, shape, sqnrDb, cosine, maxAbs, top1Agreement, mse, count}], runs, method, runtime, notices}.',
    'sqnrDb is 10 log10(sum a^2 / sum (a - b)^2) over all elements of all runs, 1e999 (infinite) when they are equal.',
    'top1Agreement is the share of positions along the last axis with the same largest element, null when that axis has one.',
    'Weights are computed as the file says: onnxruntime is told not to quantize activations of 4-bit layers on its own.',
  ],
  flags: {
    inputs: { type: 'string', value: 'FILE', help: 'arrays in an .npz or .npy file' },
    runs: { type: 'string', value: 'N', help: `number of random runs (default ${RUNS})` },
    seed: { type: 'string', value: 'N', help: 'seed of the random inputs (default 1)' },
    dim: {
      type: 'string',
      multiple: true,
      value: 'NAME=N',
      help: 'size of an open dimension (default 1); NAME is its name or INPUT:AXIS',
    },
    set: { type: 'string', multiple: true, value: 'INPUT=X', help: 'fills an input with one value, such as sr=16000' },
    json: { type: 'boolean', help: 'for programs' },
  },
  positionals: ['A', 'B'],
  async run(args, terminal) {
    const [pathA = '', pathB = ''] = args.positionals;
    const choice = choiceOf(args);
    const { openPath, printNotices, runnableAt } = await import('./models.ts');
    const { openOnnxruntimeNode } = await import('#runtimes/onnxruntime/node.ts');
    const { compareSessions } = await import('#measure/compare.ts');
    const original = await openPath(pathA);
    const result = await openPath(pathB);
    const runtime = await openOnnxruntimeNode();
    const before = await runtime.load(await runnableAt(original));
    const after = await runtime.load(await runnableAt(result));
    const { feeds, method } = await feedsFor(before.inputs, original, choice);
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

interface Choice {
  readonly file: string | undefined;
  readonly runs: number;
  readonly seed: number;
  readonly dims: ReadonlyMap<string, number>;
  readonly values: ReadonlyMap<string, number>;
}

function choiceOf(args: Arguments): Choice {
  const file = args.text('inputs');
  for (const flag of ['runs', 'seed', 'set']) {
    if (file !== undefined && (args.text(flag) !== undefined || args.texts(flag).length > 0)) {
      throw new UsageError(`--${flag} is about random inputs and does not go with --inputs.`);
    }
  }
  return {
    file,
    runs: args.count('runs', RUNS, 1),
    seed: args.count('seed', 1),
    dims: assignments(args, 'dim', (value) => Number.isSafeInteger(value) && value >= 1),
    values: assignments(args, 'set', Number.isFinite),
  };
}

function assignments(
  args: Arguments,
  flag: string,
  isAllowed: (value: number) => boolean,
): ReadonlyMap<string, number> {
  return new Map(
    args.texts(flag).map((text): [string, number] => {
      const at = text.lastIndexOf('=');
      const value = Number(text.slice(at + 1));
      if (at < 1 || text.slice(at + 1).trim() === '' || !isAllowed(value)) {
        throw new UsageError(`--${flag} takes NAME=NUMBER, not '${text}'.`);
      }
      return [text.slice(0, at), value];
    }),
  );
}

async function feedsFor(slots: readonly SlotInfo[], original: OpenModel, choice: Choice): Promise<GivenFeeds> {
  const { file, runs, seed, dims, values } = choice;
  if (file !== undefined) {
    const { feedsFromArrays } = await import('#measure/given-inputs.ts');
    const { readInputArrays } = await import('#measure/input-files.ts');
    const source = openOrExplain(file, basename(file));
    return feedsFromArrays(slots, await readInputArrays(source), basename(file));
  }
  const { randomFeeds } = await import('#measure/random-inputs.ts');
  const { idLimits } = await import('#measure/id-limits.ts');
  refuseUnknown(values, new Set(slots.map((slot) => slot.name)), 'set');
  const open = slots.flatMap((slot) =>
    slot.shape.flatMap((size, axis) =>
      typeof size === 'number' ? [] : [`${slot.name}:${axis}`, ...(size === null ? [] : [size])],
    ),
  );
  refuseUnknown(dims, new Set(open), 'dim');
  return randomFeeds(slots, { runs, seed, dims, values, limits: idLimits(original.model) });
}

function refuseUnknown(given: ReadonlyMap<string, number>, known: ReadonlySet<string>, flag: string): void {
  for (const name of given.keys()) {
    if (known.has(name)) continue;
    const what = flag === 'set' ? 'input' : 'open dimension';
    throw new UsageError(`--${flag}: the model has no ${what} '${name}' (it has ${[...known].join(', ') || 'none'}).`);
  }
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
  const columns = [
    { title: 'output', maxWidth: 44 },
    { title: 'shape' },
    { title: 'SQNR', align: 'right' as const },
    { title: 'cosine', align: 'right' as const },
    { title: 'max |error|', align: 'right' as const },
    { title: 'top-1 agreement', align: 'right' as const },
  ];
  for (const line of tableLines(columns, rows)) terminal.out(line);
}
