/**
 * Runs a model on samples, one after the other, while the next one is read. Recurrent state is carried, samples that cannot
 * be read are left out and listed, and what does not fit the model is refused with the input and the sample named.
 */
import { isFloat } from '#base/dtype.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import { shapeText, type NdArray } from '#base/nd-array.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Sample, Samples } from '#data/samples.ts';
import type { Session, SlotInfo } from '#runtimes/runtime.ts';
import type { SampleFailure } from './evaluation/report.ts';
import { numbersOf } from './numbers.ts';

export type Outputs = ReadonlyMap<string, NdArray>;

export interface RunSamplesOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told before each sample, with the number of samples that are done. */
  readonly onProgress?: OnProgress | undefined;
  /** What is being done, in front of the sample's name: `Calibrating`. */
  readonly label?: string;
  /** More unreadable samples than this end the run with a refusal. Default: only all of them do. */
  readonly maxFailures?: number;
  /**
   * `sample.feeds` are what the model was fed, carried state included. Outputs are not kept after it returns, and must not
   * be by others: their memory may be used again.
   */
  onResult(sample: Sample, outputs: Outputs, index: number): void | Promise<void>;
}

export interface RunSamplesResult {
  /** Samples that ran. */
  readonly ran: number;
  readonly failures: readonly SampleFailure[];
}

export async function runSamples(
  session: Session,
  samples: Samples,
  options: RunSamplesOptions,
): Promise<RunSamplesResult> {
  const { signal, onProgress, label = 'Running', maxFailures = Infinity } = options;
  checkCarry(session, samples);
  const state = openState(samples);
  const failures: SampleFailure[] = [];
  let ran = 0;
  let next = startReading(samples, 0, signal);
  for (let index = 0; index < samples.length; index += 1) {
    checkCancelled(signal);
    const read = await next;
    next = startReading(samples, index + 1, signal);
    if (!('sample' in read)) {
      failures.push(failureOf(read.error, index, samples));
      if (failures.length > maxFailures) throw tooManyFailures(failures, samples, maxFailures);
      continue;
    }
    const sample = state.into(read.sample);
    onProgress?.({ label: `${label} ${sample.name}`, done: index, of: samples.length });
    checkFeeds(session.inputs, sample);
    const outputs = await runSample(session, sample);
    checkCancelled(signal);
    await options.onResult(sample, outputs, index);
    state.keep(outputs);
    ran += 1;
  }
  if (ran === 0) throw tooManyFailures(failures, samples, 0);
  return { ran, failures };
}

/** The first sample that can be read; null where none can, which the run itself will tell in detail. */
export async function firstReadable(samples: Samples, signal?: AbortSignal): Promise<Sample | null> {
  for (let index = 0; index < samples.length; index += 1) {
    checkCancelled(signal);
    try {
      return await samples.read(index, signal);
    } catch (error) {
      if (!(error instanceof PareError)) throw error;
    }
  }
  return null;
}

type Read = { readonly sample: Sample } | { readonly error: unknown };

/** Never rejects: a failure is looked at when its turn comes. */
function startReading(samples: Samples, index: number, signal: AbortSignal | undefined): Promise<Read> {
  if (index >= samples.length) return Promise.resolve({ error: new Error('there are no more samples') });
  return samples.read(index, signal).then(
    (sample) => ({ sample }),
    (error: unknown) => ({ error }),
  );
}

function failureOf(error: unknown, index: number, samples: Samples): SampleFailure {
  if (!(error instanceof PareError)) throw error;
  const { file, place } = error.parts;
  return { sample: file ?? place ?? `sample ${index + 1} of ${samples.length}`, problem: error.message };
}

function tooManyFailures(failures: readonly SampleFailure[], samples: Samples, allowed: number): PareError {
  const [first] = failures;
  if (first === undefined) {
    return new PareError({
      code: 'samples/none',
      place: samples.description,
      problem: 'there are no samples.',
      hint: 'Choose data that holds samples for this model.',
    });
  }
  const all = failures.length === samples.length;
  return new PareError({
    code: 'samples/unreadable',
    place: samples.description,
    problem: `${all ? 'none' : `more than ${allowed}`} of the ${samples.length} samples can${all ? '' : 'not'} be read; the first failed like this: ${first.problem}`,
    hint: 'Check that the data is what the settings say.',
  });
}

/** What recurrent inputs take from the sample before, within one sequence. */
export interface CarriedState {
  /** The sample with that in the place of its own. */
  into(sample: Sample): Sample;
  /** Takes what the next sample gets out of the outputs of this one. */
  keep(outputs: Outputs): void;
}

export function openState({ carry }: Pick<Samples, 'carry'>): CarriedState {
  let state = new Map<string, NdArray>();
  let sequence: string | undefined;
  return {
    into(sample) {
      if (sample.sequence === undefined || sample.sequence !== sequence) state = new Map();
      sequence = sample.sequence;
      return state.size === 0 ? sample : { ...sample, feeds: new Map([...sample.feeds, ...state]) };
    },
    keep(outputs) {
      for (const [input, output] of carry) {
        const array = outputs.get(output);
        // A copy, since the runtime may use the memory of its outputs again.
        if (array === undefined) state.delete(input);
        else state.set(input, { ...array, data: array.data.slice() as NdArray['data'] });
      }
    },
  };
}

function checkCarry(session: Session, samples: Samples): void {
  for (const [input, output] of samples.carry) {
    const missing = !session.inputs.some((slot) => slot.name === input)
      ? `input ${input}`
      : !session.outputs.some((slot) => slot.name === output)
        ? `output ${output}`
        : undefined;
    if (missing === undefined) continue;
    throw new PareError({
      code: 'samples/carry',
      place: samples.description,
      problem: `state is carried from output ${output} to input ${input}, but the model has no ${missing}.`,
      hint: 'Correct "carry" in the settings of the data.',
    });
  }
}

/** A failure names the sample. `feeds`: where they are not the sample's own. */
export async function runSample(session: Session, sample: Sample, feeds: Outputs = sample.feeds): Promise<Outputs> {
  try {
    return await session.run(feeds);
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
    const { place } = error.parts;
    const where = `sample ${sample.name}`;
    throw new PareError(
      { ...error.parts, place: place === undefined ? where : `${place}, ${where}` },
      { cause: error },
    );
  }
}

/** Refuses what the model would refuse, in words that name the input, and numbers that are none. */
export function checkFeeds(slots: readonly SlotInfo[], sample: Sample): void {
  for (const slot of slots) {
    const array = sample.feeds.get(slot.name);
    const refuse = (code: string, problem: string, hint: string): PareError =>
      new PareError({ code, place: `input ${slot.name}, sample ${sample.name}`, problem, hint });
    const takes = `${slot.dtype} values of shape ${shapeText(slot.shape)}`;
    if (array === undefined) {
      throw refuse('samples/input-missing', 'the data gives no value for it.', `The model takes ${takes}.`);
    }
    if (array.dtype !== slot.dtype) {
      throw refuse('samples/input-type', `the data gives ${array.dtype} values.`, `The model takes ${takes}.`);
    }
    const fits =
      array.shape.length === slot.shape.length &&
      slot.shape.every((size, axis) => typeof size !== 'number' || size === array.shape[axis]);
    if (!fits) {
      throw refuse(
        'samples/input-shape',
        `the data gives values of shape [${array.shape.join(', ')}].`,
        `The model takes ${takes}.`,
      );
    }
    const bad = isFloat(slot.dtype) ? countNotFinite(array) : 0;
    if (bad === 0) continue;
    throw refuse(
      'samples/not-finite',
      `${bad} of ${array.data.length} values are NaN or infinite.`,
      'Correct or remove this sample, and check the scaling of the data.',
    );
  }
}

function countNotFinite(array: NdArray): number {
  const numbers = numbersOf(array);
  let bad = 0;
  for (let i = 0; i < (numbers?.length ?? 0); i += 1) if (!Number.isFinite(numbers?.[i])) bad += 1;
  return bad;
}
