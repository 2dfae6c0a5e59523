/**
 * The engine's jobs about data: what was dropped as samples, what calibration saw of it, and what is measured on it. Loaded
 * when the first of them comes.
 */
import type { Files } from '#base/bytes.ts';
import { PareError } from '#base/failure.ts';
import type { OpenDataset } from '#data/open.ts';
import type { DecodePicture } from '#data/samples.ts';
import {
  createCalibrationCache,
  createEvidence,
  type CalibrationCache,
  type CalibrationSource,
} from '#measure/calibration/evidence-source.ts';
import type { ModelWithWeights } from '#measure/evaluation/layers/layer-errors.ts';
import type { Recipe } from '#recipes/recipe.ts';
import { activationHistogramOf, activationsOf } from './activations.ts';
import { originalFiles } from './compare.ts';
import { openData, prepareData, sampleView, summarizeData, type PreparedData } from './data.ts';
import type { JobContext } from './door.ts';
import { evaluatePair, latencyOf, layerErrorsOf, lintOf, type Pair } from './evaluate.ts';
import type { DataChoice, DataJobs, DroppedFile } from './jobs.ts';
import type { HostedRuntime, OpenRuntime } from '#runtimes/runtime.ts';
import type { OpenModel, Optimized } from './workshop.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import { writeModel } from './write.ts';

export interface DataEngineParts {
  readonly openRuntime: OpenRuntime | null;
  /** null: nothing here decodes pictures. */
  readonly decode: DecodePicture | null;
  filesFrom(dropped: readonly DroppedFile[]): Files;
  modelOf(id: string): OpenModel;
  resultOf(id: string, context: JobContext): Promise<Optimized>;
  /** The result of a recipe on a model and data, made where it is not held. */
  resultFor(modelId: string, recipe: Recipe, data: DataChoice, context: JobContext): Promise<Optimized>;
  /** The opened model as it stands before the recipe's first lossy step; kept between jobs. */
  beforeLossy(modelId: string, recipe: Recipe, context: JobContext): Promise<ModelWithWeights>;
}

export type DataEngine = {
  readonly [K in keyof DataJobs]: (input: DataJobs[K]['in'], context: JobContext) => Promise<DataJobs[K]['out']>;
} & {
  /** Measures on the calibration part of the data; what was measured before is used again. */
  evidence(modelId: string, data: DataChoice): Promise<CalibrationSource>;
  forgetModel(modelId: string): void;
};

const LATENCY_RUNS = 30;

export function createDataEngine(parts: DataEngineParts): DataEngine {
  const datasets = new Map<string, OpenDataset>();
  const caches = new Map<string, CalibrationCache>();

  const datasetOf = (id: string): OpenDataset => {
    const dataset = datasets.get(id);
    if (dataset !== undefined) return dataset;
    throw new PareError({
      code: 'studio/no-data',
      problem: 'This data is no longer open.',
      hint: 'Drop its files again.',
    });
  };
  const prepared = (modelId: string, { dataId, settings }: DataChoice): Promise<PreparedData> =>
    prepareData(parts.modelOf(modelId), datasetOf(dataId), settings);

  const evidence = async (modelId: string, data: DataChoice): Promise<CalibrationSource> => {
    const { calibration } = await prepared(modelId, data);
    const cache = caches.get(modelId) ?? createCalibrationCache();
    caches.set(modelId, cache);
    return createEvidence({ samples: calibration, openRuntime: requireRuntime(parts.openRuntime), cache });
  };

  /** Runs the work in a runtime of its own, whose memory goes with it. */
  const withRuntime = async <T>(context: JobContext, work: (hosted: HostedRuntime) => Promise<T>): Promise<T> => {
    const hosted = await requireRuntime(parts.openRuntime)(context.signal);
    try {
      return await work(hosted);
    } finally {
      hosted.end();
    }
  };
  const pairOf = async (modelId: string, resultId: string | null, context: JobContext): Promise<Pair> => ({
    before: await runnableOf(await originalFiles(parts.modelOf(modelId))),
    after: resultId === null ? null : await runnableOf(await writeModel(await parts.resultOf(resultId, context))),
  });

  return {
    evidence,
    forgetModel(modelId) {
      caches.delete(modelId);
    },

    async openData({ modelId, files, settings }, { signal }) {
      const open = parts.modelOf(modelId);
      const dataset = await openData(parts.filesFrom(files), { decode: parts.decode, signal });
      datasets.set(dataset.info.id, dataset);
      return summarizeData(open, dataset, settings);
    },

    async fitData({ modelId, dataId, settings }) {
      return summarizeData(parts.modelOf(modelId), datasetOf(dataId), settings);
    },

    async viewSample({ modelId, dataId, settings, index }) {
      return sampleView(parts.modelOf(modelId), datasetOf(dataId), settings, index);
    },

    async closeData({ dataId }) {
      datasets.delete(dataId);
      return null;
    },

    async evaluate({ modelId, resultId, data, latency }, context) {
      const { evaluation, dataset } = await prepared(modelId, data);
      const pair = await pairOf(modelId, resultId, context);
      return withRuntime(context, ({ runtime }) =>
        evaluatePair(
          pair,
          { samples: evaluation, classNames: dataset.info.classNames, latencyRuns: latency ? LATENCY_RUNS : 0 },
          { ...context, runtime },
        ),
      );
    },

    async layerErrors({ modelId, resultId, data, samples }, context) {
      const { evaluation } = await prepared(modelId, data);
      const result = await parts.resultOf(resultId, context);
      const before = await parts.beforeLossy(modelId, result.recipe, context);
      return withRuntime(context, ({ runtime }) =>
        layerErrorsOf(before, result, { samples: evaluation, count: samples }, { ...context, runtime }),
      );
    },

    async latency({ modelId, resultId, data, runs }, context) {
      const samples = data === undefined ? null : (await prepared(modelId, data)).evaluation;
      const pair = await pairOf(modelId, resultId, context);
      return withRuntime(context, ({ runtime }) =>
        latencyOf(parts.modelOf(modelId), pair, { samples, runs }, { ...context, runtime }),
      );
    },

    async activations({ modelId, recipe, data }, context) {
      const source = await evidence(modelId, data);
      const result = await parts.resultFor(modelId, recipe, data, context);
      const before = await parts.beforeLossy(modelId, result.recipe, context);
      return activationsOf(result, { ...context, before, evidence: source });
    },

    async activationHistogram({ modelId, recipe, data, value, bins }, context) {
      const source = await evidence(modelId, data);
      const result = await parts.resultFor(modelId, recipe, data, context);
      const before = await parts.beforeLossy(modelId, result.recipe, context);
      return activationHistogramOf(result, { value, bins }, { ...context, before, evidence: source });
    },

    async lint({ resultId }, context) {
      return lintOf(await parts.resultOf(resultId, context), { provider: 'wasm', arch: 'x64' });
    },
  };
}

function requireRuntime(openRuntime: OpenRuntime | null): OpenRuntime {
  if (openRuntime !== null) return openRuntime;
  throw new PareError({ code: 'studio/no-runtime', problem: 'There is no runtime here to run models with.' });
}
