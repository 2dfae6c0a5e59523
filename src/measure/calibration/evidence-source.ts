/**
 * Evidence from data and a runtime. What was measured is kept by what a value is made of and by the samples, so another
 * method, another width or another recipe over the same values needs no second run.
 */
import type { Notice } from '#base/notice.ts';
import type { Samples } from '#data/samples.ts';
import type { Model, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { SampleFailure } from '#measure/evaluation/report.ts';
import { inferShapes } from '#ops/infer.ts';
import type { Evidence } from '#passes/pass.ts';
import type { OpenRuntime } from '#runtimes/runtime.ts';
import { calibrate } from './calibrate.ts';
import type { EvidenceSource, EvidenceWork } from './evidence.ts';
import { canBeShown } from './expose.ts';
import { valueIdentities } from './identity.ts';
import { rangeFrom } from './ranges/choose.ts';
import type { TensorStatistics } from './statistics.ts';

/** Fewer samples than this give ranges that other samples may well leave. */
export const FEW_SAMPLES = 16;

/** What was measured: kept by the engine as long as the model is open, and dropped at will. */
export interface CalibrationCache {
  readonly statistics: Map<string, TensorStatistics>;
  /** By fingerprint of the samples. */
  readonly runs: Map<string, CalibrationRun>;
}

export interface CalibrationRun {
  readonly runtime: string;
  readonly ran: number;
  readonly failures: readonly SampleFailure[];
}

export function createCalibrationCache(): CalibrationCache {
  return { statistics: new Map(), runs: new Map() };
}

export interface StatisticsWork extends EvidenceWork {
  /** Axis whose channels get extremes of their own, by value. */
  readonly channelAxes?: ReadonlyMap<ValueId, number>;
}

export interface CalibrationSource extends EvidenceSource {
  /** As `Evidence.description`: `100 samples of kws01.npz in onnxruntime-web 1.30 (wasm, 1 thread)`. */
  readonly description: string;
  /** What people should know about the data and what was measured on it: too few samples, unreadable ones, constant values. */
  readonly notices: readonly Notice[];
  /** Samples that were left out because they could not be read. */
  readonly failures: readonly SampleFailure[];
  /** Statistics of values of the main graph; measures those that are not known yet. Left out as in `Evidence.ranges`. */
  statisticsOf(
    model: Model,
    weights: WeightStore,
    values: readonly ValueId[],
    work: StatisticsWork,
  ): Promise<ReadonlyMap<ValueId, TensorStatistics>>;
}

export interface EvidenceParts {
  readonly samples: Samples;
  readonly openRuntime: OpenRuntime;
  /** Belongs to one opened model: weights that were never changed are known by their place in its files. */
  readonly cache?: CalibrationCache;
  /** Bytes of outputs that one run may hand back. */
  readonly budgetBytes?: number;
}

export function createEvidence(parts: EvidenceParts): CalibrationSource {
  const { samples, openRuntime, cache = createCalibrationCache() } = parts;
  const constant = new Map<string, Notice>();
  let last: Promise<unknown> = Promise.resolve();

  const runOf = (): CalibrationRun | undefined => cache.runs.get(samples.fingerprint);
  const describe = (): string => {
    const run = runOf();
    return run === undefined ? samples.description : `${samples.description} in ${run.runtime}`;
  };

  async function measure(
    model: Model,
    weights: WeightStore,
    values: readonly ValueId[],
    work: StatisticsWork,
    known: Identified,
  ): Promise<ReadonlyMap<ValueId, TensorStatistics>> {
    const { typed, identities } = await known();
    const keyOf = (id: ValueId): string => [samples.fingerprint, identities.get(id) ?? '?'].join('/');
    /** What was seen serves unless channels are asked for that were not looked at. */
    const isKnown = (id: ValueId): boolean => {
      const seen = cache.statistics.get(keyOf(id));
      const axis = work.channelAxes?.get(id);
      return seen !== undefined && (axis === undefined || seen.channels?.axis === axis);
    };
    const shown = [...new Set(values)].filter((id) => canBeShown(typed, id));
    const missing = shown.filter((id) => !isKnown(id));
    if (missing.length > 0) {
      const { runtime, end } = await openRuntime(work.signal);
      try {
        const { statistics, failures, ran } = await calibrate(typed, weights, samples, runtime, {
          values: missing,
          signal: work.signal,
          onProgress: work.onProgress,
          ...(work.channelAxes === undefined ? {} : { channelAxes: work.channelAxes }),
          ...(parts.budgetBytes === undefined ? {} : { budgetBytes: parts.budgetBytes }),
        });
        for (const [id, seen] of statistics) cache.statistics.set(keyOf(id), seen);
        cache.runs.set(samples.fingerprint, { runtime: runtime.description, ran, failures });
      } finally {
        end();
      }
    }
    const found = new Map<ValueId, TensorStatistics>();
    for (const id of shown) {
      const seen = cache.statistics.get(keyOf(id));
      if (seen === undefined) continue;
      found.set(id, seen);
      const name = typed.graph.values.get(id)?.name ?? '';
      if (seen.min === seen.max) constant.set(name, constantNotice(name, seen));
    }
    return found;
  }

  /** One after the other: what the first measures, the second finds. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  }

  return {
    get description() {
      return describe();
    },
    get notices() {
      return [...noticesOf(samples, runOf()), ...constant.values()];
    },
    get failures() {
      return runOf()?.failures ?? [];
    },
    statisticsOf: (model, weights, values, work) =>
      inTurn(() => measure(model, weights, values, work, identified(model, weights))),
    about(model, weights, work): Evidence {
      const known = identified(model, weights);
      return {
        get description() {
          return describe();
        },
        async ranges(values, choice, channelAxes) {
          const asked = channelAxes === undefined ? work : { ...work, channelAxes };
          const statistics = await inTurn(() => measure(model, weights, values, asked, known));
          return new Map(
            [...statistics].map(([id, seen]) => {
              const { channels } = seen;
              return [
                id,
                { ...rangeFrom(seen, choice), ...(channels === null ? {} : { channelMeans: channels.mean }) },
              ];
            }),
          );
        },
      };
    },
  };
}

/** The model with all types that can be known, and what its values are made of: worked out when first needed. */
type Identified = () => Promise<{ readonly typed: Model; readonly identities: ReadonlyMap<ValueId, string> }>;

function identified(model: Model, weights: WeightStore): Identified {
  let made: ReturnType<Identified> | undefined;
  return () =>
    (made ??= inferShapes(model, weights).then((typed) => ({ typed, identities: valueIdentities(typed, weights) })));
}

function noticesOf(samples: Samples, run: CalibrationRun | undefined): readonly Notice[] {
  const notices: Notice[] = [];
  const used = run?.ran ?? samples.length;
  if (used < FEW_SAMPLES) {
    notices.push({
      level: 'warning',
      code: 'calibration/few-samples',
      text: `Ranges are measured on ${used} sample${used === 1 ? '' : 's'} only; with fewer than ${FEW_SAMPLES} other data may well leave them. Give 100 or more.`,
      at: samples.description,
    });
  }
  const failures = run?.failures ?? [];
  const [first] = failures;
  if (first !== undefined) {
    notices.push({
      level: 'warning',
      code: 'calibration/unreadable',
      text: `${failures.length} of ${samples.length} samples could not be read and were left out; the first is ${first.sample}: ${first.problem}`,
      at: first.sample,
    });
  }
  return notices;
}

function constantNotice(name: string, { min, count }: TensorStatistics): Notice {
  return {
    level: 'info',
    code: 'calibration/constant',
    text: `All ${count} elements of ${name} that were seen are ${min}. Its range holds that value and zero; other values would be clipped.`,
    at: name,
  };
}
