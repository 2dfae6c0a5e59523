/** Use case: the activations that a recipe rounds: what calibration saw of each, the range that was chosen, and its grid. */
import { bitsOf, kindOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Model, Node, Quantization, Value, ValueId } from '#ir/model.ts';
import type { CalibrationSource } from '#measure/calibration/evidence-source.ts';
import { choicesOf } from '#measure/calibration/ranges/choose.ts';
import { displayHistogram, shareOutside, type TensorStatistics } from '#measure/calibration/statistics.ts';
import { stepsOfGrid } from '#measure/dequantize.ts';
import type { ModelWithWeights } from '#measure/evaluation/layers/layer-errors.ts';
import type { ActivationHistogram, ActivationView, ActivationViews } from './jobs.ts';
import type { Optimized, WorkContext } from './workshop.ts';

export interface ActivationContext extends Pick<WorkContext, 'signal' | 'onProgress'> {
  /** The float model that the result's lossy steps started from. */
  readonly before: ModelWithWeights;
  readonly evidence: CalibrationSource;
}

export async function activationsOf(result: Optimized, context: ActivationContext): Promise<ActivationViews> {
  const rounded = roundedValues(result.model);
  const statistics = await statisticsOf(rounded, context);
  const views: ActivationView[] = [];
  for (const value of rounded) {
    const seen = statistics.get(value.id);
    if (seen !== undefined) views.push(await viewOf(result, value, seen));
  }
  return { views, method: context.evidence.description };
}

export async function activationHistogramOf(
  result: Optimized,
  wish: { readonly value: string; readonly bins: number },
  context: ActivationContext,
): Promise<ActivationHistogram> {
  const value = roundedValues(result.model).find((candidate) => candidate.name === wish.value);
  const seen = value === undefined ? undefined : (await statisticsOf([value], context)).get(value.id);
  if (value === undefined || seen === undefined) {
    throw new PareError({
      code: 'studio/no-activation',
      place: `value ${wish.value}`,
      problem: value === undefined ? 'the recipe leaves this value in float.' : 'no sample reached this value.',
    });
  }
  const { levels } = value.quantization;
  const symmetric = await isSymmetric(result, value);
  return {
    ...(await viewOf(result, value, seen)),
    ...displayHistogram(seen, wish.bins),
    count: seen.count,
    choices: choicesOf(seen, { method: 'minmax', bits: bitsOf(levels), symmetric }),
  };
}

type Rounded = Value & {
  readonly quantization: Quantization & { readonly levels: NonNullable<Quantization['levels']> };
};

function roundedValues(model: Model): readonly Rounded[] {
  return [...model.graph.values.values()].filter(
    (value): value is Rounded => value.constant === undefined && value.quantization?.levels !== undefined,
  );
}

/** Measured on the float model that the recipe's lossy steps start from. Values that a lossy step added were never there. */
async function statisticsOf(
  values: readonly Rounded[],
  { before, evidence, signal, onProgress }: ActivationContext,
): Promise<ReadonlyMap<ValueId, TensorStatistics>> {
  // A layer that took over the Relu behind it makes the value that Relu made, under its name: what that looked like counts.
  const byName = new Map([...before.model.graph.values.values()].map(({ name, id }) => [name, id]));
  const wanted = new Map(
    values.flatMap(({ name, id }) => {
      const then = byName.get(name);
      return then === undefined ? [] : [[id, then] as const];
    }),
  );
  const seen = await evidence.statisticsOf(before.model, before.weights, [...wanted.values()], { signal, onProgress });
  return new Map(
    [...wanted].flatMap(([id, then]) => {
      const statistics = seen.get(then);
      return statistics === undefined ? [] : [[id, statistics] as const];
    }),
  );
}

async function viewOf(result: Optimized, value: Rounded, seen: TensorStatistics): Promise<ActivationView> {
  const { levels } = value.quantization;
  const steps = await stepsOfGrid(levels, value.quantization, result.weights);
  const { scale } = steps;
  const low = scale * steps.low;
  const high = scale * steps.high;
  const producer = result.model.graph.nodes.find((node: Node) => node.outputs.includes(value.id));
  return {
    value: value.name,
    layer: producer?.name ?? 'input',
    op: producer?.op ?? '',
    min: seen.min,
    max: seen.max,
    low,
    high,
    clipped: shareOutside(seen, low, high),
    scale,
    zeroPoint: lowestOf(levels) - steps.low,
    levels,
  };
}

function lowestOf(levels: DType): number {
  return kindOf(levels) === 'signed' ? -(2 ** (bitsOf(levels) - 1)) : 0;
}

/** Levels lie evenly about zero: as many steps below it as above, or one more. */
async function isSymmetric(result: Optimized, { quantization }: Rounded): Promise<boolean> {
  const { low } = await stepsOfGrid(quantization.levels, quantization, result.weights);
  return low === -(2 ** (bitsOf(quantization.levels) - 1));
}
