/** docs/results-on-data.md: int8 on real data, measured and written here. Its figures do not depend on the speed of a machine. */
import { DATA_TRIALS, tryOnData, type DataTrial, type DataTrialModel } from '#cli/testing/data-trials.ts';
import { pairedText } from '#cli/evaluation-text.ts';
import { bytesText } from '#cli/table.ts';
import type { Proportion } from '#measure/evaluation/report.ts';
import { table } from './page.ts';

const PRESETS = ['int8-static', 'int8-dynamic'] as const;

interface Tried {
  readonly model: DataTrialModel;
  readonly preset: string;
  readonly trial: DataTrial;
  /** Points of top-1 lost, by split; empty without labels. */
  readonly lost: readonly number[];
}

export async function realDataPage(tell: (line: string) => void): Promise<string> {
  const tried: Tried[] = [];
  for (const model of DATA_TRIALS) {
    for (const preset of PRESETS) {
      tell(`${model.name}, ${preset}`);
      const trials: DataTrial[] = [];
      for (let seed = 1; seed <= (model.splits ?? 1); seed += 1) trials.push(await tryOnData(model, { preset, seed }));
      const [trial] = trials;
      if (trial === undefined) continue;
      const lost = trials.flatMap(({ evaluation: { paired } }) => (paired === null ? [] : [-paired.differencePoints]));
      tried.push({ model, preset, trial, lost });
    }
  }
  return [
    '# int8 on real data',
    '',
    'Written by `npm run results`; do not edit by hand. Each model was calibrated on one part of its data and measured on the other.',
    '',
    '## Method',
    '',
    '- Presets `int8-static` and `int8-dynamic` as they come. Splits are seeded, stratified by label and disjoint; `int8-dynamic` needs no',
    '  calibration and is measured on the same part.',
    '- **Top-1** with its 95 % Wilson interval. **Change**: points after minus before on the same samples, 95 % interval by',
    "  Newcombe's method 10, exact two-sided McNemar test. Where one split is too small to tell, the mean over several stands.",
    "- **SQNR** is 10 log10(Σx² / Σ(x - x')²) of the worst output over all samples; **KL** the mean divergence of its softmax in nats.",
    '- **In integers**: nodes that onnxruntime 1.30 computes in integers on an x64 CPU, of those that handle real numbers, by the lint.',
    `- Runtime: ${tried[0]?.trial.evaluation.runtime ?? ''}. Accuracy of pictures moves by about a point with the resizer.`,
    '',
    '## Accuracy',
    '',
    ...accuracy(tried),
    '',
    '## Outputs and size',
    '',
    ...outputs(tried),
    '',
    '## What stayed in float',
    '',
    ...left(tried),
    '',
  ].join('\n');
}

function accuracy(tried: readonly Tried[]): string[] {
  const rows = tried
    .filter(({ lost }) => lost.length > 0)
    .map(({ model, preset, trial: { evaluation }, lost }) => [
      model.name,
      preset,
      String(evaluation.before.samples),
      proportion(evaluation.before.classification?.top1),
      proportion(evaluation.after?.classification?.top1),
      lost.length === 1 && evaluation.paired !== null ? pairedText(evaluation.paired) : splits(lost),
    ]);
  return table(['model', 'preset', 'samples', 'top-1 before', 'top-1 after', 'change'], rows);
}

function splits(lost: readonly number[]): string {
  const mean = lost.reduce((sum, points) => sum + points, 0) / lost.length;
  return `mean of ${lost.length} splits ${signed(-mean)} points (${lost.map((points) => signed(-points)).join(', ')})`;
}

function signed(points: number): string {
  return `${points > 0 ? '+' : ''}${(points + 0).toFixed(2)}`;
}

function proportion(share: Proportion | undefined): string {
  if (share === undefined) return '';
  return `${(100 * share.share).toFixed(2)} % (${(100 * share.low).toFixed(1)} to ${(100 * share.high).toFixed(1)})`;
}

function outputs(tried: readonly Tried[]): string[] {
  const rows = tried.map(({ model, preset, trial }) => {
    const { agreement } = trial.evaluation;
    const worst = agreement.toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
    const integer = trial.lint.rows.filter(({ runs }) => runs === 'integer').length;
    return [
      model.name,
      model.data.replace(/^data\//, ''),
      preset,
      worst === undefined ? '' : `${worst.sqnrDb.toFixed(1)} dB`,
      worst?.klNats == null ? '' : worst.klNats.toPrecision(2),
      worst?.top1 == null ? '' : `${(100 * worst.top1.share).toFixed(1)} %`,
      `${bytesText(trial.bytesBefore)} to ${bytesText(trial.bytesAfter)}`,
      `${integer} of ${trial.lint.rows.length}`,
    ];
  });
  return table(['model', 'data', 'preset', 'SQNR', 'KL', 'same top-1', 'file', 'in integers'], rows);
}

/** Layers that the quantizing step left alone, by reason. */
function left(tried: readonly Tried[]): string[] {
  const rows = tried.map(({ model, preset, trial }) => {
    const reasons = new Map<string, number>();
    for (const step of trial.optimized.report.steps) {
      if (!step.pass.startsWith('quantize/')) continue;
      for (const { action, code } of step.ledger) {
        if (action === 'left') reasons.set(code, (reasons.get(code) ?? 0) + 1);
      }
    }
    const listed = [...reasons].toSorted((a, b) => b[1] - a[1]).map(([code, count]) => `${count} ${code}`);
    return [model.name, preset, listed.join(', ')];
  });
  return table(['model', 'preset', 'layers left alone, by reason'], rows);
}
