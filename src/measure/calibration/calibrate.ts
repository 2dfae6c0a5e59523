/**
 * One run over the data for the statistics of any number of values: the model is loaded with those values as outputs, group
 * after group, and nothing that a run gives is kept but the statistics.
 */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Sample, Samples } from '#data/samples.ts';
import type { Model, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { SampleFailure } from '#measure/evaluation/report.ts';
import { numbersOf } from '#measure/numbers.ts';
import { checkFeeds, firstReadable, runSamples } from '#measure/run-samples.ts';
import type { Outputs } from '#measure/run-samples.ts';
import type { Runtime, Session } from '#runtimes/runtime.ts';
import { exposeValues, runnableModel } from './expose.ts';
import { groupsOf, sizesOfValues } from './groups.ts';
import { TensorObserver } from './observer.ts';
import type { TensorStatistics } from './statistics.ts';

/** Bytes of outputs that one run may hand back. */
export const DEFAULT_BUDGET_BYTES = 64e6;

/** Values of unknown size are measured so many at a time. */
const PROBED_AT_ONCE = 8;

export interface CalibrationWish {
  /** Inputs included. Those that `canBeShown` refuses must not be among them. */
  readonly values: readonly ValueId[];
  /** Axis whose channels get extremes of their own, by value. */
  readonly channelAxes?: ReadonlyMap<ValueId, number>;
  readonly budgetBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export interface Calibration {
  /** Values that no sample reached have none. */
  readonly statistics: ReadonlyMap<ValueId, TensorStatistics>;
  readonly failures: readonly SampleFailure[];
  readonly ran: number;
}

export async function calibrate(
  model: Model,
  weights: WeightStore,
  samples: Samples,
  runtime: Runtime,
  wish: CalibrationWish,
): Promise<Calibration> {
  const { signal, onProgress } = wish;
  const bench: Bench = { model, weights, samples, runtime, wish };
  const groups = await plan(bench);
  const statistics = new Map<ValueId, TensorStatistics>();
  let failures: readonly SampleFailure[] = [];
  let ran = 0;
  for (const [index, group] of groups.entries()) {
    const observers = new Map(group.map((id) => [id, new TensorObserver(wish.channelAxes?.get(id) ?? null)]));
    const session = await load(bench, group);
    try {
      const result = await runSamples(session, samples, {
        signal,
        label: 'Calibrating:',
        onProgress: ({ label, done, of }) => onProgress?.({ label, done: index * of + done, of: groups.length * of }),
        onResult: (sample, outputs) => observe(model, observers, sample, outputs),
      });
      ({ failures, ran } = result);
    } finally {
      await session.close();
    }
    for (const [id, observer] of observers) {
      const seen = observer.statistics();
      if (seen !== null) statistics.set(id, seen);
    }
  }
  return { statistics, failures, ran };
}

interface Bench {
  readonly model: Model;
  readonly weights: WeightStore;
  readonly samples: Samples;
  readonly runtime: Runtime;
  readonly wish: CalibrationWish;
}

/** The values in groups that keep to the budget; sizes that do not follow from shapes are measured on the first sample. */
async function plan(bench: Bench): Promise<readonly (readonly ValueId[])[]> {
  const { model, weights, wish } = bench;
  const inOrder = executionOrder(model, wish.values);
  const first = await firstReadable(bench.samples, wish.signal);
  const known = await sizesOfValues(model, weights, inOrder, first?.feeds ?? new Map());
  const sizes = new Map<ValueId, number>();
  const unknown: ValueId[] = [];
  for (const [id, size] of known) {
    if (size === null) unknown.push(id);
    else sizes.set(id, size);
  }
  for (let start = 0; start < unknown.length; start += PROBED_AT_ONCE) {
    checkCancelled(wish.signal);
    const probed = unknown.slice(start, start + PROBED_AT_ONCE);
    for (const [id, size] of await measuredSizes(bench, probed, first)) sizes.set(id, size);
  }
  return groupsOf(inOrder, sizes, wish.budgetBytes ?? DEFAULT_BUDGET_BYTES);
}

async function measuredSizes(
  bench: Bench,
  ids: readonly ValueId[],
  sample: Sample | null,
): Promise<ReadonlyMap<ValueId, number>> {
  if (sample === null) return new Map();
  const session = await load(bench, ids);
  try {
    checkFeeds(session.inputs, sample);
    const outputs = await session.run(sample.feeds);
    const bytes = (id: ValueId): number => {
      const data = outputs.get(nameOf(bench.model, id))?.data;
      return ArrayBuffer.isView(data) ? data.byteLength : 0;
    };
    return new Map(ids.map((id) => [id, bytes(id)]));
  } finally {
    await session.close();
  }
}

/** A session whose outputs are these values and what the samples carry on. */
async function load({ model, weights, samples, runtime }: Bench, ids: readonly ValueId[]): Promise<Session> {
  const inputs = new Set(model.graph.inputs);
  const shown = ids.filter((id) => !inputs.has(id));
  const carried = new Set(samples.carry.values());
  const kept = model.graph.outputs.filter((id) => carried.has(nameOf(model, id)));
  const outputs = [...new Set([...shown, ...kept])];
  // Inputs alone need no run, but a session checks what it is fed.
  const exposed = exposeValues(model, outputs.length === 0 ? model.graph.outputs : outputs);
  return runtime.load(await runnableModel(exposed, weights, 'calibration.onnx'));
}

function observe(
  model: Model,
  observers: ReadonlyMap<ValueId, TensorObserver>,
  sample: Sample,
  outputs: Outputs,
): void {
  for (const [id, observer] of observers) {
    const name = nameOf(model, id);
    const array = outputs.get(name) ?? sample.feeds.get(name);
    const numbers = array === undefined ? null : numbersOf(array);
    if (array === undefined || numbers === null) continue;
    const bad = observer.add(numbers, array.shape);
    if (bad > 0) throw notFinite(model, id, sample, bad, numbers.length);
  }
}

function notFinite(model: Model, id: ValueId, sample: Sample, bad: number, of: number): PareError {
  const layer = model.graph.nodes.find((node) => node.outputs.includes(id));
  const by = layer === undefined ? 'input of the model' : `computed by layer ${layer.name} (${layer.op})`;
  return new PareError({
    code: 'calibration/not-finite',
    file: model.source.file,
    place: `value ${nameOf(model, id)}, sample ${sample.name}`,
    problem: `${bad} of ${of} elements are NaN or infinite (${by}).`,
    hint: 'Check the scaling of this sample; if the model gives this on good data, exclude the layer.',
  });
}

function executionOrder(model: Model, ids: readonly ValueId[]): readonly ValueId[] {
  const wanted = new Set(ids);
  const order = [...model.graph.inputs, ...model.graph.nodes.flatMap((node) => node.outputs)];
  return [...new Set(order.filter((id) => id !== null && wanted.has(id)))] as ValueId[];
}

function nameOf(model: Model, id: ValueId): string {
  return model.graph.values.get(id)?.name ?? '';
}
