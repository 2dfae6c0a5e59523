/** What became of each layer: bytes, bits and error, from the layers before and after and the ledgers of the steps. */
import type { Layer, LayerWeight } from '#ir/layer.ts';
import type { ValueId } from '#ir/model.ts';
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
  const lossy = history.steps.filter((step) => history.lossy.has(step.pass));
  const facts: Facts = {
    outcomes: lastOutcomes(lossy),
    changed: groupChanged(lossy),
    left: groupLeft(lossy),
    counted: new Set(),
  };
  const after = new Map(history.after.map((layer) => [layer.name, layer]));
  const before = new Set(history.before.map((layer) => layer.name));
  const layers = history.before.map((layer) => {
    const now = after.get(layer.name);
    return now === undefined ? removed(layer, history.steps) : resultOf(layer, now, facts);
  });
  // Layers that a step made matter only where they hold weights.
  for (const layer of history.after) {
    if (before.has(layer.name) || layer.parameters === 0) continue;
    layers.push(resultOf({ ...layer, weightBytes: 0 }, layer, facts));
  }
  const sums = Array.from(facts.outcomes.values(), (outcome) => outcome.error);
  return { layers, sums: sums.length === 0 ? null : sums.reduce(addErrors) };
}

interface Facts {
  /** What became of each weight, by value: layers that share it show the same figures. */
  readonly outcomes: ReadonlyMap<ValueId, WeightOutcome>;
  /** Weights that the ledger names for a layer: a step may put a new value in the place of the one it worked on. */
  readonly changed: ReadonlyMap<string, ReadonlySet<ValueId>>;
  /** The last line that says a layer was left alone, by layer. */
  readonly left: ReadonlyMap<string, LedgerEntry>;
  /** Weights whose bytes some layer has counted: the first that reads one owns it. */
  readonly counted: Set<ValueId>;
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

function resultOf(before: Layer, now: Layer, facts: Facts): LayerResult {
  const main = mainWeight(now);
  const ids = new Set([...before.weights, ...now.weights].map((weight) => weight.value));
  for (const id of facts.changed.get(before.name) ?? []) ids.add(id);
  const outcomes = [...ids].flatMap((id) => facts.outcomes.get(id) ?? []);
  const outcome = outcomes.find((one) => one.value === main?.value) ?? largest(outcomes);
  const left = outcomes.length === 0 ? facts.left.get(before.name) : undefined;
  const granularity = outcome === undefined ? undefined : granularityOf(outcome);
  return {
    layer: before.name,
    op: before.op,
    // Clean-up gives weights to layers that computed theirs from constants elsewhere.
    parameters: before.parameters === 0 ? now.parameters : before.parameters,
    bytesBefore: before.weightBytes,
    bytesAfter: bytesOf(now, outcomes, facts.counted),
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

function groupLeft(steps: readonly StepReport[]): ReadonlyMap<string, LedgerEntry> {
  const left = new Map<string, LedgerEntry>();
  for (const step of steps) for (const entry of step.ledger) if (entry.action === 'left') left.set(entry.layer, entry);
  return left;
}

function groupChanged(steps: readonly StepReport[]): ReadonlyMap<string, ReadonlySet<ValueId>> {
  const changed = new Map<string, Set<ValueId>>();
  for (const { layer, outcome } of steps.flatMap((step) => step.ledger)) {
    if (outcome === undefined) continue;
    const ids = changed.get(layer);
    if (ids === undefined) changed.set(layer, new Set([outcome.value]));
    else ids.add(outcome.value);
  }
  return changed;
}

/** The last outcome of each weight: errors are against the first weights, so the last one holds them all. */
function lastOutcomes(steps: readonly StepReport[]): ReadonlyMap<ValueId, WeightOutcome> {
  const outcomes = new Map<ValueId, WeightOutcome>();
  for (const { ledger } of steps) {
    for (const { outcome } of ledger) {
      if (outcome !== undefined) outcomes.set(outcome.value, merged(outcomes.get(outcome.value), outcome));
    }
  }
  return outcomes;
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
function bytesOf(layer: Layer, outcomes: readonly WeightOutcome[], counted: Set<ValueId>): number {
  const stored = new Map(layer.weights.map((weight) => [weight.value, weight.sizeBytes]));
  let bytes = layer.weightBytes;
  for (const { value, bytesAfter } of outcomes) {
    const was = stored.get(value);
    // A weight that is no longer there was replaced by a step, and the layer counts its replacement.
    if (was === undefined || counted.has(value)) continue;
    counted.add(value);
    bytes += bytesAfter - was;
  }
  return bytes;
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
