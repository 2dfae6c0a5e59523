/** The work of `quantize/static`, loaded when it first runs: a first visit waits for its name and its options alone. */
import { checkCancelled, PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { Editor } from '#ir/editor.ts';
import type { Node, ValueId } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import { inferShapes } from '#ops/infer.ts';
import { opsetOf } from '#ops/table.ts';
import { raiseOpset } from '#passes/convert/opset.ts';
import type { Desk, LedgerEntry, PassResult } from '#passes/pass.ts';
import { opsetLimits } from '#passes/quantize/opset-limit.ts';
import { applyStatic } from './apply.ts';
import { errorOf } from './constants.ts';
import { linesFor, type MeasuredConstant } from './explain.ts';
import type { StaticOptions } from './options.ts';
import { planStatic } from './plan.ts';
import { padsWithZero } from './rules.ts';

export async function run(edit: Editor, options: StaticOptions, desk: Desk): Promise<PassResult> {
  const ledger: LedgerEntry[] = [];
  const notices: Notice[] = [...noticesOf(options)];
  const found = opsetOf(edit.model.opsets, '');
  const wanted = wantedOpset(options, edit, desk);
  const reached = found >= wanted ? found : (await opsetLimits(edit, wanted, desk.weights)).opset;
  // onnxruntime's quantizer decides at the opset that it would leave, which is not always one that has what it writes.
  const opset = options.match ? matchedOpset(options, found) : reached;
  if (!desk.preview && reached > found && !options.match)
    ledger.push(...(await raiseOpset(edit, reached, desk.weights)));
  const types = allValues((await inferShapes(edit.model, desk.weights)).graph);
  const typeOf = (id: ValueId) => types.get(id)?.dtype ?? edit.value(id).dtype;
  const zeroPads = await padsWithZero(edit, desk.weights, opset);
  const around = { edit, desk, options, opset, typeOf };
  const plan = await planStatic(around, (node) => zeroPads.has(node));
  const measured: MeasuredConstant[] = [];
  for (const [index, { plan: constant, grid }] of plan.constants.entries()) {
    checkCancelled(desk.signal);
    const layer = constant.readers[0]?.name ?? constant.name;
    desk.onProgress?.({ label: `Quantizing ${layer}`, done: index, of: plan.constants.length });
    const bytesBefore = desk.weights.sizeBytes(constant.tensor);
    measured.push({ plan: constant, error: await errorOf(constant, grid, desk), bytesBefore });
  }
  const nodes: readonly Node[] = edit.nodes();
  const lines = nodes.flatMap((node) => (node.op === 'Constant' ? [] : linesFor(edit, node, plan, measured, options)));
  ledger.push(...lines);
  notices.push(...plan.notices);
  if (desk.preview) return { ledger, notices };
  if (desk.evidence === null)
    throw new PareError({
      code: 'quantize/no-ranges',
      place: 'quantize/static',
      problem: 'ranges of activations were not measured.',
      hint: 'Give data to calibrate on.',
    });
  const remarks = await applyStatic(edit, plan, desk, options.match);
  for (const [node, text] of remarks)
    notices.push({ level: 'warning', code: 'quantize/bias-clipped', at: node.name, text });
  if (options.match && reached > found) ledger.push(...(await raiseOpset(edit, reached, desk.weights)));
  return { ledger, notices };
}

function wantedOpset(options: StaticOptions, edit: Editor, desk: Desk): number {
  const wide = edit.graph.nodes.some((node) => desk.optionsFor(node.name, options).activations.endsWith('16'));
  return wide ? 21 : 13;
}

/** quantize_static raises to 21 for 16 bits and to 11 what is older than 10 (quant_utils.py update_opset_version). */
function matchedOpset({ activations }: StaticOptions, found: number): number {
  if (activations.endsWith('16')) return Math.max(found, 21);
  return found < 10 ? 11 : found;
}

function noticesOf({ activations, weights, quantizeBias }: StaticOptions): readonly Notice[] {
  const found: Notice[] = [];
  if (weights === 'uint8' && activations.startsWith('int')) {
    found.push({
      level: 'warning',
      code: 'quantize/weights-signed',
      text: 'onnxruntime does not multiply signed activations with uint8 weights: the weights are int8.',
    });
  }
  if (!quantizeBias) {
    found.push({
      level: 'warning',
      code: 'quantize/float-bias',
      text: 'Layers with a float bias are computed in float, with rounded weights and activations: smaller, not faster.',
    });
  }
  return found;
}
