/** What was measured on data, for people at a terminal. Every figure with its spread or interval and its method. */
import type {
  Evaluation,
  Latency,
  ModelEvaluation,
  OutputAgreement,
  PairedTest,
  Proportion,
} from '#measure/evaluation/report.ts';
import type { Terminal } from './command.ts';
import { bytesText, decibelText, shareText, tableLines } from './table.ts';

export interface EvaluationTextOptions {
  /** Prints the table of classes. */
  readonly classes: boolean;
  /** Bytes of the models' files. */
  readonly before: number;
  readonly after?: number;
}

const MOST_FAILURES = 10;
const RIGHT = 'right' as const;

export function printEvaluation(evaluation: Evaluation, options: EvaluationTextOptions, terminal: Terminal): void {
  const { before, after, latency, paired, agreement } = evaluation;
  const models = [before, ...(after === null ? [] : [after])];
  const sizes = [options.before, ...(options.after === undefined ? [] : [options.after])];
  const times = [latency?.before, ...(after === null ? [] : [latency?.after ?? undefined])];
  const rows: string[][] = [
    ['samples', ...models.map((model) => String(model.samples))],
    ['top-1', ...models.map((model) => proportionText(model.classification?.top1))],
    ['top-5', ...models.map((model) => proportionText(model.classification?.top5))],
    ['latency', ...times.map(latencyText)],
    ['file', ...sizes.map(bytesText)],
    ['peak memory', ...models.map((model) => (model.peakBytes === null ? 'unknown' : bytesText(model.peakBytes)))],
  ];
  const shown = rows.filter((row) => row.slice(1).some((cell) => cell !== ''));
  const heads = after === null ? ['model'] : ['original', 'result'];
  const columns = [{ title: '' }, ...heads.map((title) => ({ title, align: RIGHT }))];
  for (const line of tableLines(columns, shown)) terminal.out(line);
  if (before.classification === null)
    terminal.out('no accuracy: the data has no labels that belong to an output of the model');
  if (paired !== null) terminal.out(pairedText(paired));
  if (latency?.ratio != null) {
    const { median, low, high } = latency.ratio;
    terminal.out(`latency result / original: ${median.toFixed(2)} (quartiles ${low.toFixed(2)} to ${high.toFixed(2)})`);
  }
  printAgreement('output, result against original', agreement, terminal);
  for (const model of models) printAgreement('output, against the golden ones of the data', model.golden, terminal);
  if (options.classes) for (const model of models) printClasses(model, terminal);
  terminal.out('');
  terminal.out(`${evaluation.data}; ${evaluation.runtime}; intervals are Wilson's at 95 %`);
  if (latency !== null) terminal.out(`latency: median and quartiles, ${latency.method}`);
  if (before.peakBytes !== null) terminal.out(`peak memory: ${before.peakMethod}`);
  printFailures(evaluation, terminal);
}

function proportionText(proportion: Proportion | null | undefined): string {
  if (proportion == null) return '';
  return `${shareText(proportion.share)} (${(100 * proportion.low).toFixed(1)} to ${(100 * proportion.high).toFixed(1)})`;
}

function latencyText(latency: Latency | undefined): string {
  if (latency === undefined) return '';
  return `${latency.medianMs.toPrecision(3)} ms (${latency.lowMs.toPrecision(3)} to ${latency.highMs.toPrecision(3)}, ${latency.runs} runs)`;
}

/** In words, so that nobody chases noise. */
export function pairedText({
  onlyBefore,
  onlyAfter,
  pValue,
  differencePoints,
  lowPoints,
  highPoints,
}: PairedTest): string {
  const interval = `${signed(differencePoints)} points (95 %: ${signed(lowPoints)} to ${signed(highPoints)})`;
  const counts = `${onlyBefore} right only before, ${onlyAfter} only after, McNemar p = ${pValue.toPrecision(2)}`;
  return `${pValue < 0.05 ? 'accuracy changed by' : 'no measurable change of accuracy:'} ${interval}; ${counts}`;
}

function signed(points: number): string {
  return `${points > 0 ? '+' : ''}${points.toFixed(2)}`;
}

function printAgreement(title: string, outputs: readonly OutputAgreement[], terminal: Terminal): void {
  if (outputs.length === 0) return;
  const rows = outputs.map((output) => [
    output.name,
    decibelText(output.sqnrDb),
    Number.isNaN(output.cosine) ? '-' : output.cosine.toFixed(6),
    Number.isNaN(output.maxAbs) ? '-' : output.maxAbs.toPrecision(3),
    proportionText(output.top1),
    proportionText(output.threshold),
    output.klNats === null ? '' : output.klNats.toPrecision(3),
  ]);
  const columns = [
    { title, maxWidth: 44 },
    ...['SQNR', 'cosine', 'max |error|', 'same top-1', 'same side of 0.5', 'KL, nats'].map((name) => ({
      title: name,
      align: RIGHT,
    })),
  ];
  terminal.out('');
  for (const line of tableLines(columns, rows)) terminal.out(line);
}

function printClasses({ classification }: ModelEvaluation, terminal: Terminal): void {
  if (classification === null) return;
  const rows = classification.rows
    .filter((row) => row.samples > 0 || row.predicted > 0)
    .map((row) => [
      row.name,
      String(row.samples),
      proportionText(row.recall),
      String(row.predicted),
      proportionText(row.precision),
    ]);
  const columns = [
    { title: 'class', maxWidth: 44 },
    ...['samples', 'recall', 'predicted', 'precision'].map((title) => ({ title, align: RIGHT })),
  ];
  terminal.out('');
  for (const line of tableLines(columns, rows)) terminal.out(line);
}

function printFailures({ failures }: Evaluation, terminal: Terminal): void {
  if (failures.length === 0) return;
  terminal.note(`${failures.length} sample${failures.length === 1 ? ' was' : 's were'} left out:`);
  for (const { sample, problem } of failures.slice(0, MOST_FAILURES)) terminal.note(`  ${sample}: ${problem}`);
  if (failures.length > MOST_FAILURES) terminal.note(`  and ${failures.length - MOST_FAILURES} more`);
}
