/**
 * Files that are damaged or meant to do damage: of every format, 2,000 mutants with fixed seeds are opened, and one in four of
 * them read to the last weight and written as ONNX. Each is read or refused by a `PareError`; none takes 5 seconds or 1 GB.
 */
import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import { memorySource } from '#base/sources.ts';
import { openModel } from '#studio/open.ts';
import { fuzz } from './testing/fuzz.ts';
import { FUZZED, fuzzBases } from './testing/fuzz-bases.ts';
import type { Fuzzed } from './testing/fuzz-bases.ts';

const MUTANTS = 2000;
const MOST_BYTES = 2 ** 30;
const MINUTES = 60_000;
/** Processes at once: as many as a small machine has cores. */
const LANES = 2;

const lanes: Promise<unknown>[] = Array.from({ length: LANES }, () => Promise.resolve());
let turn = 0;

function inTurn<T>(work: () => Promise<T>): Promise<T> {
  const lane = turn++ % LANES;
  const done = (lanes[lane] ?? Promise.resolve()).then(work);
  lanes[lane] = done.catch(() => undefined);
  return done;
}

describe('the models that mutants are made of', () => {
  it.each(FUZZED)('open or are refused, of %s', async (kind) => {
    const bases = fuzzBases(kind);
    let opened = 0;
    for (const { files } of bases) {
      const sources = new Map([...files].map(([path, bytes]) => [path, memorySource(path, bytes)]));
      try {
        await openModel(sources);
        opened++;
      } catch (error) {
        expect(error).toBeInstanceOf(PareError);
      }
    }
    // Some stand for what is refused; most must open, or mutants would say nothing.
    expect(opened).toBeGreaterThan(0);
    expect(opened).toBeGreaterThanOrEqual(bases.length / 2);
  });
});

describe.concurrent('mutants', () => {
  it.each<Fuzzed>(FUZZED)(
    'of %s are read or refused, never worse',
    async (kind) => {
      const report = await inTurn(() => fuzz(kind, MUTANTS));
      const { faults, outcomes, slowestCpuMs, totalCpuMs, peakBytes } = report;
      console.log(
        `${kind}: ${JSON.stringify(outcomes)}, ${Math.round(totalCpuMs / 1000)} s of CPU, slowest ${Math.round(slowestCpuMs)} ms, peak ${Math.round(peakBytes / 1e6)} MB`,
      );
      expect(faults).toEqual([]);
      const { opened, written, refused } = outcomes;
      expect(opened + written + refused).toBe(MUTANTS);
      // Mutants that all open or are all refused would say that the mutations are no good.
      expect(refused).toBeGreaterThan(MUTANTS / 50);
      expect(opened + written).toBeGreaterThan(MUTANTS / 50);
      expect(peakBytes).toBeLessThan(MOST_BYTES);
    },
    5 * MINUTES,
  );
});
