/** All uses of operators that the interpreter is tested on, beside those of the shape rules (measure/testing). */
import { ATTENTION_CASES } from './attention-cases.ts';
import { ELEMENT_CASES } from './element-cases.ts';
import { MATRIX_CASES } from './matrix-cases.ts';
import { POSITION_CASES } from './position-cases.ts';
import { QUANTIZATION_CASES } from './quantization-cases.ts';
import { RECURRENT_CASES } from './recurrent-cases.ts';
import type { InterpreterCase } from './single-operator.ts';
import { WINDOW_CASES } from './window-cases.ts';

export const INTERPRETER_CASES: readonly InterpreterCase[] = [
  ...ATTENTION_CASES,
  ...ELEMENT_CASES,
  ...MATRIX_CASES,
  ...POSITION_CASES,
  ...QUANTIZATION_CASES,
  ...RECURRENT_CASES,
  ...WINDOW_CASES,
];
