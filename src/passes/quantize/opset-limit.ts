/** How far the model's opset can be raised for the sake of a spelling. */
import { PareError } from '#base/failure.ts';
import type { Editor } from '#ir/editor.ts';
import type { Model } from '#ir/model.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { WeightStore } from '#ir/weights.ts';
import { opsetOf } from '#ops/table.ts';
import { raiseOpset } from '#passes/convert/opset.ts';
import type { Limits } from './plan.ts';

/** Opsets at which DequantizeLinear gained forms: per axis, blocks and 4 bits, 2 bits. */
const STEPS = [25, 21, 13, 10];

/** Retuning asks again and again of the same model: the answer is kept with it. */
const known = new WeakMap<Model, Map<number, Limits>>();

/** The highest of the useful opsets up to `wanted` that the model reaches. Nothing is edited. */
export async function opsetLimits(edit: Editor, wanted: number, weights: WeightStore): Promise<Limits> {
  const { model } = edit;
  const opset = opsetOf(model.opsets, '');
  if (opset >= wanted) return { opset, opsetReason: '' };
  const answers = known.get(model) ?? new Map<number, Limits>();
  known.set(model, answers);
  const answer = answers.get(wanted) ?? (await tryToReach(model, opset, wanted, weights));
  answers.set(wanted, answer);
  return answer;
}

async function tryToReach(model: Model, opset: number, wanted: number, weights: WeightStore): Promise<Limits> {
  let opsetReason = '';
  for (const step of STEPS) {
    if (step > wanted || step <= opset) continue;
    try {
      await raiseOpset(openEditor(model), step, weights);
      return { opset: step, opsetReason };
    } catch (error) {
      if (!(error instanceof PareError)) throw error;
      if (opsetReason === '') opsetReason = error.parts.problem;
    }
  }
  return { opset, opsetReason };
}
