/** The page docs/results-on-data.md, from measured figures. */
import { bytesText } from '#cli/table.ts';
import type { OutputAgreement, PairedTest, Proportion } from '#measure/evaluation/report.ts';
import { table } from './page.ts';
import type { Tried } from './real-data.ts';

export function realDataPage(tried: readonly Tried[]): string {
  return [
    '# int8 on real data',
    '',
    'Written by `npm run results`, this page alone by `npm run results -- data`; do not edit by hand. Each model was calibrated on one part',
    'of its data and measured on the other. Nothing here depends on the speed of a machine; speeds come from `npm run bench`.',
    '',
    ...method(tried),
    '',
    '## Accuracy, first split',
    '',
    ...accuracy(tried),
    '',
    '## Accuracy, every split',
    '',
    'Change in points of top-1, with the p of its McNemar test.',
    '',
    ...everySplit(tried),
    '',
    '## Outputs',
    '',
    ...outputs(tried),
    '',
    '## Size and integers',
    '',
    ...sizes(tried),
    '',
    '## What stayed in float',
    '',
    ...left(tried),
    '',
    ...reasons(tried),
    '',
  ].join('\n');
}

function method(tried: readonly Tried[]): string[] {
  const { evaluation, lint } = tried[0]?.first ?? {};
  return [
    '## Method',
    '',
    '- Presets `int8-static` and `int8-dynamic` as they come. Splits are seeded, stratified by label and disjoint; of a single recording the',
    '  first half is calibrated on. `int8-dynamic` needs no calibration and is measured on the same part. Data is prepared as it is guessed',
    '  from the model; what guesses cannot know is in `src/cli/testing/data-trials.ts`.',
    '- **Top-1** with its 95 % Wilson interval. **Change**: points after minus before on the same samples, 95 % interval by',
    "  Newcombe's method 10; p of the exact two-sided McNemar test. A gain is no promise: rounding turns some wrong answers right, and of",
    '  so many tests some come out below 0.05 by chance.',
    '- **Every split**: seeds 1 to 5. Their evaluation parts overlap, so the mean has no interval; what they show is how far one moves.',
    "- **SQNR** is 10 log10(Σx² / Σ(x - x')²) over all samples, x from the original and x' from the result; **KL** the mean divergence of the",
    '  chances (softmax of scores) in nats, where an output is such; **same top-1** the share of equal largest elements along the last',
    '  axis, a curiosity where they are no classes; **same side** the share of elements on the same side of 0.5, where all lie in 0 to 1.',
    `- **In integers**: nodes that ${lint?.target ?? 'the runtime'}, computes in integers, of those that handle real numbers, by the lint. \`int8-dynamic\``,
    '  stores the weights of convolutions in 8 bits and computes them in float.',
    '- **Left alone**: what the quantizing step says of layers that it did not change. Layers without a line are not counted.',
    `- Runtime: ${evaluation?.runtime ?? ''}. Pictures are decoded by sharp. Accuracy depends on who shrinks them: on ResNet-8's 178 pictures`,
    '  the filters of Pillow 13 range over ten points. Differences between before and after do not see that.',
    '- ResNet-8 is calibrated on 40 pictures, the others on 100 samples, or on half where there are fewer than 200.',
  ];
}

function accuracy(tried: readonly Tried[]): string[] {
  const rows = tried.flatMap(({ model, preset, first: { evaluation } }) => {
    const { before, after, paired } = evaluation;
    if (paired === null) return [];
    return [
      [
        model.name,
        preset,
        String(before.samples),
        proportion(before.classification?.top1),
        proportion(after?.classification?.top1),
        `${signed(paired.differencePoints)} (${signed(paired.lowPoints)} to ${signed(paired.highPoints)})`,
        String(paired.onlyBefore),
        String(paired.onlyAfter),
        paired.pValue.toPrecision(2),
      ],
    ];
  });
  const head = ['model', 'preset', 'samples', 'top-1 before', 'top-1 after', 'change, points'];
  return table([...head, 'right only before', 'only after', 'McNemar p'], rows);
}

function everySplit(tried: readonly Tried[]): string[] {
  const rows = tried.flatMap(({ model, preset, splits }) => {
    const tests = splits.flatMap(({ evaluation: { paired } }) => (paired === null ? [] : [paired]));
    if (tests.length === 0) return [];
    const mean = tests.reduce((sum, { differencePoints }) => sum + differencePoints, 0) / tests.length;
    return [[model.name, preset, signed(mean), ...tests.map(testText)]];
  });
  const seeds = Array.from({ length: Math.max(0, ...rows.map((row) => row.length - 3)) }, (_, at) => `seed ${at + 1}`);
  return table(['model', 'preset', 'mean', ...seeds], rows);
}

function testText({ differencePoints, pValue }: PairedTest): string {
  return `${signed(differencePoints)} (p ${pValue.toPrecision(2)})`;
}

/** Every output; samples are those of the first split. */
function outputs(tried: readonly Tried[]): string[] {
  const rows = tried.flatMap(({ model, preset, first: { evaluation } }) =>
    evaluation.agreement.map((output) => [model.name, preset, output.name, ...agreementCells(output)]),
  );
  return table(['model', 'preset', 'output', 'SQNR', 'KL', 'same top-1', 'same side'], rows);
}

function agreementCells({ sqnrDb, klNats, top1, threshold }: OutputAgreement): string[] {
  return [
    sqnrDb === Infinity ? 'equal' : `${sqnrDb.toFixed(1)} dB`,
    klNats === null ? '' : klNats.toPrecision(2),
    top1 === null ? '' : percent(top1.share),
    threshold === null ? '' : percent(threshold.share),
  ];
}

function sizes(tried: readonly Tried[]): string[] {
  const rows = tried.map(({ model, preset, first: { optimized, evaluation, lint, bytesBefore, bytesAfter } }) => {
    const integer = lint.rows.filter(({ runs }) => runs === 'integer').length;
    return [
      model.name,
      model.data.replace(/^data\//, ''),
      preset,
      firstNumber(optimized.report.calibratedOn),
      String(evaluation.before.samples),
      bytesText(bytesBefore),
      `${bytesText(bytesAfter)} (${percent(bytesAfter / bytesBefore)})`,
      `${integer} of ${lint.rows.length}`,
    ];
  });
  const head = ['model', 'data', 'preset', 'samples calibrated', 'evaluated', 'file before', 'after', 'in integers'];
  return table(head, rows);
}

/** `100 of 1000 samples of kws01 (seed 1, stratified), ...` begins with what was calibrated on. */
function firstNumber(text: string | undefined): string {
  return text === undefined ? 'none' : (/^\d+/.exec(text)?.[0] ?? text);
}

interface Left {
  readonly code: string;
  readonly text: string;
}

function leftOf({ first }: Tried): readonly Left[] {
  return first.optimized.report.steps
    .filter(({ pass }) => pass.startsWith('quantize/'))
    .flatMap(({ ledger }) => ledger.filter(({ action }) => action === 'left'));
}

function left(tried: readonly Tried[]): string[] {
  const rows = tried.map((one) => {
    const counts = new Map<string, number>();
    for (const { code } of leftOf(one)) counts.set(code, (counts.get(code) ?? 0) + 1);
    const listed = [...counts].toSorted((a, b) => b[1] - a[1]).map(([code, count]) => `${count} ${code}`);
    return [one.model.name, one.preset, listed.join(', ')];
  });
  return table(['model', 'preset', 'layers left alone, by reason'], rows);
}

/** What each reason says: its sentence or, where that names layers, one of its sentences. */
function reasons(tried: readonly Tried[]): string[] {
  const texts = new Map<string, string[]>();
  for (const { code, text } of tried.flatMap(leftOf)) texts.set(code, [...(texts.get(code) ?? []), text]);
  return [...texts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, [text = '', ...others]]) => {
      const isSame = others.every((other) => other === text);
      return `- \`${code}\`: ${isSame ? '' : 'such as: '}${text}`;
    });
}

function proportion(share: Proportion | undefined): string {
  if (share === undefined) return '';
  return `${(100 * share.share).toFixed(2)} % (${(100 * share.low).toFixed(1)} to ${(100 * share.high).toFixed(1)})`;
}

function signed(points: number): string {
  return `${points > 0 ? '+' : ''}${(points + 0).toFixed(2)}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
