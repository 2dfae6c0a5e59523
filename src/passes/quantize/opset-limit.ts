/** How far the model's opset can be raised for the sake of a spelling, and the raising. */
import type { Notice } from '#base/notice.ts';
import type { Editor } from '#ir/editor.ts';
import type { Limits } from './plan.ts';

export function opsetLimits(edit: Editor): Limits {
  const opset = edit.model.opsets.get('') ?? 1;
  return { opset, opsetReason: 'raising the opset is not available.' };
}

export function reachOpset(_edit: Editor, _opset: number): readonly Notice[] {
  return [];
}
