/** Measures every preset on every real model, for the table in docs/results.md. */
import { top1Accuracy } from '#measure/accuracy.ts';
import type { Accuracy } from '#measure/accuracy.ts';
import type { OutputFigures } from '#measure/output-meter.ts';
import { fileBytesFigure, zippedBytesFigure } from '#measure/sizes.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { originalFiles } from '#studio/save.ts';
import { openBackendForNode } from '#cli/backend.ts';
import { mnistDigits, REAL_MODELS } from '#cli/testing/real-models.ts';
import { openBench, TRIED_PRESETS } from '#cli/testing/trial.ts';
import type { Bench, Trial } from '#cli/testing/trial.ts';

export interface ModelResults {
  readonly name: string;
  readonly path: string;
  readonly label: string;
  readonly parameters: number;
  readonly fileBytes: number;
  readonly zippedBytes: number;
  readonly inputs: string;
  readonly rows: readonly Row[];
}

export interface Row {
  readonly preset: string;
  readonly fileBytes: number;
  readonly zippedBytes: number;
  readonly weightSqnrDb: number | null;
  readonly node: Worst;
  readonly web: Worst;
  /** Weights changed by the recipe's lossy steps, and those left alone by reason. */
  readonly changed: number;
  readonly left: ReadonlyMap<string, number>;
  readonly accuracy?: Accuracy;
}

/** The worst of all outputs, figure by figure. */
export interface Worst {
  readonly sqnrDb: number;
  readonly cosine: number;
  readonly maxAbs: number;
  readonly top1Agreement: number | null;
  readonly notFinite: number;
}

export async function measureAll(
  tell: (line: string) => void,
): Promise<{ models: ModelResults[]; runtimes: string[] }> {
  const runtimes = [await openOnnxruntimeNode(), await openOnnxruntimeWeb()];
  const backend = await openBackendForNode();
  const models: ModelResults[] = [];
  for (const model of REAL_MODELS) {
    tell(model.name);
    const bench = await openBench(model, runtimes, backend);
    const files = await originalFiles(bench.open);
    const rows: Row[] = [];
    for (const preset of TRIED_PRESETS) {
      tell(`  ${preset}`);
      rows.push(await rowOf(await bench.try(preset), bench, runtimes, model.name));
    }
    const { open } = bench;
    models.push({
      name: model.name,
      path: model.path.replace(/^models\//, ''),
      label: `opset ${open.model.opsets.get('') ?? '?'}, IR ${open.model.irVersion}`,
      parameters: open.layers.reduce((sum, layer) => sum + layer.parameters, 0),
      fileBytes: fileBytesFigure(files).value,
      zippedBytes: (await zippedBytesFigure(files)).value,
      inputs: bench.given.method,
      rows,
    });
    await bench.close();
  }
  backend.close();
  return { models, runtimes: runtimes.map((runtime) => runtime.description) };
}

async function rowOf(trial: Trial, bench: Bench, runtimes: readonly Runtime[], name: string): Promise<Row> {
  const { optimized, files, outputs } = trial;
  const lossy = optimized.report.steps.filter((step) => !/^(simplify|fuse)\//.test(step.pass));
  const entries = lossy.flatMap((step) => step.ledger);
  const left = new Map<string, number>();
  for (const entry of entries) if (entry.action === 'left') left.set(entry.code, (left.get(entry.code) ?? 0) + 1);
  return {
    preset: trial.preset,
    fileBytes: fileBytesFigure(files).value,
    zippedBytes: (await zippedBytesFigure(files)).value,
    weightSqnrDb: optimized.report.after.weightSqnr?.value ?? null,
    node: worstOf(outputs.get('onnxruntime-node')?.outputs ?? []),
    web: worstOf(outputs.get('onnxruntime-web')?.outputs ?? []),
    changed: entries.filter((entry) => entry.action === 'changed').length,
    left,
    ...(name === 'MNIST CNN' ? { accuracy: await mnistAccuracy(trial, runtimes[0]) } : {}),
  };
}

function worstOf(outputs: readonly OutputFigures[]): Worst {
  const agreements = outputs.flatMap(({ top1Agreement }) => (top1Agreement === null ? [] : [top1Agreement]));
  return {
    sqnrDb: Math.min(...outputs.map((output) => output.sqnrDb)),
    cosine: Math.min(...outputs.map((output) => output.cosine)),
    maxAbs: Math.max(...outputs.map((output) => output.maxAbs)),
    top1Agreement: agreements.length === 0 ? null : Math.min(...agreements),
    notFinite: outputs.reduce((sum, output) => sum + output.notFinite.result, 0),
  };
}

async function mnistAccuracy(trial: Trial, runtime: Runtime | undefined): Promise<Accuracy> {
  if (runtime === undefined) throw new Error('there is no runtime');
  const session = await runtime.load(trial.runnable);
  const input = session.inputs[0]?.name ?? '';
  const { images, labels } = mnistDigits();
  const examples = images.map((image, i) => ({ feeds: new Map([[input, image]]), label: labels[i] ?? -1 }));
  const accuracy = await top1Accuracy(session, examples);
  await session.close();
  return accuracy;
}
