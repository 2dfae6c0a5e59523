/** Every variant tried: a recipe with what it costs and what it gives, for the chart of size against error. */
import type {
  Evaluation,
  Latency,
  LayerErrors,
  OutputError,
  PairedTest,
  Preview,
  Proportion,
  Recipe,
} from '#studio/jobs.ts';
import { recipeKey } from '#ui/state/recipe/edit.ts';

export interface Variant {
  readonly key: string;
  /** Counts up from 1; the name of the point. */
  readonly number: number;
  readonly recipe: Recipe;
  readonly fileBytes: number;
  /** SQNR over the weights of all changed layers together; null where no lossy pass changed anything. */
  readonly weightSqnrDb: number | null;
  /** Worst SQNR over the model's outputs, once they were compared. */
  readonly outputSqnrDb: number | null;
  /** The size is that of a file that was made, not estimated. */
  readonly made?: boolean;
  readonly evaluation?: VariantEvaluation;
  readonly layerNoise?: LayerNoise;
}

/** What is kept of an evaluation: the figures that variants are compared by. */
export interface VariantEvaluation {
  /** Figures compare only where this is the same: data, preparation, split. */
  readonly dataKey: string;
  readonly data: string;
  readonly samples: number;
  readonly top1: Proportion | null;
  readonly top1Before: Proportion | null;
  readonly top5: Proportion | null;
  readonly paired: PairedTest | null;
  /** Of the output that agrees least. */
  readonly agreement: Proportion | null;
  readonly sqnrDb: number | null;
  readonly cosine: number | null;
  readonly klNats: number | null;
  readonly latency: { readonly before: Latency; readonly after: Latency; readonly ratio: number | null } | null;
}

/** SQNR of every layer's output in dB: in the finished model, and alone. */
export interface LayerNoise {
  readonly dataKey: string;
  readonly samples: number;
  readonly layers: Readonly<Record<string, { readonly cumulative: number | null; readonly alone: number }>>;
}

/** Variants are kept between visits: figures of more layers than this are not. */
const MOST_LAYERS_KEPT = 600;

/** Older ones are forgotten first. */
const KEPT = 200;

export function addVariant(variants: readonly Variant[], recipe: Recipe, preview: Preview): readonly Variant[] {
  const key = recipeKey(recipe);
  const known = variants.find((variant) => variant.key === key);
  const variant: Variant = {
    ...known,
    key,
    number: known?.number ?? 1 + Math.max(0, ...variants.map((one) => one.number)),
    recipe,
    fileBytes: known?.made === true ? known.fileBytes : preview.fileBytesAfter,
    weightSqnrDb: preview.weightSqnrDb,
    outputSqnrDb: known?.outputSqnrDb ?? null,
  };
  return known === undefined
    ? [...variants, variant].slice(-KEPT)
    : variants.map((one) => (one.key === key ? variant : one));
}

export function noteOutputs(
  variants: readonly Variant[],
  recipe: Recipe,
  outputs: readonly OutputError[],
): readonly Variant[] {
  const key = recipeKey(recipe);
  const worst = outputs.length === 0 ? null : Math.min(...outputs.map((output) => output.sqnrDb));
  return variants.map((variant) => (variant.key === key ? { ...variant, outputSqnrDb: worst } : variant));
}

/** The file was made: its size is counted from now on. A recipe that was never previewed becomes a variant. */
export function noteMade(variants: readonly Variant[], recipe: Recipe, fileBytes: number): readonly Variant[] {
  const key = recipeKey(recipe);
  if (variants.some((variant) => variant.key === key)) {
    return variants.map((variant) => (variant.key === key ? { ...variant, fileBytes, made: true } : variant));
  }
  const number = 1 + Math.max(0, ...variants.map((one) => one.number));
  const variant = { key, number, recipe, fileBytes, weightSqnrDb: null, outputSqnrDb: null, made: true };
  return [...variants, variant].slice(-KEPT);
}

export function noteEvaluation(
  variants: readonly Variant[],
  recipe: Recipe,
  evaluation: Evaluation,
  dataKey: string,
): readonly Variant[] {
  const key = recipeKey(recipe);
  const noted = summarize(evaluation, dataKey);
  return variants.map((variant) => (variant.key === key ? { ...variant, evaluation: noted } : variant));
}

export function noteLayers(
  variants: readonly Variant[],
  recipe: Recipe,
  errors: LayerErrors,
  dataKey: string,
): readonly Variant[] {
  if (errors.layers.length > MOST_LAYERS_KEPT) return variants;
  const key = recipeKey(recipe);
  const layers = Object.fromEntries(
    errors.layers.map((layer) => [
      layer.layer,
      { cumulative: layer.cumulative?.sqnrDb ?? null, alone: layer.alone.sqnrDb },
    ]),
  );
  const layerNoise = { dataKey, samples: errors.samples, layers };
  return variants.map((variant) => (variant.key === key ? { ...variant, layerNoise } : variant));
}

function summarize(evaluation: Evaluation, dataKey: string): VariantEvaluation {
  const { after, before, agreement, latency } = evaluation;
  const classes = (after ?? before).classification;
  const worst = agreement.toSorted((a, b) => a.sqnrDb - b.sqnrDb)[0];
  const least = agreement
    .flatMap((output) => output.top1 ?? output.threshold ?? [])
    .toSorted((a, b) => a.share - b.share)[0];
  return {
    dataKey,
    data: evaluation.data,
    samples: (after ?? before).samples,
    top1: classes?.top1 ?? null,
    top1Before: before.classification?.top1 ?? null,
    top5: classes?.top5 ?? null,
    paired: evaluation.paired,
    agreement: least ?? null,
    sqnrDb: worst?.sqnrDb ?? null,
    cosine: worst?.cosine ?? null,
    klNats: agreement.find((output) => output.klNats !== null)?.klNats ?? null,
    latency:
      latency === null || latency.after === null
        ? null
        : { before: latency.before, after: latency.after, ratio: latency.ratio?.median ?? null },
  };
}

/** What variants are judged by: SQNR of their weights, accuracy, or agreement with the original. */
export type Measure = 'sqnr' | 'accuracy' | 'agreement';

/** Figure of a variant with its interval; null where it was not measured, or on other data than asked for. */
export function measureOf(
  variant: Variant,
  measure: Measure,
  dataKey: string | null,
): { readonly value: number; readonly low: number; readonly high: number } | null {
  if (measure === 'sqnr') {
    const db = variant.weightSqnrDb;
    return db === null || !Number.isFinite(db) ? null : { value: db, low: db, high: db };
  }
  const { evaluation } = variant;
  if (evaluation === undefined || evaluation.dataKey !== dataKey) return null;
  const share = measure === 'accuracy' ? evaluation.top1 : evaluation.agreement;
  return share === null || !Number.isFinite(share.share)
    ? null
    : { value: share.share, low: share.low, high: share.high };
}

/** Variants that no other beats in both size and what they are judged by: smallest first. */
export function frontier(
  variants: readonly Variant[],
  measure: Measure = 'sqnr',
  dataKey: string | null = null,
): readonly Variant[] {
  const sorted = variants
    .flatMap((variant) => {
      const value = measure === 'sqnr' ? variant.weightSqnrDb : (measureOf(variant, measure, dataKey)?.value ?? null);
      return value === null ? [] : [{ variant, value }];
    })
    .toSorted((a, b) => a.variant.fileBytes - b.variant.fileBytes || b.value - a.value);
  const front: (typeof sorted)[number][] = [];
  for (const one of sorted) {
    const last = front.at(-1);
    if (last === undefined || one.value > last.value) front.push(one);
  }
  return front.map((one) => one.variant);
}

const CLEAN_UP = /^(simplify|fuse)\//;

/** What a recipe does in a few words, from its steps' telling options; clean-up that loses nothing is left out. */
export function describeRecipe(recipe: Recipe): string {
  const telling = recipe.steps.filter((step) => !CLEAN_UP.test(step.pass));
  const parts = (telling.length === 0 ? recipe.steps : telling).map((step) => {
    const options = step.options ?? {};
    const told = [
      'bits',
      'activations',
      'weights',
      'granularity',
      'block',
      'blockSize',
      'sparsity',
      'pattern',
      'range',
      'calibration',
      'method',
    ].flatMap((key) => {
      const value = options[key];
      if ((key === 'block' || key === 'blockSize') && options['granularity'] !== 'block') return [];
      if (key === 'bits') return [`${String(value)} bits`].filter(() => value !== undefined);
      return typeof value === 'string' || typeof value === 'number' ? [String(value)] : [];
    });
    const name = step.pass.split('/').at(-1) ?? step.pass;
    return told.length === 0 ? name : `${name} (${told.join(', ')})`;
  });
  const own = Object.values(recipe.layers ?? {});
  const excluded = own.filter((layer) => layer.exclude === true).length;
  const raised = own.filter((layer) => layer.options !== undefined).length;
  const layers = [excluded === 0 ? null : `${excluded} excluded`, raised === 0 ? null : `${raised} of its own`];
  const said = parts.length === 0 ? 'unchanged' : parts.join(' + ');
  return [said, ...layers.filter((text) => text !== null)].join(', ');
}
