/** A refusal of the lowering, in the one form that people see. */
import { PareError } from '#base/failure.ts';

/** `what` goes on from "It": `convolves with ...`. The reader adds the file. */
export function refusal(place: string, what: string, hint: string): PareError {
  return new PareError({ code: 'lowering/refused', place, problem: `It ${what}.`, hint });
}
