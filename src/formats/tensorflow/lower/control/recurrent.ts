import type { TfCall } from '#formats/tensorflow/lower/call.ts';
import type { Held } from '#formats/tensorflow/lower/held.ts';
import type { LoopPlan } from './loop-plan.ts';
export function liftRecurrent(_call: TfCall, _plan: LoopPlan): readonly Held[] | undefined {
  return undefined;
}
