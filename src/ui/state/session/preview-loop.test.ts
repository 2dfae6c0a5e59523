import { describe, expect, it, vi } from 'vitest';
import { createPreviewLoop } from './preview-loop.ts';

function bench(patienceMs = 10_000) {
  const started: { request: number; signal: AbortSignal; finish: (value: string) => void; fail: (e: Error) => void }[] =
    [];
  const results: string[] = [];
  const errors: string[] = [];
  const busy: boolean[] = [];
  const loop = createPreviewLoop<number, string>({
    run: (request, signal) =>
      new Promise((finish, fail) => {
        signal.addEventListener('abort', () => fail(new Error('cancelled')));
        started.push({ request, signal, finish, fail });
      }),
    onResult: (request, result) => results.push(`${request}:${result}`),
    onError: (request, error) => errors.push(`${request}:${String(error)}`),
    onBusy: (state) => busy.push(state),
    patienceMs,
  });
  const settle = () => new Promise((resolve) => setTimeout(resolve, 0));
  return { loop, started, results, errors, busy, settle };
}

describe('preview loop', () => {
  it('runs the first request at once and only the newest of those that wait', async () => {
    const { loop, started, results, busy, settle } = bench();
    loop.request(1);
    loop.request(2);
    loop.request(3);
    expect(started.map((run) => run.request)).toEqual([1]);
    started[0]?.finish('a');
    await settle();
    expect(started.map((run) => run.request)).toEqual([1, 3]);
    started[1]?.finish('b');
    await settle();
    expect(results).toEqual(['1:a', '3:b']);
    expect(busy).toEqual([true, false]);
  });

  it('cancels a run that takes too long, without calling it an error', async () => {
    const { loop, started, results, errors } = bench(0);
    loop.request(1);
    loop.request(2);
    await vi.waitFor(() => expect(started).toHaveLength(2));
    expect(started[0]?.signal.aborted).toBe(true);
    started[1]?.finish('b');
    await vi.waitFor(() => expect(results).toEqual(['2:b']));
    expect(errors).toEqual([]);
  });

  it('reports failures and goes on', async () => {
    const { loop, started, errors, results, settle } = bench();
    loop.request(1);
    started[0]?.fail(new Error('no'));
    await settle();
    expect(errors).toEqual(['1:Error: no']);
    loop.request(2);
    started[1]?.finish('b');
    await settle();
    expect(results).toEqual(['2:b']);
  });

  it('stops', async () => {
    const { loop, started, results, errors, busy, settle } = bench();
    loop.request(1);
    loop.request(2);
    loop.stop();
    await settle();
    expect(started).toHaveLength(1);
    expect([...results, ...errors]).toEqual([]);
    expect(busy).toEqual([true, false]);
  });
});
