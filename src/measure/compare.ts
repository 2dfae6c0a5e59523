/** Runs original and result on the same inputs and measures how far the outputs are apart. */
import type { NdArray } from '#base/nd-array.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Session } from '#runtimes/runtime.ts';
import { feedFor } from './evaluation/feeding.ts';
import { outputMeter } from './output-meter.ts';
import type { OutputFigures } from './output-meter.ts';

export type Feeds = ReadonlyMap<string, NdArray>;

export interface OutputComparison {
  /** In the order of the original's outputs. */
  readonly outputs: readonly OutputFigures[];
  readonly runs: number;
  readonly notices: readonly Notice[];
}

export interface CompareOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/**
 * Both models get the same values; where the result declares another element type for an input (float16 in place of
 * float32), the values are converted to it. Outputs meet by name; one that only one model has is named in a notice.
 */
export async function compareSessions(
  original: Session,
  result: Session,
  feeds: Iterable<Feeds>,
  options: CompareOptions = {},
): Promise<OutputComparison> {
  const notices: Notice[] = [];
  const missing = original.outputs.filter((slot) => !result.outputs.some((other) => other.name === slot.name));
  if (missing.length > 0 && missing.length === original.outputs.length) {
    const names = (session: Session): string => session.outputs.map((slot) => slot.name).join(', ');
    throw new PareError({
      code: 'compare/no-common-output',
      problem: `the models have no output in common: ${names(original)} against ${names(result)}.`,
      hint: 'Compare a model with a version of itself.',
    });
  }
  for (const slot of missing) {
    notices.push(
      warning('compare/missing-output', 'the second model has no such output, so it is not compared.', slot.name),
    );
  }
  const shared = original.outputs.filter((slot) => !missing.includes(slot));
  const meters = new Map(shared.map((slot) => [slot.name, outputMeter(slot.name)]));
  const list = [...feeds];
  const told = new Set<string>();
  for (const [run, feed] of list.entries()) {
    checkCancelled(options.signal);
    options.onProgress?.({ label: `Comparing outputs, run ${run + 1} of ${list.length}`, done: run, of: list.length });
    const before = await original.run(feedFor(original, feed));
    checkCancelled(options.signal);
    const after = await result.run(feedFor(result, feed));
    for (const [name, meter] of meters) {
      const x = before.get(name);
      const y = after.get(name);
      if (x === undefined || y === undefined) continue;
      const obstacle = meter.add(x, y);
      if (obstacle === undefined || told.has(name)) continue;
      told.add(name);
      notices.push(
        warning('compare/not-comparable', `in run ${run + 1} the output ${obstacle}; that run is left out.`, name),
      );
    }
  }
  const outputs = [...meters.values()].map((meter) => meter.figures());
  for (const { name, notFinite } of outputs) {
    if (notFinite.original + notFinite.result === 0) continue;
    const text = `${notFinite.original} elements are NaN or infinite in the original and ${notFinite.result} in the result.`;
    notices.push(warning('compare/not-finite', text, name));
  }
  return { outputs, runs: list.length, notices };
}

function warning(code: string, text: string, at: string): Notice {
  return { level: 'warning', code, text, at };
}
