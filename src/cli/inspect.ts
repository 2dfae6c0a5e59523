/** `pare inspect`: what a model is made of and where its bytes are. */
import type { Layer } from '#ir/layer.ts';
import type { ModelSummary } from '#studio/jobs.ts';
import { SIGNATURE_FLAG, UsageError } from './command.ts';
import type { Command, Terminal } from './command.ts';
import { jsonText } from './json.ts';
import { bytesText, countText, shapeText, shareText, tableLines } from './table.ts';

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'Shows layers, shapes, parameters, bytes and cost of a model',
  usage: 'MODEL [--json] [--sort bytes|macs|order] [--top N]',
  details: [
    'JSON: {format, name, label, opset, irVersion, parameters, bytes, weightBytes, macs, inputs, outputs, layers, notices}.',
    "bytes is the size of the files (of another format onnxBytes is what it takes as ONNX); a layer's bytes are those of the weights that it owns; macs are multiply-accumulates",
    'for one sample, or null with macsUnknown when they are not known.',
  ],
  flags: {
    json: { type: 'boolean', help: 'for programs' },
    sort: {
      type: 'string',
      value: 'KEY',
      help: 'order of the layers: order (of execution, the default), bytes or macs',
    },
    top: { type: 'string', value: 'N', help: 'only the first N layers of that order' },
    ...SIGNATURE_FLAG,
  },
  positionals: ['MODEL'],
  async run(args, terminal) {
    const [path = ''] = args.positionals;
    const sort = sorting(args.text('sort'));
    const top = args.count('top', Number.MAX_SAFE_INTEGER, 1);
    const { openPath, printNotices } = await import('./models.ts');
    const { summarizeModel } = await import('#studio/inspect.ts');
    const open = await openPath(path, args.text('signature'));
    const summary = summarizeModel(open);
    const isOnnx = open.model.source.format === 'onnx';
    const layers = summary.layers.toSorted(sort).slice(0, top);
    if (args.on('json')) {
      terminal.out(
        jsonText({
          format: summary.format,
          name: summary.name,
          label: summary.formatLabel,
          opset: open.model.opsets.get('') ?? null,
          irVersion: open.model.irVersion,
          parameters: summary.parameters,
          bytes: open.sourceBytes,
          ...(isOnnx ? {} : { onnxBytes: summary.fileBytes }),
          weightBytes: summary.weightBytes,
          macs: summary.macs,
          inputs: summary.inputs,
          outputs: summary.outputs,
          layers: layers.map(layerJson),
          notices: summary.notices,
        }),
      );
      return;
    }
    printSummary(summary, open.sourceBytes, layers, terminal);
    printNotices(summary.notices, terminal);
  },
};

function sorting(key: string | undefined): (a: Layer, b: Layer) => number {
  if (key === 'bytes') return (a, b) => b.weightBytes - a.weightBytes;
  if (key === 'macs') return (a, b) => (b.macs ?? -1) - (a.macs ?? -1);
  if (key === undefined || key === 'order') return () => 0;
  throw new UsageError(`--sort takes order, bytes or macs, not '${key}'.`);
}

function layerJson(layer: Layer): object {
  return {
    name: layer.name,
    op: layer.domain === '' ? layer.op : `${layer.domain}.${layer.op}`,
    ...(layer.scope.length === 0 ? {} : { scope: layer.scope }),
    shape: layer.outputShapes[0] ?? null,
    parameters: layer.parameters,
    bytes: layer.weightBytes,
    macs: layer.macs,
    ...(layer.macsUnknown === undefined ? {} : { macsUnknown: layer.macsUnknown }),
    weights: layer.weights.map(({ name, dtype, shape, bits, sizeBytes }) => ({
      name,
      dtype,
      shape,
      bits,
      bytes: sizeBytes,
    })),
  };
}

function printSummary(summary: ModelSummary, sourceBytes: number, layers: readonly Layer[], terminal: Terminal): void {
  const asOnnx: [string, string][] = summary.format === 'onnx' ? [] : [['as ONNX', bytesText(summary.fileBytes)]];
  const macs = summary.macs === null ? "unknown (some layers' cost is not known)" : countText(summary.macs);
  const slots = (list: ModelSummary['inputs']): string =>
    list.map((slot) => `${slot.name} ${slot.dtype ?? '?'} ${shapeText(slot.shape)}`).join('; ') || 'none';
  const facts: [string, string][] = [
    ['model', summary.name],
    ['format', summary.formatLabel],
    ['file', bytesText(sourceBytes)],
    ...asOnnx,
    ['weights', `${bytesText(summary.weightBytes)} in ${countText(summary.parameters)} parameters`],
    ['multiply-accumulates', `${macs} for one sample`],
    ['inputs', slots(summary.inputs)],
    ['outputs', slots(summary.outputs)],
  ];
  for (const line of tableLines([{ title: '' }, { title: '' }], facts).slice(1)) terminal.out(line);
  terminal.out('');
  const rows = layers.map((layer) => [
    layer.name,
    layer.op,
    shapeText(layer.outputShapes[0] ?? null),
    layer.parameters === 0 ? '' : countText(layer.parameters),
    layer.weightBytes === 0 ? '' : bytesText(layer.weightBytes),
    layer.weightBytes === 0 ? '' : shareText(layer.weightBytes / summary.weightBytes),
    layer.macs === null ? 'unknown' : layer.macs === 0 ? '' : countText(layer.macs),
    [...new Set(layer.weights.map((weight) => weight.dtype))].join(' '),
  ]);
  const table = tableLines(
    [
      { title: 'layer', maxWidth: 44 },
      { title: 'operator' },
      { title: 'output', maxWidth: 28 },
      { title: 'parameters', align: 'right' },
      { title: 'bytes', align: 'right' },
      { title: 'share', align: 'right' },
      { title: 'MACs', align: 'right' },
      { title: 'weights' },
    ],
    rows,
  );
  for (const line of table) terminal.out(line);
}
