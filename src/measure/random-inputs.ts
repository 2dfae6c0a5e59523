/**
 * Seeded inputs for a model about which nothing is known but its declared inputs. They show how far two versions of a model
 * are apart, not how good either is: that takes real data.
 */
import type { NdArray } from '#base/nd-array.ts';
import { bitsOf, countOf, kindOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { seededRandom } from '#base/random.ts';
import type { Random } from '#base/random.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';
import type { Feeds } from './compare.ts';
import { arrayOf } from './numbers.ts';

export interface RandomInputOptions {
  readonly runs: number;
  readonly seed: number;
  /** Sizes for open dimensions, by their name in the model or as `input:axis`; others are 1. */
  readonly dims?: ReadonlyMap<string, number> | undefined;
  /** Fixed values that fill a whole input, by input name, such as a sample rate. */
  readonly values?: ReadonlyMap<string, number> | undefined;
  /** Ids of integer inputs stay below these limits, by input name: the height of the table they look up (`idLimits`). */
  readonly limits?: ReadonlyMap<string, number> | undefined;
}

export interface GivenFeeds {
  readonly feeds: readonly Feeds[];
  /** How the inputs were come by, for reports. */
  readonly method: string;
}

/** Scalars that mean something fixed in every model that has them; a random value would be a wrong call, not a test. */
const KNOWN_SCALARS: readonly { readonly name: RegExp; readonly value: number }[] = [
  { name: /^(sr|sample_?rate|sampling_?rate)$/i, value: 16_000 },
];

/**
 * Standard deviations of float inputs, run by run. A loud signal may saturate every gate of a recurrent model and a quiet one
 * may vanish beside the biases: errors that hide in one run show in another.
 */
const DEVIATIONS = [1, 0.1, 0.01, 0.3];

/** Integer inputs that say which positions count. */
const MASK = /mask/i;

/**
 * Floats are normal around 0, in another size each run; booleans and integers below 2, unless the limit of their table is known; masks are ones;
 * float8 and other types that JavaScript cannot hand over, and text, are refused.
 */
export function randomFeeds(slots: readonly SlotInfo[], options: RandomInputOptions): GivenFeeds {
  const random = seededRandom(options.seed);
  const fixed = new Map<string, number>();
  const opened = new Set<string>();
  const feeds: Feeds[] = [];
  for (let run = 0; run < options.runs; run++) {
    const feed = new Map<string, NdArray>();
    for (const slot of slots) {
      const shape = resolveShape(slot, options.dims, opened);
      const value = options.values?.get(slot.name) ?? knownScalar(slot, shape);
      if (value !== undefined) fixed.set(slot.name, value);
      const make = value === undefined ? drawFor(slot, options.limits, random, deviationOf(run)) : () => value;
      feed.set(slot.name, arrayOf(slot.dtype, shape, Array.from({ length: countOf(shape) }, make)));
    }
    feeds.push(feed);
  }
  const used = DEVIATIONS.slice(0, options.runs);
  const details = [
    `seed ${options.seed}`,
    `floats normal with deviation ${used.join(', ')}`,
    ...[...fixed].map(([name, value]) => `${name} = ${value}`),
    ...opened,
  ];
  return {
    feeds,
    method: `${options.runs} run${options.runs === 1 ? '' : 's'} on seeded random inputs (${details.join(', ')})`,
  };
}

function deviationOf(run: number): number {
  return DEVIATIONS[run % DEVIATIONS.length] ?? 1;
}

/** The slot's shape with open sizes filled in; what was filled in is added to `opened`. */
function resolveShape(slot: SlotInfo, dims: ReadonlyMap<string, number> | undefined, opened: Set<string>): number[] {
  return slot.shape.map((size, axis) => {
    if (typeof size === 'number') return size;
    const chosen = dims?.get(`${slot.name}:${axis}`) ?? (size === null ? undefined : dims?.get(size)) ?? 1;
    opened.add(`${size ?? `${slot.name}:${axis}`} = ${chosen}`);
    return chosen;
  });
}

function knownScalar(slot: SlotInfo, shape: readonly number[]): number | undefined {
  if (countOf(shape) !== 1) return undefined;
  return KNOWN_SCALARS.find((known) => known.name.test(slot.name))?.value;
}

function drawFor(
  slot: SlotInfo,
  limits: ReadonlyMap<string, number> | undefined,
  random: Random,
  deviation: number,
): () => number {
  const kind = kindOf(slot.dtype);
  if (kind === 'string') {
    throw new PareError({
      code: 'measure/text-input',
      place: `input ${slot.name}`,
      problem: 'it takes text, and random text would mean nothing to the model.',
      hint: 'Give real inputs in an .npz file.',
    });
  }
  if (kind === 'float' && bitsOf(slot.dtype) >= 16) return () => deviation * random.normal();
  if (MASK.test(slot.name)) return () => 1;
  if (kind === 'bool') return () => random.below(2);
  const highest = bitsOf(slot.dtype) >= 32 ? 2 ** 31 : 2 ** (bitsOf(slot.dtype) - (kind === 'signed' ? 1 : 0));
  const limit = Math.max(1, Math.min(limits?.get(slot.name) ?? 2, highest));
  return () => random.below(limit);
}
