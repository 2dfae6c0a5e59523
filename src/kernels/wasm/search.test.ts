/** The search for scales never does worse than 0.1 % beyond the best candidate, whatever the weights look like. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { seededRandom } from '#base/random.ts';
import type { Kernels, Rows, ScaleSearch } from '#kernels/kernels.ts';
import { referenceKernels, referenceBackend } from '#kernels/reference/index.ts';
import { squaredErrorOf } from '#kernels/reference/search-scale.ts';
import { SEARCH_TOLERANCE } from '#kernels/testing/agreement.ts';
import { createWasmBackend } from './backend.ts';

/** Mixtures: a bulk of one shape, clusters of equal weights, and a few far out. */
const mixture = fc.record({
  seed: fc.integer({ min: 0, max: 1e6 }),
  /** Short rows are tried in full; 2048 and 12288 are where estimates begin. */
  length: fc.constantFrom(1, 3, 31, 32, 100, 255, 1023, 2047, 2048, 4608, 12_287, 12_288, 13_001),
  power: fc.constantFrom(0.5, 1, 3, 9),
  /** Weights are rounded to multiples of this share of the bulk; 0 leaves them alone. */
  lattice: fc.constantFrom(0, 1 / 127, 0.07, 1 / 3, 1),
  outliers: fc.constantFrom(0, 1, 5),
  outlierSize: fc.constantFrom(1.5, 20, 1e4),
  shift: fc.constantFrom(0, 0, 0.8, -3),
});

const searches: readonly ScaleSearch[] = [
  { bits: 8, signed: true, low: -127, high: 127, symmetric: true, candidates: 80, divisor: 127 },
  { bits: 4, signed: true, low: -8, high: 7, symmetric: true, candidates: 80, divisor: 7.5 },
  { bits: 4, signed: true, low: -7, high: 7, symmetric: true, candidates: 80, divisor: 7 },
  { bits: 8, signed: false, low: 0, high: 255, symmetric: false, candidates: 40, divisor: 255 },
  { bits: 2, signed: false, low: 0, high: 3, symmetric: false, candidates: 25, divisor: 3 },
];

type Mixture = typeof mixture extends fc.Arbitrary<infer T> ? T : never;

function drawn({ seed, length, power, lattice, outliers, outlierSize, shift }: Mixture): Float32Array {
  const random = seededRandom(seed);
  const data = Float32Array.from({ length }, () => {
    const normal = random.normal();
    const weight = Math.sign(normal) * Math.abs(normal) ** power + shift;
    return lattice === 0 ? weight : Math.round(weight / lattice) * lattice;
  });
  for (let i = 0; i < outliers; i++) data[random.below(length)] = outlierSize * (random.uniform() < 0.5 ? -1 : 1);
  return data;
}

test('any mixture is searched to within 0.1 % of trying every candidate', async () => {
  const backend = await createWasmBackend();
  const kernels: Kernels = { ...referenceBackend().kernels, ...backend.kernels };
  await fc.assert(
    fc.asyncProperty(mixture, fc.constantFrom(...searches), async (shape, search) => {
      const data = drawn(shape);
      const x: Rows = { data, rows: 1, rowLength: data.length };
      const best = (await referenceKernels.searchScale(x, search)).squaredError[0]!;
      const { scale, zeroPoint } = await kernels.searchScale(x, search);
      const error = squaredErrorOf(data, search, scale[0]!, zeroPoint[0]!);
      expect(error).toBeLessThanOrEqual(best * (1 + SEARCH_TOLERANCE));
    }),
    { numRuns: 250, seed: 7 },
  );
  backend.close();
});
