/**
 * How long one run takes. Both models take turns in one process, in the order before, after, after, before (ABBA), so that a
 * machine that slows down or speeds up meanwhile does it to both; ratios are taken of neighbouring runs.
 */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Session } from '#runtimes/runtime.ts';
import { feedFor } from './feeding.ts';
import type { Arrays } from './feeding.ts';
import type { Latency, LatencyPair } from './report.ts';
import { quantile } from './statistics.ts';

/** Milliseconds from any start; only differences are taken. */
export type Clock = () => number;

export interface LatencyWork {
  readonly before: Session;
  readonly after: Session | null;
  /** Inputs, taken in turn; both models get the same one in each pair of runs. */
  readonly feeds: readonly Arrays[];
  /** Timed runs of each model. */
  readonly runs?: number;
  /** Runs of each model that come first and do not count: memory is laid out, caches and threads wake up. */
  readonly warmUp?: number;
  /** Name and threads of the runtime, for the method. */
  readonly runtime: string;
  readonly clock?: Clock;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

const RUNS = 50;
const WARM_UP = 5;

export async function measureLatency(work: LatencyWork): Promise<LatencyPair> {
  const { before, after, runtime, clock = () => performance.now(), runs = RUNS, warmUp = WARM_UP } = work;
  if (work.feeds.length === 0) {
    throw new PareError({ code: 'latency/no-input', problem: 'there is no input to time the model on.' });
  }
  // Element types are converted before the clock starts: that is no part of the model.
  const feedsFor = (session: Session): readonly Arrays[] => work.feeds.map((feed) => feedFor(session, feed));
  const timed = async (session: Session, feeds: readonly Arrays[], run: number): Promise<number> => {
    checkCancelled(work.signal);
    const feed = feeds[run % feeds.length] ?? new Map();
    const start = clock();
    await session.run(feed);
    return clock() - start;
  };
  const beforeFeeds = feedsFor(before);
  const afterFeeds = after === null ? [] : feedsFor(after);
  const beforeMs: number[] = [];
  const afterMs: number[] = [];
  for (let run = -warmUp; run < runs; run++) {
    work.onProgress?.({
      label: `Timing run ${Math.max(0, run) + 1} of ${runs}`,
      done: run + warmUp,
      of: runs + warmUp,
    });
    const turn = run + warmUp;
    let first = 0;
    let second = 0;
    if (after !== null && turn % 2 === 1) second = await timed(after, afterFeeds, turn);
    first = await timed(before, beforeFeeds, turn);
    if (after !== null && turn % 2 === 0) second = await timed(after, afterFeeds, turn);
    if (run < 0) continue;
    beforeMs.push(first);
    if (after !== null) afterMs.push(second);
  }
  const ratios = afterMs.map((ms, i) => ms / (beforeMs[i] ?? NaN)).filter((ratio) => Number.isFinite(ratio));
  const inputs = work.feeds.length === 1 ? 'one input' : `${work.feeds.length} inputs in turn`;
  return {
    before: latencyOf(beforeMs),
    after: after === null ? null : latencyOf(afterMs),
    // A clock of a browser may be too coarse for a small model: no ratio rather than one of zeros.
    ratio:
      ratios.length === 0
        ? null
        : { median: quantile(ratios, 0.5), low: quantile(ratios, 0.25), high: quantile(ratios, 0.75) },
    warmUp,
    method: [
      ...(after === null ? [] : ['interleaved before, after, after, before']),
      `${runs} runs${after === null ? '' : ' of each'} after ${warmUp} to warm up`,
      inputs,
      runtime,
    ].join(', '),
  };
}

function latencyOf(runsMs: readonly number[]): Latency {
  return {
    medianMs: quantile(runsMs, 0.5),
    lowMs: quantile(runsMs, 0.25),
    highMs: quantile(runsMs, 0.75),
    minMs: quantile(runsMs, 0),
    runs: runsMs.length,
  };
}
