/** For tests: samples from feeds in memory, with what real readers can do to whoever uses them. */
import { PareError } from '#base/failure.ts';
import type { NdArray } from '#base/nd-array.ts';
import { seededRandom } from '#base/random.ts';
import type { Sample, Samples } from '#data/samples.ts';

export interface MemorySamplesOptions {
  readonly carry?: Readonly<Record<string, string>>;
  /** Sequence of a sample by index. */
  readonly sequence?: (index: number) => string | undefined;
  /** Samples that cannot be read. */
  readonly unreadable?: ReadonlySet<number>;
  /** Told at each read. */
  readonly onRead?: (index: number) => void;
  readonly fingerprint?: string;
}

/** `feedsOf` is called anew for each read, as a reader of files would make new arrays. */
export function memorySamples(
  length: number,
  feedsOf: (index: number) => Readonly<Record<string, NdArray>>,
  options: MemorySamplesOptions = {},
): Samples {
  return {
    length,
    description: `${length} samples in memory`,
    fingerprint: options.fingerprint ?? `memory-${length}`,
    carry: new Map(Object.entries(options.carry ?? {})),
    async read(index): Promise<Sample> {
      options.onRead?.(index);
      const name = `sample-${index}`;
      if (options.unreadable?.has(index) === true) {
        throw new PareError({ code: 'test/unreadable', file: name, problem: 'it is not a picture.' });
      }
      const sequence = options.sequence?.(index);
      return {
        name,
        feeds: new Map(Object.entries(feedsOf(index))),
        classes: null,
        ...(sequence === undefined ? {} : { sequence }),
      };
    },
  };
}

/** Seeded normal values. */
export function normalArray(seed: number, shape: readonly number[], deviation = 1): NdArray {
  const random = seededRandom(seed);
  const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let i = 0; i < data.length; i += 1) data[i] = random.normal() * deviation;
  return { dtype: 'f32', shape, data };
}
