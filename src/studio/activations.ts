/** Use case: the activations that a recipe rounds: what calibration saw of each, the range that was chosen, and its grid. */
import { bitsOf, kindOf } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Model, Node, Quantization, Value, ValueId } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { CalibrationSource } from '#measure/calibration/evidence-source.ts';
import { choicesOf } from '#measure/calibration/ranges/choose.ts';
import { displayHistogram, shareOutside, type TensorStatistics } from '#measure/calibration/statistics.ts';
import type { FloatCache } from '#recipes/float-cache.ts';
import { losslessPrefix } from '#recipes/lossless-prefix.ts';
import type { ActivationHistogram, ActivationView, ActivationViews } from './jobs.ts';
import type { OpenModel, Optimized, WorkContext } from './workshop.ts';

export interface ActivationContext extends Pick<WorkContext, 'signal' | 'onProgress'> {
  readonly floats: FloatCache;
  readonly evidence: CalibrationSource;
}

export async function activationsOf(
  open: OpenModel,
  result: Optimized,
  context: ActivationContext,
): Promise<ActivationViews> {
  const rounded = roundedValues(result.model);
  const statistics = await statisticsOf(open, result, rounded, context);
  const views: ActivationView[] = [];
  for (const value of rounded) {
    const seen = statistics.get(value.id);
    if (seen !== undefined) views.push(await viewOf(result, value, seen));
  }
  return { views, method: context.evidence.description };
}

export async function activationHistogramOf(
  open: OpenModel,
  result: Optimized,
  wish: { readonly value: string; readonly bins: number },
  context: ActivationContext,
): Promise<ActivationHistogram> {
  const value = roundedValues(result.model).find((candidate) => candidate.name === wish.value);
  const seen = value === undefined ? undefined : (await statisticsOf(open, result, [value], context)).get(value.id);
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
  open: OpenModel,
  result: Optimized,
  values: readonly Rounded[],
  { floats, evidence, signal, onProgress }: ActivationContext,
): Promise<ReadonlyMap<ValueId, TensorStatistics>> {
  const prefix = await losslessPrefix(open, result.recipe, { floats, signal });
  // A layer that took over the Relu behind it makes the value that Relu made, under its name: what that looked like counts.
  const byName = new Map([...prefix.model.graph.values.values()].map(({ name, id }) => [name, id]));
  const wanted = new Map(
    values.flatMap(({ name, id }) => {
      const then = byName.get(name);
      return then === undefined ? [] : [[id, then] as const];
    }),
  );
  const seen = await evidence.statisticsOf(prefix.model, prefix.weights, [...wanted.values()], { signal, onProgress });
  return new Map(
    [...wanted].flatMap(([id, then]) => {
      const statistics = seen.get(then);
      return statistics === undefined ? [] : [[id, statistics] as const];
    }),
  );
}

async function viewOf(result: Optimized, value: Rounded, seen: TensorStatistics): Promise<ActivationView> {
  const { levels } = value.quantization;
  const { scale, zeroPoint } = await gridOf(value.quantization, result.weights);
  const lowest = kindOf(levels) === 'signed' ? -(2 ** (bitsOf(levels) - 1)) : 0;
  const low = scale * (lowest - zeroPoint);
  const high = scale * (lowest + 2 ** bitsOf(levels) - 1 - zeroPoint);
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
    zeroPoint,
    levels,
  };
}

async function gridOf(
  { scale, zeroPoint }: Quantization,
  weights: WeightStore,
): Promise<{ readonly scale: number; readonly zeroPoint: number }> {
  const [factor = NaN] = new Float32Array(new Uint8Array(await weights.read(scale)).buffer);
  if (zeroPoint === undefined) return { scale: factor, zeroPoint: 0 };
  const bytes = new DataView(new Uint8Array(await weights.read(zeroPoint)).buffer);
  const read = {
    u8: () => bytes.getUint8(0),
    i8: () => bytes.getInt8(0),
    u16: () => bytes.getUint16(0, true),
    i16: () => bytes.getInt16(0, true),
  };
  const found = Object.entries(read).find(([dtype]) => dtype === zeroPoint.dtype);
  if (found === undefined) throw new Error(`a zero point of type ${zeroPoint.dtype}`);
  return { scale: factor, zeroPoint: found[1]() };
}

/** Levels lie evenly about zero: signed with zero point 0, or unsigned with the middle one. */
async function isSymmetric(result: Optimized, { quantization }: Rounded): Promise<boolean> {
  const { zeroPoint } = await gridOf(quantization, result.weights);
  return zeroPoint === (kindOf(quantization.levels) === 'signed' ? 0 : 2 ** (bitsOf(quantization.levels) - 1));
}
