import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import type { Session } from '#runtimes/runtime.ts';
import { workableFeeds } from './workable-feeds.ts';

/** A model that takes windows of at least `least` samples and at most 600. */
function windowed(least: number): { session: Session; tried: number[] } {
  const tried: number[] = [];
  const session: Session = {
    inputs: [{ name: 'x', dtype: 'f32', shape: ['batch', 'samples'] }],
    outputs: [],
    run: async (feeds) => {
      const samples = feeds.get('x')?.shape[1] ?? 0;
      tried.push(samples);
      if (samples < least || samples > 600) throw new PareError({ code: 'run', problem: `not with ${samples}.` });
      return new Map();
    },
    close: async () => {},
  };
  return { session, tried };
}

describe('workableFeeds', () => {
  it('takes the smallest size that runs', async () => {
    const { session, tried } = windowed(200);
    const { feeds, method } = await workableFeeds(session, { runs: 2, seed: 1 });
    expect(tried).toEqual([1, 16, 64, 256]);
    expect(feeds.map((feed) => feed.get('x')?.shape)).toEqual([
      [1, 256],
      [1, 256],
    ]);
    expect(method).toContain('samples = 256');
  });

  it('leaves given sizes alone', async () => {
    const { session, tried } = windowed(200);
    const { feeds } = await workableFeeds(session, { runs: 1, seed: 1, dims: new Map([['samples', 300]]) });
    expect(tried).toEqual([]);
    expect(feeds[0]?.get('x')?.shape).toEqual([1, 300]);
  });

  it('fails with what the first try said when nothing works', async () => {
    const { session } = windowed(700);
    await expect(workableFeeds(session, { runs: 1, seed: 1 })).rejects.toThrow('not with 1.');
  });
});
