/** Every evaluation of the interpreter, by operator name. One row per family file; a test compares it with the folder. */
import type { Evaluate, Evaluations } from '#runtimes/interpreter/evaluation.ts';
import { activationEvaluations } from './activation.ts';
import { arrangeEvaluations } from './arrange.ts';
import { attentionEvaluations } from './attention.ts';
import { controlEvaluations } from './control.ts';
import { convolutionEvaluations } from './convolution.ts';
import { elementwiseEvaluations } from './elementwise.ts';
import { gatherEvaluations } from './gather.ts';
import { matrixEvaluations } from './matrix.ts';
import { microsoftEvaluations } from './microsoft.ts';
import { normalizationEvaluations } from './normalization.ts';
import { poolingEvaluations } from './pooling.ts';
import { quantizationEvaluations } from './quantization.ts';
import { recurrentEvaluations } from './recurrent.ts';
import { reduceEvaluations } from './reduce.ts';
import { resizeEvaluations } from './resize.ts';
import { signalEvaluations } from './signal.ts';

const FAMILIES: readonly Evaluations[] = [
  activationEvaluations,
  arrangeEvaluations,
  attentionEvaluations,
  controlEvaluations,
  convolutionEvaluations,
  elementwiseEvaluations,
  gatherEvaluations,
  matrixEvaluations,
  microsoftEvaluations,
  normalizationEvaluations,
  poolingEvaluations,
  quantizationEvaluations,
  recurrentEvaluations,
  reduceEvaluations,
  resizeEvaluations,
  signalEvaluations,
];

export const EVALUATIONS: ReadonlyMap<string, Evaluate> = new Map(FAMILIES.flatMap((family) => Object.entries(family)));
