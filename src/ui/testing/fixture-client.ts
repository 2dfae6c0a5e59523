/**
 * A client with made-up data, to look at the page without an engine. For development by `fixture.html` alone: it is never
 * part of a build.
 */
import { z } from 'zod';
import { dataSettings } from '#data/settings.ts';
import type { Client } from '#studio/client.ts';
import type { EngineInfo, Jobs, Layer, LayerResult, ModelSummary, OptimizeResult, Recipe } from '#studio/jobs.ts';
import type { OnProgress } from '#base/progress.ts';
import * as data from './fixture-data.ts';

const quantize = z.object({
  bits: z
    .union([z.literal(2), z.literal(4), z.literal(8), z.literal(16)])
    .default(8)
    .meta({ title: 'Bits', unit: 'bits' }),
  granularity: z.enum(['tensor', 'channel', 'block']).default('channel').meta({ title: 'Granularity' }),
  block: z
    .union([z.literal(16), z.literal(32), z.literal(64), z.literal(128), z.literal(256)])
    .default(32)
    .meta({ title: 'Block size', showIf: { granularity: 'block' } }),
  symmetric: z.boolean().default(true).meta({ title: 'Symmetric' }),
  range: z.enum(['minmax', 'percentile', 'mse']).default('minmax').meta({ title: 'Range' }),
  percentile: z
    .number()
    .min(50)
    .max(100)
    .default(99.9)
    .meta({ title: 'Percentile', unit: '%', showIf: { range: 'percentile' } }),
  minimumElements: z.int().min(0).default(1024).meta({ title: 'Smallest weight', unit: 'elements' }),
});

const calibrated = z.object({
  calibration: z
    .enum(['minmax', 'moving-average', 'percentile', 'entropy', 'mse'])
    .default('percentile')
    .meta({ title: 'Range' }),
  activations: z.enum(['uint8', 'int8', 'uint16', 'int16']).default('uint8').meta({ title: 'Activations' }),
  percentile: z
    .number()
    .min(90)
    .max(100)
    .default(99.99)
    .meta({ title: 'Percentile', unit: '%', showIf: { calibration: 'percentile' } }),
});

const info: EngineInfo = {
  passes: [
    {
      name: 'fuse/batch-normalization',
      title: 'Fuse batch normalization',
      summary: 'Folds BatchNormalization into the convolution before it.',
      keeps: 'values',
      needs: [],
      after: [],
      schema: z.toJSONSchema(z.object({}), { io: 'input' }),
      defaults: {},
    },
    {
      name: 'quantize/weights',
      title: 'Quantize weights',
      summary: 'Stores weights as small integers with scales.',
      keeps: 'accuracy',
      needs: [],
      after: ['fuse/batch-normalization'],
      schema: z.toJSONSchema(quantize, { io: 'input' }),
      defaults: quantize.parse({}),
    },
    {
      name: 'quantize/static',
      title: 'Quantize statically',
      summary: 'Stores weights and activations as integers, with ranges measured on data.',
      keeps: 'accuracy',
      needs: ['ranges'],
      after: ['fuse/batch-normalization'],
      schema: z.toJSONSchema(calibrated, { io: 'input' }),
      defaults: calibrated.parse({}),
    },
  ],
  dataSchema: z.toJSONSchema(dataSettings, { io: 'input' }),
  presets: [
    {
      id: 'int8-channel',
      title: 'int8, per channel',
      summary: '',
      recipe: {
        version: 1,
        name: 'int8-channel',
        steps: [{ pass: 'fuse/batch-normalization' }, { pass: 'quantize/weights', options: quantize.parse({}) }],
      },
    },
    {
      id: 'int8-static',
      title: 'int8, static',
      summary: '',
      recipe: {
        version: 1,
        name: 'int8-static',
        steps: [{ pass: 'fuse/batch-normalization' }, { pass: 'quantize/static', options: calibrated.parse({}) }],
      },
    },
    {
      id: 'int4-block32',
      title: 'int4, blocks of 32',
      summary: '',
      recipe: {
        version: 1,
        name: 'int4-block32',
        steps: [{ pass: 'quantize/weights', options: quantize.parse({ bits: 4, granularity: 'block', block: 32 }) }],
      },
    },
  ],
  backend: { name: 'fixture', description: 'made-up figures for development', threads: 2 },
};

function model(count: number, id: string): ModelSummary {
  const layers = Array.from({ length: count }, (_one, at): Layer => {
    const weighted = at % 2 === 0;
    const shape = [8 * (1 + (at % 32)), 3 * (1 + (at % 7)), 3, 3];
    const elements = weighted ? shape.reduce((all, size) => all * size, 1) : 0;
    const name = `MobilenetV1/Conv2d_${at}_${weighted ? 'pointwise/Conv2D' : 'relu/Relu6'}`;
    return {
      name,
      node: at as unknown as Layer['node'],
      op: weighted ? 'Conv' : 'Clip',
      domain: '',
      scope: [],
      outputShapes: [[1, 8, 112, 112]],
      weights: weighted
        ? [
            {
              value: at as unknown as Layer['weights'][number]['value'],
              name: `${name}/weights`,
              input: 1,
              dtype: 'f32',
              shape,
              sizeBytes: elements * 4,
              bits: 32,
              sharedWith: [],
            },
          ]
        : [],
      parameters: elements,
      weightBytes: elements * 4,
      macs: elements * 100,
    };
  });
  const parameters = layers.reduce((sum, layer) => sum + layer.parameters, 0);
  return {
    id,
    name: `${id}.onnx`,
    format: 'onnx',
    formatLabel: 'ONNX, opset 17, IR 8, made-up',
    fileBytes: parameters * 4 + 20_000,
    parameters,
    weightBytes: parameters * 4,
    macs: parameters * 100,
    inputs: [{ name: 'input', dtype: 'f32', shape: [1, 3, 224, 224] }],
    outputs: [{ name: 'output', dtype: 'f32', shape: [1, 1001] }],
    layers,
    notices: [],
    kept: false,
  };
}

const models = new Map(['mobilenet-made-up', 'large-made-up'].map((id, at) => [id, model(at === 0 ? 61 : 10_000, id)]));

function results(of: ModelSummary, recipe: Recipe): readonly LayerResult[] {
  const step = recipe.steps.find((one) => one.pass.startsWith('quantize/'));
  return of.layers
    .filter((layer) => layer.parameters > 0)
    .map((layer, at): LayerResult => {
      const own = recipe.layers?.[layer.name]?.options?.['quantize/weights'];
      const options = quantize.parse(step?.pass === 'quantize/static' ? {} : { ...step?.options, ...own });
      const skipped =
        recipe.layers?.[layer.name]?.exclude === true
          ? 'The recipe excludes this layer.'
          : layer.parameters < 1024
            ? 'It has fewer than 1024 elements.'
            : undefined;
      const left = step === undefined || skipped !== undefined;
      const finer = { tensor: 0, channel: 5, block: 11 - Math.log2(options.block) / 2 }[options.granularity];
      const scales =
        options.granularity === 'block' ? layer.parameters / options.block : (layer.weights[0]?.shape[0] ?? 1);
      return {
        layer: layer.name,
        op: layer.op,
        parameters: layer.parameters,
        bytesBefore: layer.weightBytes,
        bytesAfter: left ? layer.weightBytes : Math.round((layer.parameters * options.bits) / 8 + scales * 4),
        bits: left ? 32 : options.bits,
        error: left
          ? null
          : {
              sqnrDb: options.bits * 5.2 + finer - 8 + 5 * Math.sin(at * 1.7),
              mse: 1e-5,
              cosine: 0.9998,
              maxAbs: 0.01,
            },
        sparsity: null,
        ...(skipped === undefined ? {} : { skipped, skippedCode: layer.parameters < 1024 ? 'too-small' : 'excluded' }),
        ...(left ? {} : { granularity: options.granularity }),
      };
    });
}

const made = new Map<string, Recipe>();

function optimize(of: ModelSummary, recipe: Recipe): OptimizeResult {
  const resultId = `result-${made.size + 1}`;
  made.set(resultId, recipe);
  const layers = results(of, recipe);
  const after = layers.reduce((sum, layer) => sum + layer.bytesAfter, 0);
  const counted = (value: number, unit: string) => ({ value, unit, how: 'counted' as const, method: 'from the file' });
  const figures = (fileBytes: number, weightBytes: number) => ({
    fileBytes: counted(fileBytes, 'bytes'),
    weightBytes: counted(weightBytes, 'bytes'),
    parameters: counted(of.parameters, '1'),
  });
  return {
    resultId,
    summary: of,
    report: {
      recipe,
      before: figures(of.fileBytes, of.weightBytes),
      after: figures(of.fileBytes - of.weightBytes + after, after),
      layers,
      steps: recipe.steps.map((step) => ({ pass: step.pass, title: step.pass, ledger: [], durationMs: 120 })),
      notices: [],
      backend: 'fixture',
    } as unknown as OptimizeResult['report'],
  };
}

/** Answers of the jobs about data; undefined for other jobs. */
function answerData<K extends keyof Jobs>(job: K, input: Jobs[K]['in'], of: ModelSummary | undefined): unknown {
  const given = input as never as Record<string, never>;
  const recipe = made.get(given['resultId'] ?? '') ?? null;
  const choice = (given['data'] ?? input) as { dataId: string; settings: Parameters<typeof data.fit>[1] };
  if (job === 'openData') return data.openData(given['files'] ?? [], given['settings']);
  if (job === 'fitData') return data.fit(choice.dataId, choice.settings);
  if (job === 'viewSample') return data.viewSample(choice.dataId, given['index'] ?? 0, choice.settings);
  if (job === 'closeData') return null;
  if (of === undefined) return undefined;
  if (job === 'optimize') return optimize(of, given['recipe'] as never as Recipe);
  if (job === 'evaluate') return data.evaluate(choice.dataId, choice.settings, recipe);
  if (job === 'latency') return data.latency(recipe);
  if (job === 'layerErrors' && recipe !== null) {
    return data.layerErrors(of, recipe, choice.dataId, choice.settings, given['samples'] ?? 1);
  }
  if (job === 'activations')
    return { views: data.activations(of, given['recipe'] as never as Recipe), method: 'percentile 99.99, 100 samples' };
  if (job === 'activationHistogram') {
    const view = data.activations(of, given['recipe'] as never as Recipe).find((one) => one.value === given['value']);
    if (view === undefined) throw new Error('no such value');
    return data.activationHistogram(view, given['bins'] ?? 128);
  }
  return job === 'lint' && recipe !== null ? data.lint(of, recipe) : undefined;
}

function answer<K extends keyof Jobs>(job: K, input: Jobs[K]['in']): unknown {
  const modelId = 'modelId' in input ? input.modelId : '';
  const of = models.get(modelId);
  const aboutData = answerData(job, input, of);
  if (aboutData !== undefined) return aboutData;
  switch (job) {
    case 'info':
      return info;
    case 'restore':
      return new URLSearchParams(location.search).has('empty') ? [] : [...models.values()].toReversed();
    case 'preview': {
      if (of === undefined || !('recipe' in input)) throw new Error('no model');
      const layers = results(of, input.recipe);
      const after = layers.reduce((sum, layer) => sum + layer.bytesAfter, 0);
      const errors = layers.flatMap((layer) => (layer.error === null ? [] : [layer.error.sqnrDb]));
      return {
        layers,
        weightBytesBefore: of.weightBytes,
        weightBytesAfter: after,
        fileBytesBefore: of.fileBytes,
        fileBytesAfter: of.fileBytes - of.weightBytes + after,
        weightSqnrDb: errors.length === 0 ? null : errors.reduce((sum, db) => sum + db, 0) / errors.length,
        durationMs: 12,
        notices: [],
      };
    }
    case 'histogram': {
      if (!('layer' in input)) throw new Error('no layer');
      const counts = Array.from({ length: 128 }, (_one, at) => Math.round(4000 * Math.exp(-(((at - 62) / 18) ** 2))));
      const bits = quantize.parse(
        input.recipe.steps.find((step) => step.pass === 'quantize/weights')?.options ?? {},
      ).bits;
      const grid = Array.from({ length: Math.min(256, 2 ** bits) }, (_one, at) => -0.4 + (0.8 * at) / (2 ** bits - 1));
      return {
        layer: input.layer,
        weight: `${input.layer}/weights`,
        counts,
        low: -0.42,
        high: 0.42,
        zeros: 12,
        count: 120_000,
        grid,
        gridLabel: 'channel 0 of 64, scale 0.0031',
        rows: 64,
        row: input.row,
      };
    }
    default:
      throw new Error('The fixture cannot do this.');
  }
}

/** Long enough to see the progress, and to cancel it. */
async function pretend(label: string, of: number, onProgress?: OnProgress, signal?: AbortSignal): Promise<void> {
  for (let done = 0; done < of; done += of / 10) {
    if (signal?.aborted === true) throw Object.assign(new Error('Cancelled.'), { name: 'Cancelled' });
    onProgress?.({ label, done, of });
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

export const fixtureClient: Client = {
  async call(job, input, options) {
    if (job === 'optimize' && 'data' in input) await pretend('Calibrating', 100, options?.onProgress, options?.signal);
    if (job === 'evaluate') await pretend('Evaluating the result', 300, options?.onProgress, options?.signal);
    await new Promise((resolve) => setTimeout(resolve, 15));
    return answer(job, input) as never;
  },
  close: () => undefined,
};
