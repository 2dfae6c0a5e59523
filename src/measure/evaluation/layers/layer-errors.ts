/**
 * Which layers the error comes from. Each quantized layer is measured alone, on what the float model feeds it and split into
 * its causes, and in the finished model as the runtime runs it, where all layers before it are quantized as well. Layers are
 * measured in groups, so that memory is bounded however large the model is.
 */
import type { NdArray } from '#base/nd-array.ts';
import { countOf } from '#base/dtype.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { OnProgress } from '#base/progress.ts';
import type { Sample, Samples } from '#data/samples.ts';
import type { Model, ValueId } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { WeightStore } from '#ir/weights.ts';
import { exposeValues, runnableModel } from '#measure/calibration/expose.ts';
import { groupsOf, sizesOfValues } from '#measure/calibration/groups.ts';
import { openFollower } from '#measure/evaluation/feeding.ts';
import type { LayerErrors } from '#measure/evaluation/report.ts';
import { numbersOf } from '#measure/numbers.ts';
import { runSamples } from '#measure/run-samples.ts';
import { inferShapes } from '#ops/infer.ts';
import { opsetOf } from '#ops/table.ts';
import { raiseOpset } from '#passes/convert/opset.ts';
import type { Runtime, Session } from '#runtimes/runtime.ts';
import { planLayers } from './plan.ts';
import type { LayerPlan, PlannedLayer } from './plan.ts';
import { openProbeStore } from './probe-store.ts';
import { buildProbe } from './probe.ts';
import type { Part, Probe } from './probe.ts';
import { layerSums } from './sums.ts';
import type { LayerSums } from './sums.ts';

export interface ModelWithWeights {
  readonly model: Model;
  readonly weights: WeightStore;
}

export interface LayerErrorsWork {
  /** The float model as it stood before the first lossy step, with the names that it has in `after`. */
  readonly before: ModelWithWeights;
  readonly after: ModelWithWeights;
  readonly samples: Samples;
  /** Only so many of the samples, evenly spread; absent: all. */
  readonly count?: number | undefined;
  readonly runtime: Runtime;
  /** Bytes of activations and weights that a group of layers may take. */
  readonly budgetBytes?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

const BUDGET_BYTES = 192e6;

/** The opset that Round and Clip with limits as inputs came with. */
const OLDEST_ROUND = 11;

/** The float value, four copies of the layer's output and what is between them live at the same time, at worst. */
const COPIES = 8;

export async function layerErrors(work: LayerErrorsWork): Promise<LayerErrors> {
  const { runtime, signal } = work;
  const after = await inferred(work.after);
  const before = await inferred(await atOpsetOf(after, work.before));
  const samples = someOf(work.samples, work.count);
  const plan = planLayers(before.model, after.model, opsetOf(before.model.opsets, '') >= OLDEST_ROUND);
  const bench: Bench = { before, after, samples, runtime, signal, onProgress: work.onProgress };
  const groups = await groupLayers(bench, plan.layers, work.budgetBytes ?? BUDGET_BYTES);
  const layers: LayerErrors['layers'][number][] = [];
  const notices: Notice[] = [...leftNotices(plan)];
  let ran = 0;
  for (const [index, group] of groups.entries()) {
    checkCancelled(signal);
    const measured = await measureGroup(bench, group, index, groups.length);
    ran = measured.ran;
    layers.push(...group.map((layer) => measured.sums.of(layer).figures(layer)));
    if (index === 0) notices.push(...measured.notices);
  }
  return {
    layers,
    samples: ran,
    data: samples.description,
    method:
      `sums over ${ran} samples; alone: on inputs of the float model, computed in float with each constant, input and output rounded to its grid; ` +
      `cumulative: the finished model against the float one, as ${runtime.description} runs it`,
    notices,
  };
}

interface Bench {
  readonly before: ModelWithWeights;
  readonly after: ModelWithWeights;
  readonly samples: Samples;
  readonly runtime: Runtime;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: OnProgress | undefined;
}

async function inferred({ model, weights }: ModelWithWeights): Promise<ModelWithWeights> {
  return { model: await inferShapes(model, weights), weights };
}

/**
 * The float model at the opset that the finished one was raised to, so that both spell their layers alike; at least where
 * rounding can be spelled.
 */
async function atOpsetOf(after: ModelWithWeights, before: ModelWithWeights): Promise<ModelWithWeights> {
  const opset = Math.max(OLDEST_ROUND, opsetOf(after.model.opsets, ''));
  if (opsetOf(before.model.opsets, '') >= opset) return before;
  const weights = openProbeStore(before.weights, after.weights, 'raised');
  const edit = openEditor(before.model);
  try {
    await raiseOpset(edit, opset, weights);
  } catch (error) {
    // A float model that cannot be raised is measured as it is: its own spelling of each layer is taken.
    if (error instanceof PareError) return before;
    throw error;
  }
  return { model: edit.finish(), weights };
}

/**
 * So many of the samples, evenly spread: data often lies class by class. Samples whose state is carried on follow each other,
 * so of those it is the first.
 */
function someOf(samples: Samples, wish: number | undefined): Samples {
  const { length: all, description, fingerprint, carry } = samples;
  const count = Math.min(all, wish ?? all);
  if (count === all) return samples;
  const inOrder = carry.size > 0;
  const at = (index: number): number => (inOrder ? index : Math.floor((index * all) / count));
  return {
    length: count,
    description: `${inOrder ? `the first ${count}` : `${count}, evenly spread,`} of ${description}`,
    fingerprint,
    carry,
    read: (index, signal) => samples.read(at(index), signal),
  };
}

/** As many layers at once as their outputs and float weights fit. */
async function groupLayers(
  bench: Bench,
  layers: readonly PlannedLayer[],
  budget: number,
): Promise<readonly (readonly PlannedLayer[])[]> {
  if (layers.length === 0) return [];
  const { before } = bench;
  const outputs = layers.map((layer) => layer.reference.id);
  const known = await sizesOfValues(before.model, before.weights, outputs, await firstFeeds(bench));
  // By the output in the finished model, which no two layers share.
  const byOutput = new Map(layers.map((layer) => [layer.output.id, layer]));
  const sizes = new Map<ValueId, number>();
  for (const layer of layers) {
    const activation = known.get(layer.reference.id) ?? budget / 8 / COPIES;
    const weights = layer.inputs.reduce(
      (sum, input) =>
        sum +
        (input.kind === 'constant' && input.value.constant !== undefined ? 4 * countOf(input.value.constant.shape) : 0),
      0,
    );
    sizes.set(layer.output.id, COPIES * activation + weights);
  }
  const groups = groupsOf([...byOutput.keys()], sizes, budget);
  return groups.map((group) => group.flatMap((id) => byOutput.get(id) ?? []));
}

async function firstFeeds({ samples, signal }: Bench): Promise<Sample['feeds']> {
  for (let index = 0; index < samples.length; index++) {
    checkCancelled(signal);
    try {
      return (await samples.read(index, signal)).feeds;
    } catch (error) {
      if (!(error instanceof PareError)) throw error;
    }
  }
  return new Map();
}

interface Measured {
  readonly sums: { of(layer: PlannedLayer): LayerSums };
  readonly ran: number;
  readonly notices: readonly Notice[];
}

async function measureGroup(
  bench: Bench,
  group: readonly PlannedLayer[],
  index: number,
  groups: number,
): Promise<Measured> {
  const { before, after, samples, signal } = bench;
  const store = openProbeStore(before.weights, after.weights, 'probe');
  const opset = opsetOf(after.model.opsets, '');
  const probe = await buildProbe(before.model, after.weights, opset, group, store);
  const shown = group.map((layer) => layer.reference.id);
  const scalars = [...probe.sums.values()].flatMap((sums) => Object.values(sums));
  const sums = new Map(group.map((layer) => [layer, layerSums()]));
  const of = (layer: PlannedLayer): LayerSums => sums.get(layer) ?? layerSums();
  const session = await load(bench, probe.model, store, [...shown, ...scalars], 'layers.onnx');
  try {
    const finished = await load(
      bench,
      after.model,
      after.weights,
      group.map((layer) => layer.output.id),
      'finished.onnx',
    );
    try {
      const follower = openFollower(finished, samples);
      const result = await runSamples(session, samples, {
        signal,
        label: groups === 1 ? 'Measuring layers on' : `Measuring layers, part ${index + 1} of ${groups}, on`,
        onProgress: ({ label, done, of: count }) =>
          bench.onProgress?.({ label, done: index * count + done, of: groups * count }),
        async onResult(sample, results) {
          const quantized = await follower.run(sample);
          for (const layer of group) {
            addTo(of(layer), layer, probe, results, quantized);
          }
        },
      });
      return { sums: { of }, ran: result.ran, notices: failureNotices(result.failures.length, samples.length) };
    } finally {
      await finished.close();
    }
  } finally {
    await session.close();
  }
}

/** A session that shows these values, and what the samples carry on. */
async function load(
  bench: Bench,
  model: Model,
  store: WeightStore,
  ids: readonly ValueId[],
  name: string,
): Promise<Session> {
  const carried = new Set(bench.samples.carry.values());
  const kept = model.graph.outputs.filter((id) => carried.has(model.graph.values.get(id)?.name ?? ''));
  const exposed = exposeValues(model, [...new Set([...ids, ...kept])]);
  return bench.runtime.load(await runnableModel(exposed, store, name));
}

function addTo(
  sums: LayerSums,
  layer: PlannedLayer,
  probe: Probe,
  results: ReadonlyMap<string, NdArray>,
  quantized: ReadonlyMap<string, NdArray>,
): void {
  const reference = numbersAt(results, layer.reference.name);
  if (reference === null) return;
  sums.addSignal(reference);
  for (const [part, id] of Object.entries(probe.sums.get(layer) ?? {})) {
    const name = probe.model.graph.values.get(id)?.name ?? '';
    sums.addError(part as Part, numbersAt(results, name)?.[0] ?? NaN);
  }
  const result = numbersAt(quantized, layer.output.name);
  if (result !== null && result.length === reference.length) sums.addCumulative(reference, result);
}

function numbersAt(arrays: ReadonlyMap<string, NdArray>, name: string): ArrayLike<number> | null {
  const array = arrays.get(name);
  return array === undefined ? null : numbersOf(array);
}

function leftNotices({ layers, left }: LayerPlan): Notice[] {
  const notices: Notice[] = left.map(({ layer, reason }) => ({
    level: 'info',
    code: 'layers/not-measured',
    text: `its error is not measured: ${reason}.`,
    at: layer,
  }));
  if (layers.length > 0) return notices;
  return [{ level: 'warning', code: 'layers/none', text: 'there is no quantized layer to measure.' }, ...notices];
}

function failureNotices(failures: number, of: number): Notice[] {
  if (failures === 0) return [];
  return [
    {
      level: 'warning',
      code: 'layers/unreadable',
      text: `${failures} of ${of} samples could not be read and are left out.`,
    },
  ];
}
