/**
 * Use cases that run models on data: accuracy and agreement, latency, error by layer, and which nodes run in integers. What
 * differs between a page and a command line (the runtime, a memory probe) is handed in.
 */
import type { OnProgress } from '#base/progress.ts';
import type { Samples } from '#data/samples.ts';
import { evaluateModels } from '#measure/evaluation/evaluate.ts';
import { measureLatency } from '#measure/evaluation/latency.ts';
import { layerErrors, type ModelWithWeights } from '#measure/evaluation/layers/layer-errors.ts';
import type { MemoryProbe } from '#measure/evaluation/memory.ts';
import type { Evaluation, LatencyPair, LayerErrors } from '#measure/evaluation/report.ts';
import { idLimits } from '#measure/id-limits.ts';
import { firstReadable } from '#measure/run-samples.ts';
import { workableFeeds } from '#measure/workable-feeds.ts';
import { lintIntegers, lintTargetName, type LintTarget } from '#runtimes/onnxruntime/integer-lint.ts';
import type { RunnableModel, Runtime, Session } from '#runtimes/runtime.ts';
import type { Lint } from './jobs.ts';
import type { OpenModel, Optimized } from './workshop.ts';

export interface MeasureContext {
  readonly runtime: Runtime;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Two models as a runtime takes them; `after` may be absent. */
export interface Pair {
  readonly before: RunnableModel;
  readonly after: RunnableModel | null;
}

export interface EvaluateWish {
  readonly samples: Samples;
  readonly classNames: readonly string[] | null;
  /** Timed runs of each model; 0: latency is not measured. */
  readonly latencyRuns: number;
  readonly memory?: { readonly before: MemoryProbe | null; readonly after: MemoryProbe | null };
}

export async function evaluatePair(pair: Pair, wish: EvaluateWish, context: MeasureContext): Promise<Evaluation> {
  const { runtime, signal, onProgress } = context;
  return withSessions(pair, context, (before, after) =>
    evaluateModels({
      before,
      after,
      samples: wish.samples,
      runtime: runtime.description,
      classNames: wish.classNames,
      signal,
      onProgress,
      ...(wish.memory === undefined ? {} : { memory: wish.memory }),
      ...(wish.latencyRuns > 0 ? { latency: { runs: wish.latencyRuns } } : {}),
    }),
  );
}

/** On the first readable sample, or without data on a seeded random input that the model takes. */
export async function latencyOf(
  open: OpenModel,
  pair: Pair,
  wish: { readonly samples: Samples | null; readonly runs: number },
  context: MeasureContext,
): Promise<LatencyPair> {
  const { runtime, signal, onProgress } = context;
  return withSessions(pair, context, async (before, after) => {
    const { samples, runs } = wish;
    // Where no sample can be read, the first one says why.
    const first = samples === null ? null : ((await firstReadable(samples, signal)) ?? (await samples.read(0, signal)));
    const feeds =
      first === null
        ? (await workableFeeds(before, { runs: 1, seed: 1, limits: idLimits(open.model), signal })).feeds
        : [first.feeds];
    return measureLatency({ before, after, feeds, runs, runtime: runtime.description, signal, onProgress });
  });
}

/** `before`: the float model that the result's lossy steps started from. */
export async function layerErrorsOf(
  before: ModelWithWeights,
  result: Optimized,
  wish: { readonly samples: Samples; readonly count: number },
  context: MeasureContext,
): Promise<LayerErrors> {
  const { runtime, signal, onProgress } = context;
  return layerErrors({ before, after: result, ...wish, runtime, signal, onProgress });
}

export async function lintOf(result: Pick<Optimized, 'model' | 'weights'>, target: LintTarget): Promise<Lint> {
  const rows = await lintIntegers(result.model, result.weights, target);
  return { rows, target: lintTargetName(target), notices: [] };
}

async function withSessions<T>(
  pair: Pair,
  { runtime, onProgress }: MeasureContext,
  work: (before: Session, after: Session | null) => Promise<T>,
): Promise<T> {
  onProgress?.({ label: 'Loading the original into onnxruntime', done: 0, of: 1 });
  const before = await runtime.load(pair.before);
  let after: Session | null = null;
  try {
    if (pair.after !== null) {
      onProgress?.({ label: 'Loading the result into onnxruntime', done: 0, of: 1 });
      after = await runtime.load(pair.after);
    }
    return await work(before, after);
  } finally {
    await after?.close();
    await before.close();
  }
}
