/**
 * The engine: owns the opened models, their results and the backend, and answers the page's jobs. It knows no worker: what
 * differs between a browser and a test is handed in.
 */
import type { Files } from '#base/bytes.ts';
import { Cancelled, checkCancelled, PareError } from '#base/failure.ts';
import { blobSource } from '#base/sources.ts';
import type { DecodePicture } from '#data/samples.ts';
import type { CompleteBackend } from '#kernels/kernels.ts';
import { createFloatCache, type FloatCache } from '#recipes/float-cache.ts';
import type { Previewer } from '#recipes/preview.ts';
import type { Recipe } from '#recipes/recipe.ts';
import type { JobContext } from './door.ts';
import { summarizeModel, summarizeResult } from './inspect.ts';
import type { DataEngine, DataEngineParts } from './data-engine.ts';
import type { DataChoice, DataJobs, DroppedFile, JobName, Jobs, ModelSummary } from './jobs.ts';
import type { OpenRuntime } from '#runtimes/runtime.ts';
import { createResults, idOf, type Origin } from './results.ts';
import type { NotKept, Shelf } from './shelf.ts';
import type { OpenModel, Optimized, WorkContext } from './workshop.ts';

export type BackendChoice = NonNullable<Jobs['info']['in']['backend']>;

export interface ThreadedBackend {
  readonly backend: CompleteBackend;
  readonly threads: number;
}

export interface EngineParts {
  openBackend(choice: BackendChoice): Promise<ThreadedBackend>;
  /** null: nothing here can run models. */
  readonly openRuntime: OpenRuntime | null;
  /** Decodes pictures of data sets; null: nothing here can. */
  readonly decode: DecodePicture | null;
  /** null: nothing survives a reload. */
  openShelf(): Promise<Shelf | null>;
}

export type Engine = {
  readonly [K in JobName]: (input: Jobs[K]['in'], context: JobContext) => Promise<Jobs[K]['out']>;
};

// What only some jobs need is loaded when the first of them comes: a first visit waits for the page, not for these.
const listing = () => import('./catalog.ts');
const opening = () => import('./open.ts');
const measuring = () => import('#recipes/preview.ts');
const optimizing = () => import('./optimize.ts');
const previewing = () => import('./preview.ts');
const drawing = () => import('./histogram.ts');
const comparing = () => import('./compare-job.ts');
const saving = () => import('./save.ts');
const handlingData = () => import('./data-engine.ts');

/** Every job about data, so that they can be handed on by name; the compiler tells when one is missing. */
const DATA_JOBS = Object.keys({
  openData: true,
  fitData: true,
  viewSample: true,
  closeData: true,
  evaluate: true,
  layerErrors: true,
  latency: true,
  activations: true,
  activationHistogram: true,
  lint: true,
} satisfies Record<keyof DataJobs, true>) as (keyof DataJobs)[];

/** Models up to this size are kept as they are opened; larger ones when the page asks, with progress. */
const KEPT_AT_ONCE_BYTES = 64e6;

/** Of a job that loses kernels to what others do. */
const MOST_TRIES = 5;

interface Bench extends ThreadedBackend {
  readonly choice: BackendChoice;
  readonly floats: FloatCache;
  readonly previewers: Map<string, Previewer>;
}

export function createEngine(parts: EngineParts): Engine {
  const models = new Map<string, OpenModel>();
  let bench: Promise<Bench> | undefined;
  let shelf: Promise<Shelf | null> | undefined;
  /** Jobs that use kernels now: cancelling ends the running kernel only where no other job would lose it. */
  let computing = 0;

  const theShelf = (): Promise<Shelf | null> => (shelf ??= parts.openShelf());
  const theBench = async (): Promise<Bench> => {
    try {
      return await (bench ??= makeBench('auto'));
    } catch (error) {
      // The next job may try again.
      bench = undefined;
      throw error;
    }
  };
  const makeBench = async (choice: BackendChoice): Promise<Bench> => {
    const opened = await parts.openBackend(choice);
    return { ...opened, choice, floats: createFloatCache(opened.backend), previewers: new Map() };
  };
  const results = createResults((result) => {
    void bench?.then(({ floats }) => floats.drop(result.weights));
  });

  const modelOf = (id: string): OpenModel => {
    const model = models.get(id);
    if (model !== undefined) return model;
    throw new PareError({
      code: 'studio/not-open',
      problem: 'This model is no longer open.',
      hint: 'Open its file again.',
    });
  };
  const previewerOf = async ({ floats, previewers }: Bench, open: OpenModel): Promise<Previewer> => {
    const { createPreviewer } = await measuring();
    let previewer = previewers.get(open.id);
    if (previewer === undefined) {
      previewer = createPreviewer(open, floats);
      previewers.set(open.id, previewer);
    }
    return previewer;
  };
  const dropCaches = async (open: OpenModel): Promise<void> => {
    const current = await bench;
    current?.previewers.get(open.id)?.close();
    current?.previewers.delete(open.id);
    current?.floats.drop(open.weights);
  };

  /** Runs a job that uses kernels; cancelling it stops the kernel that runs. */
  const compute = async <T>(
    context: JobContext,
    work: (bench: Bench, context: WorkContext) => Promise<T>,
  ): Promise<T> => {
    const stop = (): void => {
      if (computing === 1) void bench?.then(({ backend }) => backend.cancel?.());
    };
    computing += 1;
    context.signal.addEventListener('abort', stop, { once: true });
    try {
      for (let tries = 1; ; tries += 1) {
        checkCancelled(context.signal);
        const current = await theBench();
        try {
          return await work(current, { ...context, backend: current.backend });
        } catch (error) {
          // A kernel ended with another job that shared it and was cancelled, or with a backend that was changed.
          if (!(error instanceof Cancelled) || context.signal.aborted || tries === MOST_TRIES) throw error;
        }
      }
    } finally {
      computing -= 1;
      context.signal.removeEventListener('abort', stop);
    }
  };

  /** Runs a recipe; on data where a step needs ranges and data was given, which `Origin.data` then tells. */
  const make = ({ modelId, recipe, data }: Origin, context: JobContext): Promise<Optimized> =>
    compute(context, async ({ floats }, work) => {
      const { optimizeModel } = await optimizing();
      const evidence = data === undefined ? undefined : await (await dataEngine()).evidence(modelId, data);
      return optimizeModel(modelOf(modelId), recipe, { ...work, floats, evidence });
    });
  const originOf = async (modelId: string, recipe: Recipe, data: DataChoice | undefined): Promise<Origin> => {
    const { needsRanges } = await optimizing();
    return { modelId, recipe, data: recipe.steps.some((step) => needsRanges(step.pass)) ? data : undefined };
  };
  const remake =
    (context: JobContext) =>
    (origin: Origin): Promise<Optimized> =>
      make(origin, context);
  const resultOf = async (id: string, context: JobContext): Promise<Optimized> => {
    const result = await results.get(id, remake(context));
    if (result !== undefined) return result;
    throw new PareError({
      code: 'studio/no-result',
      problem: 'This result is no longer there.',
      hint: 'Run its recipe again.',
    });
  };

  const resultFor: DataEngineParts['resultFor'] = async (modelId, recipe, data, context) => {
    const origin = await originOf(modelId, recipe, data);
    const held = await results.get(idOf(origin), remake(context));
    if (held !== undefined) return held;
    const result = await make(origin, context);
    results.add(origin, result);
    return result;
  };
  let theDataEngine: Promise<DataEngine> | undefined;
  const dataEngine = (): Promise<DataEngine> =>
    (theDataEngine ??= handlingData().then(({ createDataEngine }) =>
      createDataEngine({
        ...parts,
        filesFrom,
        modelOf,
        resultOf,
        resultFor,
        beforeLossy: (modelId, recipe, context) =>
          compute(context, async (current, work) =>
            (await previewerOf(current, modelOf(modelId))).beforeLossy(recipe, work),
          ),
      }),
    ));
  const dataJobs = Object.fromEntries(
    DATA_JOBS.map((job) => [
      job,
      async (input: never, context: JobContext) => (await dataEngine())[job](input, context),
    ]),
  ) as unknown as Pick<DataEngine, keyof DataJobs>;

  const enter = async (open: OpenModel): Promise<void> => {
    const before = models.get(open.id);
    if (before !== undefined) await dropCaches(before);
    models.set(open.id, open);
  };
  const keep = async (open: OpenModel, context: JobContext): Promise<NotKept> => {
    const place = await theShelf();
    if (place === null) return 'This browser offers no private file system here, so models are not kept.';
    try {
      return await place.keep(open.id, open.files, context);
    } catch (error) {
      if (error instanceof Cancelled) throw error;
      return error instanceof Error ? error.message : String(error);
    }
  };

  return {
    ...dataJobs,

    async info({ backend: wished }) {
      bench ??= makeBench(wished ?? 'auto');
      const before = await theBench();
      if (wished !== undefined && wished !== before.choice) {
        // The new one is opened first, so that a backend that cannot be had leaves the old one at work.
        bench = Promise.resolve(await makeBench(wished));
        for (const previewer of before.previewers.values()) previewer.close();
        before.floats.clear();
        before.backend.close();
      }
      const { backend, threads } = await theBench();
      const { name, description } = backend;
      const { dataSchema, passInfos, presetInfos } = await listing();
      return {
        passes: passInfos(),
        presets: presetInfos(),
        dataSchema: dataSchema(),
        backend: { name, description, threads },
      };
    },

    async open({ files }, context) {
      const { openModel } = await opening();
      const open = await openModel(filesFrom(files), context);
      await enter(open);
      if (open.fileBytes > KEPT_AT_ONCE_BYTES) return summarizeModel(open, { kept: await isKept(open, theShelf) });
      const notKept = await keep(open, context);
      return withNotKept(summarizeModel(open, { kept: notKept === undefined }), notKept);
    },

    async openSignature({ modelId, signature }, context) {
      const { openModel } = await opening();
      const open = await openModel(modelOf(modelId).files, { ...context, signature });
      await enter(open);
      return summarizeModel(open);
    },

    async restore(_input, context) {
      const entries = (await (await theShelf())?.list()) ?? [];
      const summaries: ModelSummary[] = [];
      for (const [index, { files }] of entries.entries()) {
        context.onProgress({ label: 'Opening models of your last visit', done: index, of: entries.length });
        try {
          const { openModel } = await opening();
          const open = await openModel(files, { signal: context.signal });
          await enter(open);
          summaries.push(summarizeModel(open, { kept: true }));
        } catch (error) {
          // A kept copy that no longer opens must not keep the others from coming back.
          if (error instanceof Cancelled) throw error;
        }
      }
      return summaries;
    },

    async keep({ modelId }, context) {
      const notKept = await keep(modelOf(modelId), context);
      return notKept === undefined ? { kept: true } : { kept: false, notKept };
    },

    async close({ modelId }) {
      const open = models.get(modelId);
      models.delete(modelId);
      results.forgetModel(modelId);
      void theDataEngine?.then((engine) => engine.forgetModel(modelId));
      if (open !== undefined) await dropCaches(open);
      await (await theShelf())?.remove(modelId);
      return null;
    },

    preview({ modelId, recipe }, context) {
      return compute(context, async (current, work) => {
        const open = modelOf(modelId);
        const { previewModel } = await previewing();
        return previewModel(open, recipe, work, await previewerOf(current, open));
      });
    },

    async optimize({ modelId, recipe, data }, context) {
      const { name } = modelOf(modelId);
      const origin = await originOf(modelId, recipe, data);
      const result = await make(origin, context);
      const resultId = results.add(origin, result);
      return { resultId, report: result.report, summary: summarizeResult(resultId, name, result) };
    },

    histogram({ modelId, data, ...wish }, context) {
      return compute(context, async (current, work) => {
        const open = modelOf(modelId);
        const { histogramOf } = await drawing();
        const origin = await originOf(modelId, wish.recipe, data);
        const evidence =
          origin.data === undefined ? undefined : await (await dataEngine()).evidence(modelId, origin.data);
        const previewer = await previewerOf(current, open);
        return histogramOf(open, wish, work, { floats: current.floats, previewer, evidence });
      });
    },

    async compare({ modelId, resultId, ...wish }, context) {
      const open = modelOf(modelId);
      const result = await resultOf(resultId, context);
      const { compareWithOriginal } = await comparing();
      return compareWithOriginal(open, result, wish, { ...context, openRuntime: parts.openRuntime });
    },

    async save({ modelId, resultId, verify }, context) {
      const open = modelOf(modelId);
      const result = await resultOf(resultId, context);
      const { backend } = await theBench();
      const { saveResult } = await saving();
      return saveResult(open, result, { verify }, { ...context, backend, openRuntime: parts.openRuntime });
    },
  };
}

function filesFrom(dropped: readonly DroppedFile[]): Files {
  return new Map(dropped.map(({ path, file }) => [path, blobSource(path, file)]));
}

async function isKept(open: OpenModel, shelf: () => Promise<Shelf | null>): Promise<boolean> {
  return (await (await shelf())?.has(open.id)) ?? false;
}

function withNotKept(summary: ModelSummary, reason: NotKept): ModelSummary {
  if (reason === undefined) return summary;
  const text = `It will not be here after a reload: ${reason}`;
  return { ...summary, notices: [...summary.notices, { level: 'info', code: 'studio/not-kept', text }] };
}
