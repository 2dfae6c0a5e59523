/** For tests: runs a model before and after a rewrite on the same inputs. */
import { expect } from 'vitest';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { idLimits } from '#measure/id-limits.ts';
import { randomFeeds } from '#measure/random-inputs.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { runnable } from './run-model.ts';

/** Sizes for the open axes of the real models; all distinct, so that axes that are mixed up show. */
const DIMS = new Map([
  ['input:1', 576],
  ['batch_size', 2],
  ['seq_len', 3],
  ['past_seq_len', 4],
  ['total_seq_len', 7],
]);

/**
 * Outputs below this are compared as if this were their size: a probability near 0 is the difference of values near 1, whose
 * last place it keeps.
 */
const SMALLEST_SCALE = 0.1;

/** The largest difference of any output, relative to the largest value of that output. Names and shapes must agree. */
export async function largestDifference(
  runtime: Runtime,
  before: Model,
  after: Model,
  store: WeightStore,
): Promise<number> {
  const original = await runtime.load(await runnable(before, store, 'before.onnx'));
  const result = await runtime.load(await runnable(after, store, 'after.onnx'));
  const { feeds } = randomFeeds(original.inputs, { runs: 1, seed: 11, dims: DIMS, limits: idLimits(before) });
  const [feed] = feeds;
  if (feed === undefined) throw new Error('no inputs were made');
  const [a, b] = [await original.run(feed), await result.run(feed)];
  await original.close();
  await result.close();
  expect([...b.keys()].toSorted()).toEqual([...a.keys()].toSorted());
  let worst = 0;
  for (const [name, { shape, data }] of a) {
    const other = b.get(name);
    expect({ name, shape: other?.shape }).toEqual({ name, shape });
    let largest = SMALLEST_SCALE;
    let difference = 0;
    for (const [at, value] of data.entries()) {
      largest = Math.max(largest, Math.abs(Number(value)));
      difference = Math.max(difference, Math.abs(Number(value) - Number(other?.data[at])));
    }
    worst = Math.max(worst, difference / largest);
  }
  return worst;
}
