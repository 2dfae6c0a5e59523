/** Refusals of the lowering, in the forms that people see. */
import { PareError } from '#base/failure.ts';
import type { Notice } from '#base/notice.ts';
import type { OpaqueOptions } from './lowering.ts';

/** `what` goes on from "It": `convolves with ...`. The reader adds the file. */
export function refusal(place: string, what: string, hint: string): PareError {
  return new PareError({ code: 'lowering/refused', place, problem: `It ${what}.`, hint });
}

/** Of an operator that stays in the graph without a counterpart. */
export function opaqueNotice(operator: string, { domain, name, reason, hint }: OpaqueOptions): Notice {
  return {
    level: 'warning',
    code: `${domain}/no-counterpart`,
    text: `The ${operator} ${name} has no counterpart in ONNX: ${reason} The rest of the model can be inspected, but it cannot be written as ONNX. ${hint}`,
    at: name,
  };
}
