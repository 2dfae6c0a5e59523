/** From samples to what a session is given: element types it wants, state it carries, and the next sample read meanwhile. */
import type { NdArray } from '#base/nd-array.ts';
import { Cancelled, checkCancelled, PareError } from '#base/failure.ts';
import type { Sample, Samples } from '#data/samples.ts';
import { castTo } from '#measure/numbers.ts';
import type { Session } from '#runtimes/runtime.ts';

export type Arrays = ReadonlyMap<string, NdArray>;

/** The arrays for the inputs that this session has, in the element types it wants; others are left out. */
export function feedFor(session: Session, arrays: Arrays): Arrays {
  const wanted = new Map<string, NdArray>();
  for (const slot of session.inputs) {
    const array = arrays.get(slot.name);
    if (array !== undefined) wanted.set(slot.name, castTo(array, slot.dtype));
  }
  return wanted;
}

/** A session that runs sample after sample and carries its own state from one to the next of a sequence. */
export interface Feeder {
  run(sample: Sample): Promise<Arrays>;
}

/** `carry`: by input, the output of the sample before that it takes. A failure names the sample. */
export function openFeeder(session: Session, carry: ReadonlyMap<string, string>): Feeder {
  let sequence: string | undefined;
  let state = new Map<string, NdArray>();
  return {
    async run(sample) {
      if (sample.sequence === undefined || sample.sequence !== sequence) state = new Map();
      sequence = sample.sequence;
      let results: Arrays;
      try {
        results = await session.run(feedFor(session, new Map([...sample.feeds, ...state])));
      } catch (error) {
        throw error instanceof PareError ? atSample(error, sample.name) : error;
      }
      for (const [input, output] of carry) {
        const array = results.get(output);
        if (array === undefined) {
          throw new PareError({
            code: 'measure/carry',
            place: `input ${input}`,
            problem: `it takes output ${output} of the sample before, but the model has no such output.`,
            hint: `Its outputs are ${session.outputs.map((slot) => slot.name).join(', ')}.`,
          });
        }
        state.set(input, array);
      }
      return results;
    },
  };
}

function atSample(error: PareError, sample: string): PareError {
  const { place } = error.parts;
  return new PareError(
    { ...error.parts, place: place === undefined ? sample : `${sample}, ${place}` },
    { cause: error },
  );
}

/** A sample that could be read, or why it could not. */
export type Read =
  | { readonly index: number; readonly sample: Sample; readonly failure?: undefined }
  | { readonly index: number; readonly sample?: undefined; readonly failure: PareError };

/** The samples `from` (default 0) to `to` (default all) in order, each next one read while the caller is busy with the last. */
export async function* readAhead(
  samples: Samples,
  { signal, from = 0, to = samples.length }: { signal?: AbortSignal | undefined; from?: number; to?: number } = {},
): AsyncGenerator<Read> {
  const read = (index: number): Promise<Read | Error> =>
    samples.read(index, signal).then(
      (sample) => ({ index, sample }),
      (error: unknown) => {
        if (error instanceof PareError) return { index, failure: error };
        // Kept until its turn, so that a failure of what was read ahead is no unhandled one when the caller stops early.
        return error instanceof Error ? error : new Error(String(error));
      },
    );
  let next = from < to ? read(from) : undefined;
  for (let index = from; index < to && next !== undefined; index++) {
    checkCancelled(signal);
    const got: Read | Error = await next;
    if (got instanceof Error) throw signal?.aborted === true ? new Cancelled() : got;
    next = index + 1 < to ? read(index + 1) : undefined;
    yield got;
  }
}
