import { describe, expect, it } from 'vitest';
import { Cancelled, PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';
import { runSamples } from './run-samples.ts';
import { memorySamples } from './testing/memory-samples.ts';

const floats = (...values: readonly number[]): NdArray => ({
  dtype: 'f32',
  shape: [values.length],
  data: Float32Array.from(values),
});

const slot = (name: string, shape: SlotInfo['shape'] = [1]): SlotInfo => ({ name, dtype: 'f32', shape });

/** y = x; next = state + x. */
function adder(): Session {
  return {
    inputs: [slot('x'), slot('state')],
    outputs: [slot('y'), slot('next')],
    run: async (feeds) => {
      const x = Number(feeds.get('x')?.data[0]);
      return new Map([
        ['y', floats(x)],
        ['next', floats(Number(feeds.get('state')?.data[0]) + x)],
      ]);
    },
    close: async () => {},
  };
}

const echo: Session = {
  inputs: [slot('x')],
  outputs: [slot('y')],
  run: async (feeds) => new Map([['y', feeds.get('x') ?? floats()]]),
  close: async () => {},
};

describe('runSamples', () => {
  it('runs every sample in order, and reads the next while one runs', async () => {
    const events: string[] = [];
    const samples = memorySamples(3, (i) => ({ x: floats(i) }), { onRead: (i) => events.push(`read ${i}`) });
    const session: Session = {
      ...echo,
      run: async (feeds) => {
        events.push(`run ${String(feeds.get('x')?.data[0])}`);
        return echo.run(feeds);
      },
    };
    const seen: unknown[] = [];
    const progress: unknown[] = [];
    const result = await runSamples(session, samples, {
      label: 'Calibrating',
      onProgress: (step) => progress.push(step),
      onResult: (sample, outputs, index) => {
        seen.push([sample.name, outputs.get('y')?.data[0], index]);
      },
    });
    expect(result).toEqual({ ran: 3, failures: [] });
    expect(seen).toEqual([
      ['sample-0', 0, 0],
      ['sample-1', 1, 1],
      ['sample-2', 2, 2],
    ]);
    expect(events).toEqual(['read 0', 'read 1', 'run 0', 'read 2', 'run 1', 'run 2']);
    expect(progress[1]).toEqual({ label: 'Calibrating sample-1', done: 1, of: 3 });
  });

  it('carries state within a sequence, and starts anew with the next', async () => {
    const sequences = ['a', 'a', 'b', 'b', undefined, undefined, 'c'];
    const samples = memorySamples(7, (i) => ({ x: floats(i + 1), state: floats(100) }), {
      carry: { state: 'next' },
      sequence: (i) => sequences[i],
    });
    const states: unknown[] = [];
    await runSamples(adder(), samples, {
      onResult: (sample) => {
        states.push(sample.feeds.get('state')?.data[0]);
      },
    });
    expect(states).toEqual([100, 101, 100, 103, 100, 100, 100]);
  });

  it('keeps state though the runtime uses its memory again', async () => {
    const memory = floats(0);
    const session = {
      ...adder(),
      run: async (feeds: ReadonlyMap<string, NdArray>) => {
        const before = Number(feeds.get('state')?.data[0]);
        (memory.data as Float32Array)[0] = before + 1;
        return new Map([['next', memory]]);
      },
    };
    const samples = memorySamples(3, () => ({ x: floats(0), state: floats(0) }), {
      carry: { state: 'next' },
      sequence: () => 'one',
    });
    const states: unknown[] = [];
    await runSamples(session, samples, {
      onResult: (sample) => {
        (memory.data as Float32Array)[0] = sample.feeds.get('state') === memory ? NaN : Number(memory.data[0]);
        states.push(sample.feeds.get('state')?.data[0]);
      },
    });
    expect(states).toEqual([0, 1, 2]);
  });

  it('leaves out what cannot be read, and lists it', async () => {
    const samples = memorySamples(4, (i) => ({ x: floats(i) }), { unreadable: new Set([0, 2]) });
    const seen: string[] = [];
    const result = await runSamples(echo, samples, { onResult: (sample) => void seen.push(sample.name) });
    expect(seen).toEqual(['sample-1', 'sample-3']);
    expect(result).toEqual({
      ran: 2,
      failures: [
        { sample: 'sample-0', problem: 'sample-0: it is not a picture.' },
        { sample: 'sample-2', problem: 'sample-2: it is not a picture.' },
      ],
    });
  });

  it('refuses when nothing can be read, or more than is allowed', async () => {
    const all = memorySamples(3, () => ({ x: floats(0) }), { unreadable: new Set([0, 1, 2]) });
    await expect(runSamples(echo, all, { onResult: () => {} })).rejects.toThrow(
      /none of the 3 samples can be read.*sample-0: it is not a picture/,
    );
    const some = memorySamples(5, () => ({ x: floats(0) }), { unreadable: new Set([1, 3]) });
    await expect(runSamples(echo, some, { maxFailures: 1, onResult: () => {} })).rejects.toThrow(
      /more than 1 of the 5 samples cannot be read/,
    );
    await expect(
      runSamples(
        echo,
        memorySamples(0, () => ({})),
        { onResult: () => {} },
      ),
    ).rejects.toThrow(/there are no samples/);
  });

  it.each([
    ['shape', { x: floats(1, 2) }, /input x, sample sample-0: .*shape \[2\].*takes f32 values of shape \[1\]/],
    ['element type', { x: { ...floats(1), dtype: 'f64' as const } }, /input x.*gives f64 values/],
    ['name', { z: floats(1) }, /input x, sample sample-0: the data gives no value/],
    ['value', { x: floats(NaN) }, /input x, sample sample-0: 1 of 1 values are NaN or infinite/],
  ])('refuses data of another %s in a sentence', async (_, feeds, sentence) => {
    const run = runSamples(
      echo,
      memorySamples(2, () => feeds as Record<string, NdArray>),
      { onResult: () => {} },
    );
    await expect(run).rejects.toThrow(sentence);
    await expect(run).rejects.toBeInstanceOf(PareError);
  });

  it('refuses state that the model does not have', async () => {
    const samples = memorySamples(1, () => ({ x: floats(0) }), { carry: { x: 'missing' } });
    await expect(runSamples(echo, samples, { onResult: () => {} })).rejects.toThrow(/no output missing/);
  });

  it('names the sample when the runtime refuses', async () => {
    const session: Session = {
      ...echo,
      run: async () => {
        throw new PareError({
          code: 'runtime/node-failed',
          file: 'm.onnx',
          place: 'Add a',
          problem: 'running it failed.',
        });
      },
    };
    const samples = memorySamples(1, () => ({ x: floats(0) }));
    await expect(runSamples(session, samples, { onResult: () => {} })).rejects.toThrow(
      'm.onnx, Add a, sample sample-0: running it failed.',
    );
  });

  it('stops when it is cancelled', async () => {
    const controller = new AbortController();
    const seen: number[] = [];
    const run = runSamples(
      echo,
      memorySamples(10, (i) => ({ x: floats(i) })),
      {
        signal: controller.signal,
        onResult: (_, __, index) => {
          seen.push(index);
          if (index === 1) controller.abort();
        },
      },
    );
    await expect(run).rejects.toBeInstanceOf(Cancelled);
    expect(seen).toEqual([0, 1]);
  });
});
