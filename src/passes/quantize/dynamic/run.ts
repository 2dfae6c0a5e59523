/** The work of `quantize/dynamic`, loaded when it first runs: a first visit waits for its name and its options alone. */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node } from '#ir/model.ts';
import { opsetOf } from '#ops/table.ts';
import { raiseOpset } from '#passes/convert/opset.ts';
import type { Desk, LedgerEntry, PassResult, WeightOutcome } from '#passes/pass.ts';
import { findTargets, left, type Target } from '#passes/targets.ts';
import type { DynamicOptions } from './options.ts';
import { missingWeight, planLayer, type LayerPlan } from './plan.ts';
import { rewriteLayer } from './rewrite.ts';
import { RoundedActivations } from './rounded.ts';
import { StoredWeights } from './stored-weight.ts';
import { measureWeight, type Measured } from '#passes/quantize/measure.ts';
import { opsetLimits } from '#passes/quantize/opset-limit.ts';

/** DynamicQuantizeLinear came with operator set 11; 13 has scales along an axis too. */
const OLDEST_OPSET = 11;
const WANTED_OPSET = 13;

export async function run(edit: Editor, options: DynamicOptions, desk: Desk): Promise<PassResult> {
  const found = findTargets(edit, desk);
  const ledger: LedgerEntry[] = [...found.ledger];
  const tooOld = await reachOpset(edit, desk, found.targets, ledger);
  if (tooOld !== undefined) {
    for (const target of found.targets)
      for (const { node } of target.layers) ledger.push(left(target, 'opset', tooOld, node));
    return { ledger, notices: [] };
  }
  const plans: LayerPlan[] = [];
  for (const [node, targets] of byLayer(edit, found.targets)) {
    const refusal = missingWeight(edit, node, targets);
    const plan = refusal ?? planLayer(edit, node, targets, desk.optionsFor(node.name, options));
    if ('form' in plan) plans.push(plan);
    else ledger.push(...targets.map((target) => left(target, plan.code, plan.text, node)));
  }
  const measured = new Map<string, Measured>();
  const rewriter = { edit, desk, rounded: new RoundedActivations(edit), store: new StoredWeights(edit, desk) };
  const written = new Set<Target>();
  for (const [index, plan] of plans.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: `Quantizing ${plan.node.name}`, done: index, of: plans.length });
    const results = await measureAll(plan, desk, measured);
    if ('problem' in results) {
      ledger.push(...plan.weights.map(({ target }) => left(target, 'not-finite', results.problem, plan.node)));
      continue;
    }
    if (!desk.preview) await rewriteLayer(rewriter, plan, results.weights);
    ledger.push(...linesFor(plan, results.weights, desk, written));
  }
  return { ledger, notices: [] };
}

/** Raises the operator set where that is needed; a sentence where it cannot be. */
async function reachOpset(
  edit: Editor,
  desk: Desk,
  targets: readonly Target[],
  ledger: LedgerEntry[],
): Promise<string | undefined> {
  if (targets.length === 0 || opsetOf(edit.model.opsets, '') >= WANTED_OPSET) return undefined;
  const { opset, opsetReason } = await opsetLimits(edit, WANTED_OPSET, desk.weights);
  if (opset < OLDEST_OPSET) {
    return `Rounding at run time needs operator set ${String(OLDEST_OPSET)}, and the model cannot be brought beyond ${String(opset)}: ${opsetReason}`;
  }
  if (!desk.preview && opset > opsetOf(edit.model.opsets, ''))
    ledger.push(...(await raiseOpset(edit, opset, desk.weights)));
  return undefined;
}

/** Layers in the order in which they run, each with the weights that it reads. */
function byLayer(edit: Editor, targets: readonly Target[]): ReadonlyMap<Node, readonly Target[]> {
  const reading = new Map<number, Target[]>();
  for (const target of targets) {
    for (const { node } of target.layers) {
      const known = reading.get(node.id) ?? [];
      reading.set(node.id, [...known, target]);
    }
  }
  const layers = new Map<Node, readonly Target[]>();
  for (const node of edit.nodes()) {
    const weights = reading.get(node.id);
    if (weights !== undefined) layers.set(node, weights);
  }
  return layers;
}

type Results = { readonly weights: readonly Measured[] } | { readonly problem: string };

/** NaN and infinities are refused by name where weights are read; such a layer is left alone, and the rest goes on. */
async function measureAll(plan: LayerPlan, desk: Desk, known: Map<string, Measured>): Promise<Results> {
  const weights: Measured[] = [];
  for (const weight of plan.weights) {
    const { grouping, scheme, target } = weight;
    const key = `${target.tensor.key} ${grouping.granularity} ${String(grouping.axis)} ${String(grouping.rows)} ${scheme.name}`;
    try {
      const result = known.get(key) ?? (await measureWeight(weight, desk, desk.preview ? 'error' : 'levels'));
      if (target.layers.length > 1) known.set(key, result);
      weights.push(result);
    } catch (error) {
      if (error instanceof PareError) return { problem: error.message };
      throw error;
    }
  }
  return { weights };
}

function linesFor(
  plan: LayerPlan,
  measured: readonly Measured[],
  desk: Desk,
  written: Set<Target>,
): readonly LedgerEntry[] {
  return plan.weights.map((weight, index) => {
    const { target, grouping, scheme } = weight;
    const { granularity, axis } = grouping;
    const line = { layer: plan.node.name, weight: target.name, action: 'changed' } as const;
    if (written.has(target)) {
      const text = `Computed as ${plan.written}. Shares its weight with ${target.node.name}, where the figures stand.`;
      return { ...line, code: 'shared', text };
    }
    written.add(target);
    const outcome: WeightOutcome = {
      value: target.value,
      bits: 8,
      bytesBefore: desk.weights.sizeBytes(target.tensor),
      bytesAfter: weight.bytesAfter,
      error: measured[index]!.error,
      granularity,
      convention: scheme.name,
      ...(axis === undefined ? {} : { axis }),
    };
    const how =
      plan.form === 'stored'
        ? `written as ${plan.written}; computed in float`
        : plan.form === 'lookup'
          ? `written as ${plan.written}`
          : `computed as ${plan.written} on activations that are rounded to uint8 at run time`;
    return { ...line, code: 'quantized', text: `Stored as ${scheme.name} per ${granularity}, ${how}.`, outcome };
  });
}
