/** Turns arrays from a .npy or .npz file into runs of a model. */
import type { NdArray, NdData } from '#base/nd-array.ts';
import { countOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { shapeText } from '#base/nd-array.ts';
import type { SlotInfo } from '#runtimes/runtime.ts';
import type { Feeds } from './compare.ts';
import { castTo } from './numbers.ts';
import type { GivenFeeds } from './random-inputs.ts';

/**
 * Arrays meet inputs by name; a single array fits a model with a single input under any name. An array with the input's own
 * rank is one run; one more axis in front counts the runs. Inputs with fewer runs than the most are used again for each.
 * Values are converted to the input's element type. Throws a `PareError` that names the array that does not fit.
 */
export function feedsFromArrays(
  slots: readonly SlotInfo[],
  arrays: ReadonlyMap<string, NdArray>,
  file: string,
): GivenFeeds {
  const runsOf = new Map(slots.map((slot) => [slot.name, splitRuns(slot, arrayFor(slot, slots, arrays, file), file)]));
  const runs = Math.max(1, ...[...runsOf.values()].map((list) => list.length));
  const feeds: Feeds[] = [];
  for (let run = 0; run < runs; run++) {
    const feed = new Map<string, NdArray>();
    for (const [name, list] of runsOf) {
      const array = list.length === 1 ? list[0] : list[run];
      if (array === undefined) {
        throw new PareError({
          code: 'inputs/run-counts',
          file,
          place: `array ${name}`,
          problem: `it has ${list.length} runs where another array has ${runs}.`,
          hint: 'Give every input the same number of runs, or one run that serves all.',
        });
      }
      feed.set(name, array);
    }
    feeds.push(feed);
  }
  return { feeds, method: `${runs} run${runs === 1 ? '' : 's'} on ${file}` };
}

function arrayFor(
  slot: SlotInfo,
  slots: readonly SlotInfo[],
  arrays: ReadonlyMap<string, NdArray>,
  file: string,
): NdArray {
  const named = arrays.get(slot.name);
  if (named !== undefined) return named;
  const only = [...arrays.values()][0];
  if (slots.length === 1 && arrays.size === 1 && only !== undefined) return only;
  throw new PareError({
    code: 'inputs/missing',
    file,
    problem: `there is no array for the input ${slot.name} (it has ${[...arrays.keys()].join(', ') || 'none'}).`,
    hint: 'Name each array as the model names its input.',
  });
}

function splitRuns(slot: SlotInfo, array: NdArray, file: string): NdArray[] {
  const fits = (shape: readonly number[]): boolean =>
    shape.length === slot.shape.length &&
    slot.shape.every((size, axis) => typeof size !== 'number' || size === shape[axis]);
  const misfit = (problem: string): PareError =>
    new PareError({
      code: 'inputs/misfit',
      file,
      place: `array ${slot.name}`,
      problem,
      hint: `The input takes ${slot.dtype} values of shape ${shapeText(slot.shape)}, or that with the number of runs in front.`,
    });
  if ((slot.dtype === 'string') !== (array.dtype === 'string')) throw misfit(`its values are of type ${array.dtype}.`);
  if (fits(array.shape)) return [castTo(array, slot.dtype)];
  const [runs, ...shape] = array.shape;
  if (runs === undefined || !fits(shape)) throw misfit(`its shape [${array.shape.join(', ')}] does not fit.`);
  if (runs === 0) throw misfit('it holds no runs.');
  const size = countOf(shape);
  return Array.from({ length: runs }, (_, run) =>
    castTo({ dtype: array.dtype, shape, data: array.data.slice(run * size, (run + 1) * size) as NdData }, slot.dtype),
  );
}
