/** What became of each layer: bytes, bits and error, from the layers before and after and the ledgers of the steps. */
import type { Layer, LayerWeight } from '#ir/layer.ts';
import { addErrors, figuresOf } from '#kernels/errors.ts';
import type { ErrorSums } from '#kernels/kernels.ts';
import type { LedgerEntry, WeightOutcome } from '#passes/pass.ts';
import type { LayerError, LayerResult, StepReport } from './report.ts';

export interface LayerHistory {
  readonly before: readonly Layer[];
  /** Layers of the model as it stands: after all steps, or in a preview before its last lossy step. */
  readonly after: readonly Layer[];
  /** Every step that ran. */
  readonly steps: readonly StepReport[];
  /** Names of the passes that lose precision. */
  readonly lossy: ReadonlySet<string>;
}

export interface Summary {
  readonly layers: readonly LayerResult[];
  /** Sums over all weights that a lossy step changed; null when there are none. */
  readonly sums: ErrorSums | null;
}

export function summarize(history: LayerHistory): Summary {
  const after = new Map(history.after.map((layer) => [layer.name, layer]));
  const before = new Set(history.before.map((layer) => layer.name));
  const entries = groupByLayer(history.steps.filter((step) => history.lossy.has(step.pass)));
  const sums: ErrorSums[] = [];
  const layers = history.before.map((layer) => {
    const now = after.get(layer.name);
    if (now === undefined) return removed(layer, history.steps);
    const outcomes = lastOutcomes(entries.get(layer.name) ?? []);
    sums.push(...outcomes.map((outcome) => outcome.error));
    return resultOf(layer, now, entries.get(layer.name) ?? [], outcomes);
  });
  // Layers that a step made matter only where they hold weights.
  const made = history.after.filter((layer) => !before.has(layer.name) && layer.parameters > 0);
  for (const layer of made) {
    const outcomes = lastOutcomes(entries.get(layer.name) ?? []);
    sums.push(...outcomes.map((outcome) => outcome.error));
    const nothing: Layer = { ...layer, weightBytes: 0 };
    layers.push(resultOf(nothing, layer, entries.get(layer.name) ?? [], outcomes));
  }
  return { layers, sums: sums.length === 0 ? null : sums.reduce(addErrors) };
}

/** Where the weights were all zero and no longer are, nothing of the signal is left: -Infinity dB, cosine 0. */
function errorOf(sums: ErrorSums): LayerError {
  const { sqnrDb, mse, cosine, maxAbs } = figuresOf(sums);
  return { sqnrDb: sqnrDb ?? Number.NEGATIVE_INFINITY, mse: mse ?? 0, cosine: cosine ?? 0, maxAbs };
}

/** The weight a layer is judged by: the one with most elements, the first among equals. */
export function mainWeight(layer: Layer): LayerWeight | undefined {
  let main: LayerWeight | undefined;
  let most = -1;
  for (const weight of layer.weights) {
    const count = weight.shape.reduce((product, size) => product * size, 1);
    if (count > most) [main, most] = [weight, count];
  }
  return main;
}

function resultOf(
  before: Layer,
  now: Layer,
  entries: readonly LedgerEntry[],
  outcomes: readonly WeightOutcome[],
): LayerResult {
  const main = mainWeight(now);
  const outcome = outcomes.find((one) => one.value === main?.value) ?? largest(outcomes);
  const left = outcomes.length === 0 ? entries.findLast((entry) => entry.action === 'left') : undefined;
  const granularity = outcome === undefined ? undefined : granularityOf(outcome);
  return {
    layer: before.name,
    op: before.op,
    parameters: before.parameters,
    bytesBefore: before.weightBytes,
    bytesAfter: bytesOf(now, outcomes),
    bits: outcome?.bits ?? main?.bits ?? null,
    error: outcomes.length === 0 ? null : errorOf(outcomes.map((one) => one.error).reduce(addErrors)),
    sparsity: outcome?.sparsity ?? null,
    ...(left === undefined ? {} : { skipped: left.text, skippedCode: left.code }),
    ...(granularity === undefined ? {} : { granularity }),
    ...(outcome?.convention === undefined ? {} : { convention: outcome.convention }),
  };
}

function removed(layer: Layer, steps: readonly StepReport[]): LayerResult {
  const entries = steps.flatMap((step) => step.ledger.map((entry) => ({ entry, step })));
  const found = entries.findLast(({ entry }) => entry.layer === layer.name && entry.action === 'changed');
  return {
    layer: layer.name,
    op: layer.op,
    parameters: layer.parameters,
    bytesBefore: layer.weightBytes,
    bytesAfter: 0,
    bits: null,
    error: null,
    sparsity: null,
    skipped: found?.entry.text ?? 'Removed by a clean-up step: the rest of the model does its work.',
    skippedCode: 'removed',
  };
}

function groupByLayer(steps: readonly StepReport[]): ReadonlyMap<string, readonly LedgerEntry[]> {
  const groups = new Map<string, LedgerEntry[]>();
  for (const step of steps) {
    for (const entry of step.ledger) {
      const group = groups.get(entry.layer);
      if (group === undefined) groups.set(entry.layer, [entry]);
      else group.push(entry);
    }
  }
  return groups;
}

/** The last outcome of each weight: errors are against the first weights, so the last one holds them all. */
function lastOutcomes(entries: readonly LedgerEntry[]): readonly WeightOutcome[] {
  const outcomes = new Map<number, WeightOutcome>();
  for (const { outcome } of entries) {
    if (outcome === undefined) continue;
    const earlier = outcomes.get(outcome.value);
    outcomes.set(outcome.value, merged(earlier, outcome));
  }
  return [...outcomes.values()];
}

/** What a later step does not say (pruning says no granularity) is kept from the earlier one. */
function merged(earlier: WeightOutcome | undefined, later: WeightOutcome): WeightOutcome {
  if (earlier === undefined) return later;
  const sparsity = later.sparsity ?? earlier.sparsity;
  return { ...earlier, ...later, ...(sparsity === undefined ? {} : { sparsity }) };
}

/**
 * Bytes of a layer with what the steps made of its weights. Outcomes say what the writer will emit, packed operators
 * included, and a step that was only measured has not changed the layer: so a preview and a result count alike.
 */
function bytesOf(layer: Layer, outcomes: readonly WeightOutcome[]): number {
  const stored = new Map(layer.weights.map((weight) => [weight.value, weight.sizeBytes]));
  return outcomes.reduce((bytes, outcome) => {
    const was = stored.get(outcome.value);
    return was === undefined ? bytes : bytes - was + outcome.bytesAfter;
  }, layer.weightBytes);
}

function largest(outcomes: readonly WeightOutcome[]): WeightOutcome | undefined {
  return outcomes.reduce<WeightOutcome | undefined>(
    (best, one) => (best === undefined || one.error.count > best.error.count ? one : best),
    undefined,
  );
}

/** `tensor`, `channel (axis 0)`, `block 32 (axis 1)`. */
function granularityOf(outcome: WeightOutcome): string | undefined {
  if (outcome.granularity === undefined) return undefined;
  const axis = outcome.axis === undefined ? '' : ` (axis ${outcome.axis})`;
  return outcome.granularity === 'block' && outcome.block !== undefined
    ? `block ${outcome.block}${axis}`
    : `${outcome.granularity}${outcome.granularity === 'tensor' ? '' : axis}`;
}
