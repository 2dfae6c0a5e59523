/** For tests: samples that are held in memory, and sessions that are functions. */
import type { NdArray } from '#base/nd-array.ts';
import { PareError } from '#base/failure.ts';
import type { Sample, Samples } from '#data/samples.ts';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';

export function f32(shape: readonly number[], values: ArrayLike<number>): NdArray {
  return { dtype: 'f32', shape, data: Float32Array.from(values) };
}

/** Samples from a list; an Error in it cannot be read. Counts how many were asked for. */
export function samplesFrom(
  list: readonly (Sample | Error)[],
  carry: ReadonlyMap<string, string> = new Map(),
): Samples & { readonly asked: readonly number[] } {
  const asked: number[] = [];
  return {
    length: list.length,
    description: `${list.length} samples of a test`,
    fingerprint: 'test',
    carry,
    asked,
    read: async (index) => {
      asked.push(index);
      const sample = list[index];
      if (sample === undefined) throw new Error(`there is no sample ${index}`);
      if (sample instanceof Error) throw sample;
      return sample;
    },
  };
}

/** A sample with one input, `x`, that is a row of numbers. */
export function row(name: string, values: readonly number[], classes: readonly number[] | null = null): Sample {
  return { name, feeds: new Map([['x', f32([1, values.length], values)]]), classes };
}

export function unreadable(file: string): PareError {
  return new PareError({ code: 'data/unreadable', file, problem: 'it is no picture.' });
}

/** A session that is a function of its inputs. */
export function sessionOf(
  run: (feeds: ReadonlyMap<string, NdArray>) => Readonly<Record<string, NdArray>>,
  outputs: readonly string[] = ['y'],
  inputs: readonly SlotInfo[] = [{ name: 'x', dtype: 'f32', shape: [1, null] }],
): Session {
  return {
    inputs,
    outputs: outputs.map((name) => ({ name, dtype: 'f32', shape: [1, null] })),
    run: async (feeds) => new Map(Object.entries(run(feeds))),
    close: async () => {},
  };
}

/** A session that gives back its input `x` as `y`, changed element by element. */
export function echo(change: (value: number, index: number) => number = (value) => value): Session {
  return sessionOf((feeds) => {
    const x = feeds.get('x') ?? f32([0], []);
    return { y: f32(x.shape, Array.from(x.data as Float32Array, change)) };
  });
}
