/** `pare evaluate`: runs a model on labelled or golden data and measures accuracy, latency and memory. */
import type { Evaluation, Proportion } from '#measure/evaluation/report.ts';
import type { PreparedData } from '#studio/data.ts';
import { SIGNATURE_FLAG, UsageError } from './command.ts';
import type { Command, Terminal } from './command.ts';
import { DATA_FLAGS, dataFromFlags, type DataPart, partOf } from './data-flags.ts';
import { printEvaluation } from './evaluation-text.ts';
import { jsonText } from './json.ts';

const LATENCY_RUNS = 50;

export const evaluateCommand: Command = {
  name: 'evaluate',
  summary: 'Measures accuracy, latency and memory of a model on data',
  usage: 'MODEL --data PATH [--labels FILE] [--mean M --std S] [--layout nhwc|nchw] [--json]',
  details: [
    'PATH is a folder (pictures in class folders or beside a labels.csv, WAV, arrays), an .npy, .npz, IDX or CSV file, a zip of',
    'those, or a dataset file: JSON {"version": 1, "data": PATH, "labels": PATH, "settings": {...}}. What the flags leave open is',
    'guessed from the model, and every guess is said.',
    'JSON: {samples, top1, top5, interval, latencyMs, bytes, ...}. top1 and top5 are shares from 0 to 1, null without labels (top5 also',
    'with five classes or fewer); interval is the 95 % Wilson interval of top1; latencyMs is the median of interleaved runs',
    'after warm-up on one thread; bytes is the size of the model. The whole evaluation follows: classes, confusion,',
    'golden outputs, quartiles, peak memory, and samples that could not be read.',
  ],
  flags: {
    ...DATA_FLAGS,
    part: {
      type: 'string',
      value: 'PART',
      help: 'all (default), or evaluation or calibration: as optimize splits the data',
    },
    'latency-runs': { type: 'string', value: 'N', help: `timed runs (default ${LATENCY_RUNS}; 0: none)` },
    classes: { type: 'boolean', help: 'prints the table of classes' },
    json: { type: 'boolean', help: 'for programs' },
    ...SIGNATURE_FLAG,
  },
  positionals: ['MODEL'],
  async run(args, terminal) {
    const [path = ''] = args.positionals;
    const part = partOf(args);
    const latencyRuns = args.count('latency-runs', LATENCY_RUNS);
    if (args.text('data') === undefined) throw new UsageError('evaluate needs --data PATH.');
    const { openPath, runnableAt, printNotices } = await import('./models.ts');
    const open = await openPath(path, args.text('signature'));
    const data = await dataFromFlags(args, open, terminal);
    if (data === null) throw new UsageError('evaluate needs --data PATH.');
    const before = await runnableAt(open);
    const evaluation = await evaluateOnData({ before, after: null }, data, part, latencyRuns, terminal);
    if (args.on('json')) terminal.out(jsonText({ ...summaryJson(evaluation, open.fileBytes), ...evaluation }));
    else printEvaluation(evaluation, { classes: args.on('classes'), before: open.fileBytes }, terminal);
    printNotices(evaluation.notices, terminal);
  },
};

/** Both models of a pair, or one, in this process. */
export async function evaluateOnData(
  pair: import('#studio/evaluate.ts').Pair,
  data: PreparedData,
  part: DataPart,
  latencyRuns: number,
  terminal: Terminal,
): Promise<Evaluation> {
  const { evaluatePair } = await import('#studio/evaluate.ts');
  const { openOnnxruntimeNode } = await import('#runtimes/onnxruntime/node.ts');
  const runtime = await openOnnxruntimeNode();
  const held = process.memoryUsage.rss();
  const memory = {
    sampleBytes: () => Math.max(0, process.memoryUsage.rss() - held),
    method: `resident memory of the process above what it held before the ${pair.after === null ? 'model was' : 'two models were'} loaded`,
  };
  const { classNames } = data.dataset.info;
  return evaluatePair(
    pair,
    {
      samples: data[part],
      classNames,
      latencyRuns,
      memory: { before: memory, after: pair.after === null ? null : memory },
    },
    { runtime, signal: terminal.signal, onProgress: terminal.onProgress },
  );
}

/** What programs ask for first. */
function summaryJson({ before, latency }: Evaluation, bytes: number): object {
  const share = (proportion: Proportion | null | undefined): number | null => proportion?.share ?? null;
  const top1 = before.classification?.top1;
  return {
    samples: before.samples,
    top1: share(top1),
    top5: share(before.classification?.top5),
    interval: top1 === undefined ? null : [top1.low, top1.high],
    latencyMs: latency?.before.medianMs ?? null,
    bytes,
  };
}
