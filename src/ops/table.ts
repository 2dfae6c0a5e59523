/** The table of operators that Pare knows, by domain and name. One row per family file; the test compares it with the folder. */
import { activationOperators } from './families/activation.ts';
import { arrangeOperators } from './families/arrange.ts';
import { attentionOperators } from './families/attention.ts';
import { controlOperators } from './families/control.ts';
import { convolutionOperators } from './families/convolution.ts';
import { elementwiseOperators } from './families/elementwise.ts';
import { gatherOperators } from './families/gather.ts';
import { generateOperators } from './families/generate.ts';
import { matrixOperators } from './families/matrix.ts';
import { microsoftOperators } from './families/microsoft.ts';
import { normalizationOperators } from './families/normalization.ts';
import { poolingOperators } from './families/pooling.ts';
import { quantizationOperators } from './families/quantization.ts';
import { recurrentOperators } from './families/recurrent.ts';
import { reduceOperators } from './families/reduce.ts';
import { reshapeOperators } from './families/reshape.ts';
import { resizeOperators } from './families/resize.ts';
import { signalOperators } from './families/signal.ts';
import type { Operator } from './operator.ts';

export const OPERATORS: readonly Operator[] = [
  ...activationOperators,
  ...arrangeOperators,
  ...attentionOperators,
  ...controlOperators,
  ...convolutionOperators,
  ...elementwiseOperators,
  ...gatherOperators,
  ...generateOperators,
  ...matrixOperators,
  ...microsoftOperators,
  ...normalizationOperators,
  ...poolingOperators,
  ...quantizationOperators,
  ...recurrentOperators,
  ...reduceOperators,
  ...reshapeOperators,
  ...resizeOperators,
  ...signalOperators,
];

const BY_NAME = new Map(OPERATORS.map((operator) => [keyOf(operator.domain ?? '', operator.name), operator]));

function keyOf(domain: string, name: string): string {
  return domain === '' || domain === 'ai.onnx' ? name : `${domain}.${name}`;
}

/** The row of an operator, or undefined for one that Pare does not know. */
export function operatorOf(domain: string, name: string): Operator | undefined {
  return BY_NAME.get(keyOf(domain, name));
}

/** Name as people know it: the domain in front unless it is the default one. */
export function operatorName(domain: string, name: string): string {
  return keyOf(domain, name);
}

/** Version of the operator set that a model declares for a domain; the default domain goes by two names. */
export function opsetOf(opsets: ReadonlyMap<string, number>, domain: string): number {
  const names = domain === '' || domain === 'ai.onnx' ? ['', 'ai.onnx'] : [domain];
  for (const name of names) {
    const version = opsets.get(name);
    if (version !== undefined) return version;
  }
  return 1;
}
