/**
 * Weight-only quantization: stores the weights of layers as 2-, 4-, 8- or 16-bit integers with scales. Decide, plan, do:
 * `targets.ts` finds the weights, `plan.ts` says what will be done to each as plain data, this file does it.
 *
 * Given:  y = Conv(x, w)                      w: f32[8,4,3,3]
 * Result: y = Conv(x, w)                      w: i8[8,4,3,3] with scale f32[8] on axis 0
 *
 * Nodes for dequantizing appear only when a file is written.
 */
import { encodeFloat16 } from '#base/float16.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Quantization, Tensor } from '#ir/model.ts';
import { onWideWeights } from '#passes/half-weights.ts';
import { raiseOpset } from '#passes/convert/opset.ts';
import { replaceConstant } from '#passes/constants.ts';
import { copyBytes } from '#passes/float-bytes.ts';
import type { Desk, LedgerEntry, Pass, PassResult, WeightOutcome } from '#passes/pass.ts';
import { findTargets, left, sharedLines } from '#passes/targets.ts';
import { toTensor, scalesToTensor } from './granularity.ts';
import { measureWeight, type Measured } from './measure.ts';
import { opsetLimits } from './opset-limit.ts';
import { quantizeOptions, type QuantizeOptions } from './options.ts';
import { packLevels } from './pack.ts';
import { opsetWanted, planWeight, spellingOf, type WeightPlan } from './plan.ts';

export const METADATA_KEY = 'pare.quantize';

export const quantizeWeights: Pass<QuantizeOptions> = {
  name: 'quantize/weights',
  title: 'Quantize weights',
  summary: 'Stores weights as integers of 2 to 16 bits with a scale for each tensor, channel or block.',
  keeps: 'accuracy',
  options: quantizeOptions,
  after: ['simplify/fold-constants', 'fuse/batch-norm', 'prune/magnitude', 'prune/n-m'],
  run: onWideWeights(run),
};

async function run(edit: Editor, options: QuantizeOptions, desk: Desk): Promise<PassResult> {
  const found = findTargets(edit, desk);
  const ledger: LedgerEntry[] = [...found.ledger];
  const wishes = found.targets.map((target) => desk.optionsFor(target.node.name, options));
  const wanted = Math.max(0, ...found.targets.map((target, index) => opsetWanted(target, wishes[index]!)));
  const limits = await opsetLimits(edit, wanted, desk.weights);
  const plans: WeightPlan[] = [];
  for (const [index, target] of found.targets.entries()) {
    const plan = planWeight(target, wishes[index]!, limits);
    if ('grouping' in plan) plans.push(plan);
    else ledger.push(left(target, plan.code, plan.text), ...sharedLines(target, 'left'));
  }
  if (!desk.preview)
    ledger.push(...(await raiseOpset(edit, Math.max(0, ...plans.map((plan) => plan.opset)), desk.weights)));
  const done: WeightPlan[] = [];
  for (const [index, plan] of plans.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: `Quantizing ${plan.target.node.name}`, done: index, of: plans.length });
    const measured = await measureOrExplain(plan, desk);
    if ('problem' in measured) {
      ledger.push(left(plan.target, 'not-finite', measured.problem), ...sharedLines(plan.target, 'left'));
      continue;
    }
    if (!desk.preview) writeWeight(edit, plan, measured, desk);
    done.push(plan);
    ledger.push(changed(plan, measured, desk), ...sharedLines(plan.target, 'changed'));
  }
  if (!desk.preview && done.length > 0) recordConventions(edit, done);
  return { ledger, notices: [] };
}

/** NaN and infinities are refused by name where weights are read; such a layer is left alone, and the rest goes on. */
async function measureOrExplain(plan: WeightPlan, desk: Desk): Promise<Measured | { readonly problem: string }> {
  try {
    return await measureWeight(plan, desk, desk.preview ? 'error' : 'levels');
  } catch (error) {
    if (error instanceof PareError) return { problem: error.message };
    throw error;
  }
}

function writeWeight(edit: Editor, plan: WeightPlan, measured: Measured, desk: Desk): void {
  const { grouping, target, dataType, scheme } = plan;
  if (measured.levels === undefined) throw new Error('levels were not asked for');
  const levels = toTensor(measured.levels, grouping);
  const data = desk.weights.put(dataType, grouping.shape, packLevels(levels, scheme.bits));
  const quantization: Quantization = {
    scale: putScales(scalesToTensor(measured.scale, grouping), plan, desk),
    ...putZeroPoints(measured.zeroPoint, plan, desk),
    ...spellingOf(plan),
  };
  replaceConstant(edit, target.value, data, quantization, target.tensor.dtype);
}

function putScales(scale: Float32Array, plan: WeightPlan, desk: Desk): Tensor {
  const bytes = copyBytes(plan.scaleType === 'f16' ? Uint16Array.from(scale, encodeFloat16) : scale);
  return desk.weights.put(plan.scaleType, plan.grouping.scaleShape, bytes);
}

function putZeroPoints(zeroPoint: Int32Array, plan: WeightPlan, desk: Desk): { readonly zeroPoint?: Tensor } {
  const { grouping, scheme, dataType } = plan;
  const { signed, symmetric, bits, middle } = scheme;
  if (symmetric && signed) return {};
  const perRow = symmetric ? new Int32Array(grouping.rows).fill(middle) : scalesToTensor(zeroPoint, grouping);
  const levels = bits === 16 ? (signed ? Int16Array : Uint16Array) : signed ? Int8Array : Uint8Array;
  return { zeroPoint: desk.weights.put(dataType, grouping.scaleShape, packLevels(new levels(perRow), bits)) };
}

function changed(plan: WeightPlan, measured: Measured, desk: Desk): LedgerEntry {
  const { target, grouping, scheme, form, fallback } = plan;
  const { granularity, axis, block } = grouping;
  const outcome: WeightOutcome = {
    value: target.value,
    bits: scheme.bits,
    bytesBefore: desk.weights.sizeBytes(target.tensor),
    bytesAfter: plan.bytesAfter,
    error: measured.error,
    granularity,
    convention: scheme.name,
    ...(axis === undefined ? {} : { axis }),
    ...(block === undefined ? {} : { block }),
  };
  const scales = granularity === 'block' ? `blocks of ${String(block)} along axis ${String(axis)}` : granularity;
  const spelled = form === 'nbits' ? (target.role.table ? 'GatherBlockQuantized' : 'MatMulNBits') : 'DequantizeLinear';
  return {
    layer: target.node.name,
    weight: target.name,
    action: 'changed',
    code: fallback?.code ?? 'quantized',
    text: `${fallback === undefined ? '' : `${fallback.text} `}Stored as ${scheme.name} per ${scales}, written as ${spelled}.`,
    outcome,
  };
}

/** What each weight's levels mean stays with the file, since tools differ in what "symmetric int4" is. */
function recordConventions(edit: Editor, plans: readonly WeightPlan[]): void {
  const byConvention: Record<string, string[]> = {};
  for (const { scheme, target } of plans) (byConvention[scheme.name] ??= []).push(edit.value(target.value).name);
  const step = { pass: quantizeWeights.name, conventions: byConvention };
  edit.setMetadata(METADATA_KEY, JSON.stringify([...earlierSteps(edit.model.metadata.get(METADATA_KEY)), step]));
}

/** What an earlier run recorded; a note that is not ours is replaced. */
function earlierSteps(recorded: string | undefined): readonly unknown[] {
  if (recorded === undefined) return [];
  try {
    const steps: unknown = JSON.parse(recorded);
    return Array.isArray(steps) ? steps : [];
  } catch {
    return [];
  }
}
