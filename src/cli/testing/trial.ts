/** Tries presets on one model: writes each result, runs it beside the original in every runtime, and collects the figures. */

import type { NdArray } from '#base/nd-array.ts';
import { testdata } from '#base/testing/testdata-place.ts';
import type { OutputFile } from '#base/bytes.ts';

import type { CompleteBackend } from '#kernels/kernels.ts';
import { compareSessions } from '#measure/compare.ts';
import type { OutputComparison } from '#measure/compare.ts';
import type { GivenFeeds } from '#measure/random-inputs.ts';
import { findPreset } from '#recipes/presets.ts';
import type { RunnableModel, Runtime, Session } from '#runtimes/runtime.ts';
import { optimizeModel } from '#studio/optimize.ts';
import { originalFiles } from '#studio/save.ts';
import type { OpenModel, Optimized } from '#studio/workshop.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import { writeModel } from '#studio/write.ts';
import { openPath } from '#cli/models.ts';
import type { RealModel } from './real-models.ts';

/** The presets of the table, in its order. */
export const TRIED_PRESETS = ['none', 'int8-channel', 'int4-block32', 'sparse-2-4', 'float16'] as const;

export interface Trial {
  readonly preset: string;
  readonly optimized: Optimized;
  readonly files: readonly OutputFile[];
  readonly runnable: RunnableModel;
  /** By the runtime's id; the figures of every output, each over all runs. */
  readonly outputs: ReadonlyMap<Runtime['id'], OutputComparison>;
}

export interface Bench {
  readonly open: OpenModel;
  readonly given: GivenFeeds;
  try(preset: string): Promise<Trial>;
  close(): Promise<void>;
}

/** Opens a model and loads it into every runtime once; what it answers is kept for all presets. */
export async function openBench(
  model: RealModel,
  runtimes: readonly Runtime[],
  backend: CompleteBackend,
): Promise<Bench> {
  const open = await openPath(testdata(model.path));
  const runnable = await runnableOf(await originalFiles(open));
  const originals = new Map<Runtime, Session>();
  for (const runtime of runtimes) originals.set(runtime, remembering(await runtime.load(runnable)));
  const [first] = originals.values();
  if (first === undefined) throw new Error('there is no runtime');
  const given = await model.inputs(first);
  return {
    open,
    given,
    async try(preset) {
      const recipe = findPreset(preset)?.recipe;
      if (recipe === undefined) throw new Error(`there is no preset ${preset}`);
      const optimized = await optimizeModel(open, recipe, { backend });
      const files = await writeModel(optimized);
      const result = await runnableOf(files);
      const outputs = new Map<Runtime['id'], OutputComparison>();
      for (const [runtime, original] of originals) {
        const session = await runtime.load(result);
        outputs.set(runtime.id, await compareSessions(original, session, given.feeds));
        await session.close();
      }
      return { preset, optimized, files, runnable: result, outputs };
    },
    async close() {
      for (const session of originals.values()) await session.close();
    },
  };
}

/** A session that answers the same values from memory. */
function remembering(session: Session): Session {
  const answers = new Map<unknown, ReadonlyMap<string, NdArray>>();
  return {
    ...session,
    async run(feeds) {
      const key = [...feeds.values()].map((array) => array.data).find((data) => data.length > 1);
      const known = answers.get(key);
      if (known !== undefined) return known;
      const answer = await session.run(feeds);
      answers.set(key, answer);
      return answer;
    },
  };
}
