/** From samples to what a second model is given beside the first: the element types it wants and the state it carries itself. */
import type { NdArray } from '#base/nd-array.ts';
import { PareError } from '#base/failure.ts';
import type { Sample, Samples } from '#data/samples.ts';
import { castTo } from '#measure/numbers.ts';
import { openState, runSample } from '#measure/run-samples.ts';
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

/** A second session that is fed the samples of the first (see `runSamples`), but carries its own state within a sequence. */
export interface Follower {
  /** `sample` as the first session was fed it: its carried state gives way to this session's own. */
  run(sample: Sample): Promise<Arrays>;
}

export function openFollower(session: Session, samples: Pick<Samples, 'carry'>): Follower {
  for (const [input, output] of samples.carry) {
    if (session.outputs.some((slot) => slot.name === output)) continue;
    throw new PareError({
      code: 'samples/carry',
      place: `output ${output}`,
      problem: `state is carried from it to input ${input}, but the second model has no such output.`,
    });
  }
  const state = openState(samples);
  return {
    async run(sample) {
      const results = await runSample(session, sample, feedFor(session, state.into(sample).feeds));
      state.keep(results);
      return results;
    },
  };
}
