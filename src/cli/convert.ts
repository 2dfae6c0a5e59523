/** `pare convert`: a model of any format that opens, written as ONNX and run once before it gets its name. */
import { basename, dirname, join } from 'node:path';
import { PareError } from '#base/failure.ts';
import type { OpenModel } from '#studio/workshop.ts';
import { SIGNATURE_FLAG, UsageError } from './command.ts';
import type { Command, Terminal } from './command.ts';
import { bytesText, countText } from './table.ts';
import { outputPath, refuseOverwriting, writeJudged } from './write-files.ts';

export const convertCommand: Command = {
  name: 'convert',
  summary: 'Writes a TensorFlow, Keras, TFLite or TF.js model as ONNX',
  usage: 'MODEL --to onnx -o OUT [--signature NAME]',
  details: [
    'Names of inputs, outputs and layers stay as they are; inputs keep their layout. Quantized models stay quantized:',
    'scales and zero points become QuantizeLinear and DequantizeLinear. The result is loaded and run by onnxruntime on a',
    'random input before it gets its name. An operator without a counterpart is named, with what could be done about it.',
  ],
  flags: {
    to: { type: 'string', value: 'FORMAT', help: 'onnx' },
    output: { type: 'string', short: 'o', value: 'OUT', help: 'file to write, or a folder that exists' },
    ...SIGNATURE_FLAG,
    'external-data': { type: 'string', value: 'MODE', help: 'inline (default) or external: where the weights go' },
    'no-verify': { type: 'boolean', help: 'does not run the result' },
  },
  positionals: ['MODEL'],
  async run(args, terminal) {
    const [path = ''] = args.positionals;
    const output = args.text('output');
    const to = args.text('to') ?? 'onnx';
    if (to !== 'onnx') throw new UsageError(`--to takes onnx, not '${to}'.`);
    if (output === undefined) throw new UsageError('convert needs -o OUT.');
    const external = args.text('external-data') ?? 'inline';
    if (external !== 'inline' && external !== 'external') {
      throw new UsageError(`--external-data takes inline or external, not '${external}'.`);
    }
    const { openPath, printNotices } = await import('./models.ts');
    const { writeModel } = await import('#studio/write.ts');
    const open = await openPath(path, args.text('signature'));
    const out = outputPath(output, open);
    refuseOverwriting([out], open.files);
    const files = await writeModel(open, { path: basename(out), externalData: external });
    const verify = !args.on('no-verify');
    const ran = await writeJudged(dirname(out), files, terminal.signal, (written) =>
      verify ? runOnce(written, open, terminal) : Promise.resolve('not run: it was not asked for'),
    );
    const { nodes } = open.model.graph;
    const transposes = nodes.filter((node) => node.op === 'Transpose').length;
    terminal.out(
      `${open.model.source.format} -> ONNX opset ${open.model.opsets.get('') ?? '?'}: ${countText(nodes.length)} nodes, ${countText(transposes)} of them Transpose`,
    );
    terminal.out(ran);
    terminal.out(
      `wrote ${files.map((file) => `${join(dirname(out), file.path)} (${bytesText(file.sizeBytes)})`).join(', ')}`,
    );
    printNotices(open.notices, terminal);
  },
};

/** Loads the written file and runs it on one random input: a file that onnxruntime refuses is refused here. */
async function runOnce(path: string, open: OpenModel, terminal: Terminal): Promise<string> {
  const { openOnnxruntimeNode } = await import('#runtimes/onnxruntime/node.ts');
  const { workableFeeds } = await import('#measure/workable-feeds.ts');
  const { idLimits } = await import('#measure/id-limits.ts');
  const runtime = await openOnnxruntimeNode();
  const session = await runtime.load({ name: 'the result', model: { path } });
  try {
    const limits = idLimits(open.model);
    const { feeds, method } = await workableFeeds(session, { runs: 1, seed: 1, limits, signal: terminal.signal });
    const outputs = await session.run(feeds[0] ?? new Map());
    return `ran in ${runtime.description} on ${method}: ${[...outputs].map(([name, { shape }]) => `${name} [${shape.join(', ')}]`).join(', ')}`;
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
    return `loads in ${runtime.description}; not run, as random inputs did not suit it (${error.message})`;
  } finally {
    await session.close();
  }
}
