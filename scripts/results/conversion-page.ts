/** The page docs/results-of-conversion.md, from measured figures. */
import { bytesText } from '#cli/table.ts';
import { figure, ruleText, verdict } from '#cli/testing/conversion-text.ts';
import type { ConversionTrial } from '#cli/testing/conversion-trials.ts';
import type { TriedConversions } from './conversion.ts';
import { table } from './page.ts';

const FORMATS = { tflite: 'TensorFlow Lite', keras: 'Keras', savedmodel: 'SavedModel', tfjs: 'TensorFlow.js' } as const;

export function conversionPage({ trials, layers, agreements, accuracies }: TriedConversions): string {
  const of = (outcome: ConversionTrial['outcome']): readonly ConversionTrial[] =>
    trials.filter((trial) => trial.outcome === outcome);
  const converted = of('converted');
  return [
    '# What became of foreign models',
    '',
    'Written by `npm run results`, this page alone by `npm run results -- conversion`; do not edit by hand. Nothing here depends on the',
    'speed of a machine.',
    '',
    `Of ${trials.length} models of TensorFlow Lite, Keras, SavedModel and TensorFlow.js in the test data, ${converted.length} convert to ONNX;`,
    `refused for operators that have no counterpart: ${of('refused').length}; failed: ${of('failed').length}.`,
    '',
    '## Method',
    '',
    '- Each model is opened as `pare` opens it, written as ONNX, run in onnxruntime for Node, and compared with what its own runtime',
    '  answers to the same inputs: LiteRT or TensorFlow.js in Node, or TensorFlow in Python where neither can, whose outputs',
    '  `scripts/reference/formats/record-conversions.py` recorded (of long outputs, every so many-th value).',
    '- **Float** models are bound by the largest difference; where the output goes beyond 1, by that times its largest magnitude.',
    '- **Integer** models give levels: the share that is equal to the bit, and the most steps between two.',
    '- **Dynamic-range** models have weights of 8 bits, and LiteRT rounds their activations to 8 bits as it runs. The conversion keeps',
    "  activations in float, so that the two differ by this rounding. SQNR is 10 log10(Σx² / Σ(x - x')²), x from LiteRT.",
    "- Where TFLite's own kernels (XNNPACK, optimized and reference, in TensorFlow 2.21) lie farther apart on the same inputs than the",
    '  bound, their distance is the bound: second in its column, or more than one step.',
    '- Where no other program runs the model, how far LiteRT itself lies from the same graph in double precision (our own',
    '  interpreter) is added to the bound: behind the plus.',
    '- The figure is that of the output that does worst against its bound.',
    '- **Batch**: where the first size is open, some samples are run at once; the largest difference from running alone.',
    '- **Transpose**: how many the conversion needs, and how many of them stand neither behind an input nor before an output.',
    '',
    "## Agreement with the model's own runtime",
    '',
    ...Object.entries(FORMATS).flatMap(([format, title]) => [
      `### ${title}`,
      '',
      ...agreement(converted.filter(({ model }) => model.format === format)),
      '',
    ]),
    '## Integer models, operator by operator',
    '',
    "Each part between two rounded values is given LiteRT's own levels for one sample, and its result is held to LiteRT's next levels.",
    'In a whole model a difference of one step grows from layer to layer; here it cannot.',
    '',
    ...table(
      ['model', 'parts', 'levels', 'parts that differ', 'fewest equal', 'most steps'],
      [...layers].map(([path, parts]) => [
        code(path),
        String(parts.length),
        String(parts.reduce((sum, { values }) => sum + values, 0)),
        String(parts.filter(({ levels }) => levels?.maxSteps !== 0).length),
        `${(100 * Math.min(...parts.map(({ levels }) => levels?.equalShare ?? NaN))).toFixed(2)} %`,
        String(Math.max(...parts.map(({ levels }) => levels?.maxSteps ?? NaN))),
      ]),
    ),
    '',
    '## One network in several formats',
    '',
    ...table(
      ['network', 'formats', 'inputs', 'values', 'largest difference', 'bound'],
      agreements.map(({ network, formats, inputs, values, maxAbs, bound }) => [
        network,
        formats.join(', '),
        inputs,
        String(values),
        figure(maxAbs),
        bound.toExponential(0),
      ]),
    ),
    '',
    '## Accuracy of converted models',
    '',
    ...table(
      ['model', 'right', 'of', 'known', 'from'],
      accuracies.map(({ path, right, of: all, known, knownFrom }) => [
        code(path),
        String(right),
        String(all),
        String(known),
        knownFrom,
      ]),
    ),
    '',
    '## What they became',
    '',
    ...table(
      ['model', 'file before', 'ONNX', 'opset', 'Transpose (inside)', 'operators'],
      converted.map(({ model, bytes, opset, transposes, operators }) => [
        code(model.path),
        bytesText(bytes.before),
        bytesText(bytes.after),
        String(opset),
        `${transposes.all} (${transposes.inside.length})`,
        operators.map(([name, count]) => (count === 1 ? name : `${count} ${name}`)).join(', '),
      ]),
    ),
    '',
    ...refused(trials),
  ].join('\n');
}

function agreement(trials: readonly ConversionTrial[]): string[] {
  const rows = trials.map(({ model, comparison }) => {
    if (comparison === undefined) return [code(model.path)];
    const { oracle, inputs, rule, batch } = comparison;
    const together = batch === undefined ? '' : `${batch.samples}: ${figure(batch.maxAbs)}`;
    return [code(model.path), oracle, inputs, verdict(comparison), ruleText(rule), together];
  });
  return table(['model', 'judge', 'inputs', 'agreement', 'bound', 'batch'], rows);
}

function refused(trials: readonly ConversionTrial[]): string[] {
  const rows = trials.flatMap(({ model, refusals, failure }) => [
    ...refusals.map(({ operator, node, reason, hint }) => [
      code(model.path),
      operator,
      code(node),
      `${reason} ${hint}`,
    ]),
    ...(failure === undefined ? [] : [[code(model.path), '', '', failure]]),
  ]);
  if (rows.length === 0) return [];
  return ['## What was refused', '', ...table(['model', 'operator', 'node', 'reason'], rows), ''];
}

function code(text: string): string {
  return `\`${text}\``;
}
