/** The operators of TFLite that have a counterpart in ONNX: one list of rows for each family. */
import type { OperatorRow } from './call.ts';
import type { Fields } from './record/fields.ts';
import type { TfliteOperator } from './record/file.ts';
import { controlOperators } from './operators/control.ts';
import { convolutionOperators } from './operators/convolution.ts';
import { customOperators } from './operators/custom.ts';
import { elementwiseOperators } from './operators/elementwise.ts';
import { matrixOperators } from './operators/matrix.ts';
import { quantizeOperators } from './operators/quantize.ts';
import { recurrentOperators } from './operators/recurrent.ts';
import { reductionOperators } from './operators/reduction.ts';
import { shapeOperators } from './operators/shape.ts';
import { sliceOperators } from './operators/slice.ts';
import { spaceOperators } from './operators/space.ts';
import { spectrumOperators } from './operators/spectrum.ts';

export const OPERATORS: readonly OperatorRow[] = [
  ...controlOperators,
  ...convolutionOperators,
  ...elementwiseOperators,
  ...matrixOperators,
  ...quantizeOperators,
  ...recurrentOperators,
  ...reductionOperators,
  ...shapeOperators,
  ...sliceOperators,
  ...spaceOperators,
  ...spectrumOperators,
];

const BY_NAME = new Map(OPERATORS.map((row) => [row.name, row]));

/** Custom operators whose meaning is public. */
const CUSTOM = new Map(customOperators.map((row) => [row.name, row]));

export function rowOf({ name, custom }: TfliteOperator): OperatorRow | undefined {
  return (custom ? CUSTOM : BY_NAME).get(name);
}

export function fieldsOf(name: string): Fields | undefined {
  return BY_NAME.get(name)?.fields;
}
