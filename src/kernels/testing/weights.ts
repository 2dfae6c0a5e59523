/** Seeded weights for tests and benches: what layers look like, and what nobody expects. */
import { type Random, seededRandom } from '#base/random.ts';

/** Ways to draw one weight. `i` is its index. */
export const DISTRIBUTIONS = {
  normal: (random) => 0.05 * random.normal(),
  /** Student's t with two degrees of freedom: rare, very large weights. */
  heavyTails: (random) => random.normal() / Math.sqrt(-Math.log(1 - random.uniform())),
  laplace: (random) => (random.uniform() < 0.5 ? 1 : -1) * Math.log(1 - random.uniform()),
  uniform: (random) => random.uniform() - 0.3,
  positive: (random) => 2 + random.uniform(),
  negative: (random) => -3 - random.uniform(),
  zeros: () => 0,
  equal: () => 0.37,
  outlier: (random, i) => (i % 4001 === 17 ? 1000 : random.normal()),
  /** Multiples of a half: every product is a tie or a level when the scale is 1. */
  halves: (random) => Math.round(random.uniform() * 40 - 20) / 2,
  sparse: (random) => (random.uniform() < 0.9 ? 0 : random.normal()),
  tiny: (random) => random.normal() * 1e-37,
  subnormal: (random) => random.normal() * 1e-42,
  huge: (random) => random.normal() * 1e30,
  /** Weights that were on an int8 grid before. */
  lattice: (random) => Math.round(random.uniform() * 254 - 127) * 0.0078125,
} as const satisfies Record<string, (random: Random, i: number) => number>;

export type Distribution = keyof typeof DISTRIBUTIONS;

export function weights(distribution: Distribution, count: number, seed = 1): Float32Array {
  const random = seededRandom(seed);
  const draw: (random: Random, i: number) => number = DISTRIBUTIONS[distribution];
  return Float32Array.from({ length: count }, (_, i) => draw(random, i));
}
