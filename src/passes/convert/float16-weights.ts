/** Weights stored in 16-bit floating point with a Cast to float32 behind each: the file is halved, the arithmetic is not touched. */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { ValueId } from '#ir/model.ts';
import { opsetOf } from '#ops/table.ts';
import type { Desk, LedgerEntry } from '#passes/pass.ts';
import { findTargets, left, sharedLines, type Target } from '#passes/targets.ts';
import { raiseOpset } from './opset.ts';
import { homesOf, putBehindCast } from './casts.ts';
import { brainConstant, halveConstant, rangeText, type HalfConstant } from './half-constants.ts';

/** Cast takes bfloat16 from opset 13 on. */
const BFLOAT16_OPSET = 13;

export async function storeWeightsAs(edit: Editor, type: 'f16' | 'bf16', desk: Desk): Promise<readonly LedgerEntry[]> {
  const found = findTargets(edit, desk);
  const ledger: LedgerEntry[] = [...found.ledger];
  if (type === 'bf16') ledger.push(...(await reachBrainFloats(edit, desk)));
  const opset = opsetOf(edit.model.opsets, '');
  for (const [index, target] of found.targets.entries()) {
    checkCancelled(desk.signal);
    desk.onProgress?.({ label: `Halving ${target.node.name}`, done: index, of: found.targets.length });
    ledger.push(...(await storeOne(edit, target, type, opset, desk)));
  }
  return ledger;
}

/** Raises the opset where that is possible; where it is not, each layer says so. */
async function reachBrainFloats(edit: Editor, desk: Desk): Promise<readonly LedgerEntry[]> {
  if (desk.preview) return [];
  try {
    return await raiseOpset(edit, BFLOAT16_OPSET, desk.weights);
  } catch (error) {
    if (error instanceof PareError) return [];
    throw error;
  }
}

async function storeOne(
  edit: Editor,
  target: Target,
  type: 'f16' | 'bf16',
  opset: number,
  desk: Desk,
): Promise<readonly LedgerEntry[]> {
  const refuse = (code: string, text: string): readonly LedgerEntry[] => [
    left(target, code, text),
    ...sharedLines(target, 'left'),
  ];
  const { tensor, value } = target;
  if (tensor.dtype !== 'f32') return refuse('not-float', `Its weight is ${tensor.dtype} already.`);
  if (type === 'bf16' && opset < BFLOAT16_OPSET && !desk.preview) {
    return refuse(
      'opset',
      `bfloat16 weights need opset 13, and the model is at ${String(opset)}: raise the opset first, or choose float16.`,
    );
  }
  if (edit.isOutput(value)) return refuse('is-output', 'Its weight is an output of the model too.');
  try {
    const half = await (type === 'bf16' ? brainConstant : halveConstant)(value, tensor, desk);
    if (half.error === null)
      return refuse(
        'not-finite',
        `Weight "${target.name}" holds NaN or infinite values: exclude the layer, or export the model again.`,
      );
    if (!desk.preview) storeHalf(edit, value, half, type);
    return [
      changedLine(
        target,
        half,
        `Stored as ${type === 'f16' ? 'float16' : 'bfloat16'} and widened when the model is loaded.`,
        desk,
      ),
      ...sharedLines(target, 'changed'),
    ];
  } catch (error) {
    if (error instanceof PareError) return refuse('not-finite', error.message);
    throw error;
  }
}

/** The ledger line of a weight that became half as wide. */
export function changedLine(target: Target, half: HalfConstant, text: string, desk: Desk): LedgerEntry {
  const bytesBefore = desk.weights.sizeBytes(target.tensor);
  return {
    layer: target.node.name,
    weight: target.name,
    action: 'changed',
    code: 'halved',
    text: text + rangeText(half),
    ...(half.error === null
      ? {}
      : { outcome: { value: target.value, bits: 16, bytesBefore, bytesAfter: bytesBefore / 2, error: half.error } }),
  };
}

function storeHalf(edit: Editor, value: ValueId, half: HalfConstant, type: 'f16' | 'bf16'): void {
  const { name } = edit.value(value);
  const home = homesOf(edit.graph, []).get(value) ?? [];
  const stored = edit.addConstant(`${name}_${type}`, half.tensor, undefined, home);
  putBehindCast(edit, value, stored, { name: `${name}_widen`, home });
}
