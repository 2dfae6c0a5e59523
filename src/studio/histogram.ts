/** Use case: how a layer's weights are distributed, with the levels that the recipe gives them laid over. */
import { countOf, isFloat } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import type { Quantization, Tensor, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { EvidenceSource } from '#measure/calibration/evidence.ts';
import type { FloatCache } from '#recipes/float-cache.ts';
import type { Previewer } from '#recipes/preview.ts';
import type { Recipe } from '#recipes/recipe.ts';
import { lastLossyStep, needsRanges, type RunState } from '#recipes/run.ts';
import { mainWeight } from '#recipes/summarize.ts';
import { levelsWithin, MOST_LEVELS_SHOWN, readRowScales, rowName, weightsOfRow } from '#recipes/weight-rows.ts';
import { bitsOf } from '#base/dtype.ts';
import type { LayerHistogram } from './jobs.ts';
import type { OpenModel, WorkContext } from './workshop.ts';

export interface HistogramWish {
  readonly layer: string;
  readonly recipe: Recipe;
  readonly bins: number;
  /** Channel or block to show; null: the whole tensor. */
  readonly row: number | null;
}

/** Weights as they are before the recipe; the grid as the recipe's last lossy step makes it. */
export async function histogramOf(
  open: OpenModel,
  wish: HistogramWish,
  context: WorkContext,
  bench: {
    readonly floats: FloatCache;
    readonly previewer: Previewer;
    readonly evidence?: EvidenceSource | undefined;
  },
): Promise<LayerHistogram> {
  const layer = open.layers.find((candidate) => candidate.name === wish.layer);
  const weight = layer === undefined ? undefined : mainWeight(layer);
  if (layer === undefined || weight === undefined) {
    throw new PareError({
      code: 'studio/no-weights',
      file: open.name,
      place: `layer ${wish.layer}`,
      problem: layer === undefined ? 'the model has no such layer.' : 'this layer has no weights.',
    });
  }
  const together = new Set([layer.name, ...weight.sharedWith]);
  const last = lastLossyStep(wish.recipe);
  const blind = bench.evidence === undefined && last >= 0 && needsRanges(wish.recipe.steps[last]?.pass ?? '');
  // Without ranges the step cannot run: the weights are shown as it would find them, without its levels.
  const recipe = blind ? { ...wish.recipe, steps: wish.recipe.steps.slice(0, last) } : wish.recipe;
  const after = await bench.previewer.runForLayers(recipe, together, { ...context, evidence: bench.evidence });
  const { tensor, quantization } = quantizedWeight(after, weight.value);
  const run = bench.floats.begin();
  try {
    const shown = referenceOf(open, after, weight.value);
    if (!isFloat(shown.tensor.dtype)) throw notFloat(open, layer.name, shown.tensor);
    const data = await run.floats(shown.state.weights, shown.tensor, `weight "${weight.name}"`);
    const rows = quantization === undefined ? 1 : countOf(quantization.scale.shape);
    const row = quantization === undefined || wish.row === null ? null : Math.min(rows - 1, Math.max(0, wish.row));
    const part =
      row === null || quantization === undefined ? data : weightsOfRow(data, tensor.shape, quantization, row);
    const { low, high } = await rangeOf(part, run.kernels);
    const { counts } = await run.kernels.histogram(part, wish.bins, low, high);
    const grid = blind
      ? { grid: [], gridLabel: 'levels are known once data was calibrated on' }
      : await gridOf(after, tensor, quantization, row, { low, high, rows }, context);
    return {
      layer: layer.name,
      weight: weight.name,
      counts: [...counts],
      low,
      high,
      zeros: zerosIn(part),
      count: part.length,
      ...grid,
      rows,
      row,
    };
  } finally {
    run.end();
  }
}

function quantizedWeight(
  state: RunState,
  value: ValueId,
): { readonly tensor: Tensor; readonly quantization?: Quantization } {
  const found = allValues(state.model.graph).get(value);
  if (found?.constant === undefined) {
    throw new PareError({
      code: 'studio/weight-gone',
      place: found?.name ?? String(value),
      problem: 'a clean-up step of the recipe folded this weight into another layer.',
      hint: 'Choose a layer that remains.',
    });
  }
  return {
    tensor: found.constant,
    ...(found.quantization === undefined ? {} : { quantization: found.quantization }),
  };
}

/** The weight before the first lossy step: what errors are measured against, and what is drawn. */
function referenceOf(
  open: OpenModel,
  after: RunState,
  value: ValueId,
): { readonly state: Pick<RunState, 'weights'>; readonly tensor: Tensor } {
  const reference = after.references?.get(value);
  const tensor = reference ?? allValues(open.model.graph).get(value)?.constant;
  if (tensor === undefined) throw new Error(`value ${String(value)} has no constant`);
  return { state: reference === undefined ? open : after, tensor };
}

async function gridOf(
  after: RunState,
  tensor: Tensor,
  quantization: Quantization | undefined,
  row: number | null,
  range: { readonly low: number; readonly high: number; readonly rows: number },
  context: WorkContext,
): Promise<Pick<LayerHistogram, 'grid' | 'gridLabel'>> {
  if (quantization === undefined) return { grid: [], gridLabel: null };
  const { rows, low, high } = range;
  if (row === null && rows > 1) {
    const kind = quantization.block === undefined ? 'channels' : 'blocks';
    return { grid: [], gridLabel: `${rows} ${kind}, each with levels of its own` };
  }
  const scales = await readRowScales(quantization, tensor.dtype, after.weights, context.backend.kernels);
  const shown = row ?? 0;
  const scale = (scales.scale[shown] ?? 0).toPrecision(3);
  const label = `${rowName(quantization, shown, rows)}, scale ${scale}`;
  if (2 ** bitsOf(tensor.dtype) > MOST_LEVELS_SHOWN) {
    return { grid: [], gridLabel: `${label}, ${2 ** bitsOf(tensor.dtype)} levels: too many to draw` };
  }
  return { grid: levelsWithin(scales, shown, low, high), gridLabel: label };
}

async function rangeOf(
  data: Float32Array,
  kernels: WorkContext['backend']['kernels'],
): Promise<{ readonly low: number; readonly high: number }> {
  const { min, max } = await kernels.minMax({ data, rows: 1, rowLength: data.length });
  const low = min[0] ?? 0;
  const high = max[0] ?? 0;
  // Equal weights still need a range to stand in.
  return low < high ? { low, high } : { low: low - 0.5, high: high + 0.5 };
}

function zerosIn(data: Float32Array): number {
  let zeros = 0;
  for (const value of data) if (value === 0) zeros += 1;
  return zeros;
}

function notFloat(open: OpenModel, layer: string, tensor: Tensor): PareError {
  return new PareError({
    code: 'studio/not-float',
    file: open.name,
    place: `layer ${layer}`,
    problem: `its weights are stored as ${tensor.dtype} already, so there is no float distribution to show.`,
  });
}
