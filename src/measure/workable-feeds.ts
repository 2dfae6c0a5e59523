/**
 * Seeded random inputs that the model accepts. Open sizes are 1 where the model runs with that; a model that needs more
 * (a window of samples, the taps of a reflected border) is tried with larger ones.
 */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';
import { randomFeeds } from './random-inputs.ts';
import type { GivenFeeds, RandomInputOptions } from './random-inputs.ts';

/** Sizes tried for open dimensions that are not batches. */
const SIZES = [1, 16, 64, 256, 512, 1024];

const BATCH = /batch|^[nb]$/i;

/** Sizes in `options.dims` are kept as given. Throws the failure of the first try when no size works. */
export async function workableFeeds(
  session: Session,
  options: RandomInputOptions & { readonly signal?: AbortSignal | undefined },
): Promise<GivenFeeds> {
  const open = openSizes(session.inputs, options.dims ?? new Map());
  let refusal: unknown;
  for (const size of open.length === 0 ? [1] : SIZES) {
    checkCancelled(options.signal);
    const dims = new Map([...open.map((name): [string, number] => [name, size]), ...(options.dims ?? [])]);
    const given = randomFeeds(session.inputs, { ...options, dims });
    // Without a choice there is nothing to try out.
    if (open.length === 0) return given;
    try {
      await session.run(given.feeds[0] ?? new Map());
      return given;
    } catch (error) {
      if (!(error instanceof PareError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** Keys of `dims` for the sizes that may be varied: names, or `input:axis` where there is no name. */
function openSizes(slots: readonly SlotInfo[], given: ReadonlyMap<string, number>): string[] {
  const keys = new Set<string>();
  for (const slot of slots) {
    for (const [axis, size] of slot.shape.entries()) {
      if (typeof size === 'number' || axis === 0 || (size !== null && BATCH.test(size))) continue;
      const key = size ?? `${slot.name}:${axis}`;
      if (!given.has(key) && !given.has(`${slot.name}:${axis}`)) keys.add(key);
    }
  }
  return [...keys];
}
