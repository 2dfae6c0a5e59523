import { describe, expect, it } from 'vitest';
import type { Session } from '#runtimes/runtime.ts';
import { measureLatency } from './latency.ts';
import { f32, sessionOf } from './testing/samples.ts';

/** Sessions that take their time from a list, on a clock of their own, and write down who ran. */
function stage(beforeMs: readonly number[], afterMs: readonly number[]) {
  let now = 0;
  const order: string[] = [];
  const session = (name: string, times: readonly number[]): Session => {
    let run = 0;
    return sessionOf(() => {
      order.push(name);
      now += times[run++ % times.length] ?? 0;
      return {};
    });
  };
  return { before: session('A', beforeMs), after: session('B', afterMs), clock: () => now, order };
}

const feeds = [new Map([['x', f32([1, 1], [0])]])];

describe('measureLatency', () => {
  it('runs in the order ABBA after warming both up', async () => {
    const { before, after, clock, order } = stage([1], [1]);
    await measureLatency({ before, after, clock, feeds, runs: 4, warmUp: 2, runtime: 'r' });
    expect(order.join('')).toBe('ABBAABBAABBA');
  });

  it('gives medians, quartiles, and ratios of neighbours', async () => {
    // The machine is twice as slow in the second half; the ratio does not see it.
    const { before, after, clock } = stage([99, 10, 12, 20, 24], [99, 5, 6, 10, 12]);
    const pair = await measureLatency({
      before,
      after,
      clock,
      feeds,
      runs: 4,
      warmUp: 1,
      runtime: 'rt 1.0 (2 threads)',
    });
    expect(pair.before).toEqual({ medianMs: 16, lowMs: 11.5, highMs: 21, minMs: 10, runs: 4 });
    expect(pair.after?.medianMs).toBe(8);
    expect(pair.ratio).toEqual({ median: 0.5, low: 0.5, high: 0.5 });
    expect(pair.warmUp).toBe(1);
    expect(pair.method).toBe(
      'interleaved before, after, after, before, 4 runs of each after 1 to warm up, one input, rt 1.0 (2 threads)',
    );
  });

  it('times one model alone', async () => {
    const { before, clock } = stage([3], []);
    const pair = await measureLatency({ before, after: null, clock, feeds, runs: 2, warmUp: 0, runtime: 'r' });
    expect([pair.before.medianMs, pair.after, pair.ratio]).toEqual([3, null, null]);
    expect(pair.method).toBe('2 runs after 0 to warm up, one input, r');
  });

  it('has no ratio where the clock is too coarse, and nothing to do without inputs', async () => {
    const { before, after, clock } = stage([0], [0]);
    const work = { before, after, clock, feeds, runs: 2, warmUp: 0, runtime: 'r' };
    expect((await measureLatency(work)).ratio).toBeNull();
    await expect(measureLatency({ ...work, feeds: [] })).rejects.toThrow('no input to time');
    await expect(measureLatency({ ...work, signal: AbortSignal.abort() })).rejects.toThrow('Cancelled');
  });
});
