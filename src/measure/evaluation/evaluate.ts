/**
 * One pass over the data through one model or two: accuracy, agreement and golden outputs together, sample by sample, with
 * nothing kept but counts and sums. Each model carries its own state.
 */
import type { Notice } from '#base/notice.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Samples } from '#data/samples.ts';
import { runSamples } from '#measure/run-samples.ts';
import type { Session } from '#runtimes/runtime.ts';
import { agreementOf } from './agreement.ts';
import type { Arrays } from './feeding.ts';
import { openFollower } from './feeding.ts';
import { measureLatency } from './latency.ts';
import type { Clock } from './latency.ts';
import type { MemoryProbe } from './memory.ts';
import { openRecord } from './model-record.ts';
import type { ModelRecord } from './model-record.ts';
import type { Evaluation, LatencyPair, PairedTest, SampleFailure } from './report.ts';
import { pairedTest } from './statistics.ts';

export interface EvaluationWork {
  readonly before: Session;
  readonly after: Session | null;
  readonly samples: Samples;
  /** Name, version and threads of the runtime: `Runtime.description`. */
  readonly runtime: string;
  /** Names by class index; absent: the index itself. */
  readonly classNames?: readonly string[] | null | undefined;
  /** Output with the scores of classes; absent: see `scoresOutput`. */
  readonly scores?: string | undefined;
  /** Outputs to compare; absent: all that both models have. */
  readonly outputs?: readonly string[] | undefined;
  /** Memory while each model runs. Where both live in one process, one probe counts both, and its method says so. */
  readonly memory?: { readonly before: MemoryProbe | null; readonly after: MemoryProbe | null } | undefined;
  /** Absent: latency is not measured. It is on the first sample that could be read. */
  readonly latency?: { readonly runs?: number; readonly warmUp?: number; readonly clock?: Clock } | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Below this many labelled samples an interval spans most of what could be. */
const FEW = 30;

export async function evaluateModels(work: EvaluationWork): Promise<Evaluation> {
  const { before, after, samples, signal, onProgress } = work;
  const records = {
    before: openRecord(after === null ? 'the model' : 'the original', work, work.memory?.before),
    after: openRecord('the result', work, work.memory?.after),
  };
  const compared = agreementOf(before, after, work.outputs);
  const follower = after === null ? null : openFollower(after, samples);
  let first: Arrays | undefined;
  const { failures } = await runSamples(before, samples, {
    signal,
    onProgress,
    label: 'Evaluating',
    async onResult(sample, original) {
      first ??= sample.feeds;
      records.before.add(sample, original);
      if (follower === null) return;
      const result = await follower.run(sample);
      records.after.add(sample, result, records.before.scores);
      compared.add(sample.name, original, result);
    },
  });
  const latency = await latencyOf(work, first ?? new Map());
  const seen = new Set([...records.before.seen(), ...records.after.seen()]);
  return {
    before: records.before.figures(seen),
    after: after === null ? null : records.after.figures(seen),
    agreement: compared.figures(),
    paired: after === null ? null : pairedOf(records.before, records.after),
    latency,
    failures,
    data: samples.description,
    runtime: work.runtime,
    notices: [
      ...failureNotices(failures, samples.length),
      ...records.before.notices(),
      ...(after === null ? [] : [...records.after.notices(), ...compared.notices()]),
      ...fewNotices(records.before),
    ],
  };
}

async function latencyOf(work: EvaluationWork, feeds: Arrays): Promise<LatencyPair | null> {
  if (work.latency === undefined) return null;
  const { before, after, runtime, signal, onProgress } = work;
  return measureLatency({ ...work.latency, before, after, feeds: [feeds], runtime, signal, onProgress });
}

function pairedOf(before: ModelRecord, after: ModelRecord): PairedTest | null {
  const one = before.right();
  const other = after.right();
  if (one === null || other === null || one.length !== other.length) return null;
  const count = (right: boolean, alsoRight: boolean): number =>
    one.reduce((sum, value, i) => sum + (value === right && other[i] === alsoRight ? 1 : 0), 0);
  return pairedTest({
    bothRight: count(true, true),
    onlyBefore: count(true, false),
    onlyAfter: count(false, true),
    bothWrong: count(false, false),
  });
}

function failureNotices(failures: readonly SampleFailure[], of: number): Notice[] {
  if (failures.length === 0) return [];
  const text = `${failures.length} of ${of} samples could not be read and are left out.`;
  return [{ level: 'warning', code: 'evaluate/unreadable', text }];
}

function fewNotices(record: ModelRecord): Notice[] {
  const labelled = record.right()?.length ?? FEW;
  if (labelled >= FEW) return [];
  const text = `only ${labelled} labelled samples: the accuracy may lie anywhere in a wide interval. Give some hundreds.`;
  return [{ level: 'warning', code: 'evaluate/few-samples', text }];
}
