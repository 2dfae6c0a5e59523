/** Top-1 accuracy of a classifier on labelled examples, with the interval that the number of examples allows. */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Session } from '#runtimes/runtime.ts';
import type { Feeds } from './compare.ts';
import { wilsonInterval } from './evaluation/statistics.ts';
import { firstLargest, numbersOf } from './numbers.ts';

export interface Accuracy {
  readonly correct: number;
  readonly count: number;
  /** correct / count, 0 to 1. */
  readonly share: number;
  /** Wilson score interval (Wilson 1927) at 95 %. */
  readonly low: number;
  readonly high: number;
}

export interface Example {
  readonly feeds: Feeds;
  readonly label: number;
}

/** Runs each example and takes the largest element of `output` (default: the first output) as the answer. */
export async function top1Accuracy(
  session: Session,
  examples: Iterable<Example>,
  options: { readonly output?: string; readonly signal?: AbortSignal } = {},
): Promise<Accuracy> {
  const output = options.output ?? session.outputs[0]?.name;
  let correct = 0;
  let count = 0;
  for (const example of examples) {
    checkCancelled(options.signal);
    const results = await session.run(example.feeds);
    const array = output === undefined ? undefined : results.get(output);
    const scores = array === undefined ? null : numbersOf(array);
    if (scores === null) {
      throw new PareError({
        code: 'accuracy/no-scores',
        problem: `there is no numeric output ${output ?? ''} to take scores from.`,
      });
    }
    count++;
    if (firstLargest(scores) === example.label) correct++;
  }
  return { correct, count, share: count === 0 ? NaN : correct / count, ...wilsonInterval(correct, count) };
}
