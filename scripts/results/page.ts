/** The page docs/results.md, from measured figures. */
import { bytesText, countText } from '#cli/table.ts';
import { findPreset } from '#recipes/presets.ts';
import type { ModelResults, Row, Worst } from './measure.ts';

/** The runtimes compute the same weights in another order; beyond this difference in dB the page shows both. */
const SAME_DB = 0.05;

export function resultsPage(models: readonly ModelResults[], runtimes: readonly string[]): string {
  return [
    '# What the presets do to real models',
    '',
    'Written by `npm run results`; do not edit by hand. Sizes are counted, errors measured; nothing here depends on the',
    'speed of a machine. What int8 does to accuracy, with activations rounded too, is in [results-on-data.md](results-on-data.md).',
    '',
    ...method(runtimes),
    '',
    '## At a glance',
    '',
    'File size as a share of the original, and SQNR of the worst output (`equal`: not one bit differs).',
    '',
    ...glance(models),
    '',
    ...models.flatMap(modelSection),
    ...accuracySection(models),
  ].join('\n');
}

function method(runtimes: readonly string[]): string[] {
  const presets = ['none', 'int8-channel', 'int4-block32', 'sparse-2-4', 'float16'].map(findPreset);
  return [
    '## Method',
    '',
    '- **Presets**, as `pare presets` prints them:',
    ...presets.map(
      (preset) => `  - \`${preset?.id}\`: ${preset?.summary} Steps: ${stepsOf(preset?.recipe.steps ?? [])}.`,
    ),
    `- **Runtimes**: ${runtimes.join(' and ')}. Every result in these tables was loaded and run by both. Weights are computed as`,
    '  written: `session.qdq_matmulnbits_accuracy_level` is 0, as the native build otherwise quantizes the activations of',
    '  4-bit layers on its own.',
    "- **SQNR** of an output is 10 log10(Σx² / Σ(x - x')²) over all elements of all runs, x from the original and x' from the",
    '  result in the same runtime, in double precision. With several outputs each column shows the worst of them.',
    '- **Top-1**: share of positions along the last axis at which the largest element is the same; for outputs that are not',
    '  scores it is only a curiosity.',
    '- **Weight SQNR** is the same ratio over all weights that the recipe changed, before and after.',
    '- **Zipped** is the size after deflate at the default level: what a download or an app package takes.',
    '- **Random inputs** show how far the outputs moved, not how good the model still is. A classifier whose outputs are saturated',
    '  or a detector that sees noise can lose all of its agreement there and little of its accuracy on photographs, or the reverse.',
    '- Pruning and 4 bits are applied without any training or calibration: this is the starting point that later methods improve.',
  ];
}

function stepsOf(
  steps: readonly { readonly pass: string; readonly options?: Record<string, unknown> | undefined }[],
): string {
  if (steps.length === 0) return 'none';
  return steps
    .map(
      ({ pass, options }) => `${pass}${options === undefined ? '' : ` ${JSON.stringify(options).replaceAll('"', '')}`}`,
    )
    .join(', ');
}

function glance(models: readonly ModelResults[]): string[] {
  const presets = models[0]?.rows.map((row) => row.preset) ?? [];
  return table(
    ['model', 'file', ...presets],
    models.map((model) => [
      model.name,
      bytesText(model.fileBytes),
      ...model.rows.map(
        (row) => `${percent(row.fileBytes / model.fileBytes)}, ${decibels(Math.min(row.node.sqnrDb, row.web.sqnrDb))}`,
      ),
    ]),
  );
}

function modelSection(model: ModelResults): string[] {
  return [
    `## ${model.name}`,
    '',
    `\`${model.path}\`, ${model.label}, ${countText(model.parameters)} parameters, ${bytesText(model.fileBytes)}, zipped ${bytesText(model.zippedBytes)}. Inputs: ${model.inputs}.`,
    '',
    ...table(
      [
        'preset',
        'file',
        'zipped',
        'weight SQNR',
        'output SQNR',
        'cosine',
        'max abs',
        'top-1',
        'weights changed',
        'left alone',
      ],
      model.rows.map((row) => [
        row.preset,
        `${bytesText(row.fileBytes)} (${percent(row.fileBytes / model.fileBytes)})`,
        `${bytesText(row.zippedBytes)} (${percent(row.zippedBytes / model.zippedBytes)})`,
        row.weightSqnrDb === null ? '' : decibels(row.weightSqnrDb),
        bothSqnr(row),
        cosineText(Math.min(row.node.cosine, row.web.cosine)),
        worse(row, 'maxAbs'),
        agreementText(row),
        String(row.changed),
        [...row.left].map(([reason, count]) => `${count} ${reason}`).join(', '),
      ]),
    ),
    '',
  ];
}

function accuracySection(models: readonly ModelResults[]): string[] {
  const rows = models.flatMap((model) =>
    model.rows.filter((row) => row.accuracy !== undefined).map((row) => ({ model, row })),
  );
  if (rows.length === 0) return [];
  return [
    '## Accuracy',
    '',
    'Top-1 on the first 2000 images of the MNIST test set, pixels 0 to 255, in onnxruntime-node; 95 % Wilson interval.',
    '',
    ...table(
      ['model', 'preset', 'correct', 'accuracy', 'interval'],
      rows.map(({ model, row }) => {
        const { correct = 0, count = 0, share = 0, low = 0, high = 0 } = row.accuracy ?? {};
        const points = (value: number): string => `${(100 * value).toFixed(2)} %`;
        return [model.name, row.preset, `${correct} of ${count}`, points(share), `${points(low)} to ${points(high)}`];
      }),
    ),
    '',
  ];
}

function bothSqnr(row: Row): string {
  const { node, web } = row;
  const note = node.notFinite + web.notFinite > 0 ? ' (some elements are not finite)' : '';
  if (node.sqnrDb === web.sqnrDb || Math.abs(node.sqnrDb - web.sqnrDb) < SAME_DB) return decibels(node.sqnrDb) + note;
  return `${decibels(node.sqnrDb)} node, ${decibels(web.sqnrDb)} web${note}`;
}

function worse(row: Row, key: 'maxAbs'): string {
  const value = Math.max(row.node[key], row.web[key]);
  return value === 0 ? '0' : value.toPrecision(2);
}

function agreementText({ node, web }: { readonly node: Worst; readonly web: Worst }): string {
  if (node.top1Agreement === null || web.top1Agreement === null) return '';
  return percent(Math.min(node.top1Agreement, web.top1Agreement));
}

function cosineText(value: number): string {
  return value === 1 ? '1' : value.toFixed(4);
}

function decibels(value: number): string {
  if (value === Infinity) return 'equal';
  return Number.isNaN(value) ? 'unknown' : `${value.toFixed(1)} dB`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)];
}
