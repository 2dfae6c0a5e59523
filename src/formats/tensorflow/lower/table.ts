/** The operator table of TensorFlow: one row per operator, in files by family. */
import type { Row } from './call.ts';
import { branchRows } from './control/branches.ts';
import { listRows } from './control/lists.ts';
import { loopRows } from './control/loop.ts';
import { arithmeticRows } from './families/arithmetic.ts';
import { arrangeRows } from './families/arrange.ts';
import { batchRows } from './families/batches.ts';
import { convolutionRows } from './families/convolution.ts';
import { detectionRows } from './families/detection.ts';
import { fakeQuantRows } from './families/fake-quant.ts';
import { fourierRows } from './families/fourier.ts';
import { gatherRows } from './families/gather.ts';
import { generateRows } from './families/generate.ts';
import { matrixRows } from './families/matrix.ts';
import { poolingRows } from './families/pooling.ts';
import { reduceRows } from './families/reduce.ts';
import { resizeRows } from './families/resize.ts';
import { sliceRows } from './families/slice.ts';
import { unaryRows } from './families/unary.ts';

export const TABLE: ReadonlyMap<string, Row> = new Map([
  ...arithmeticRows,
  ...arrangeRows,
  ...branchRows,
  ...listRows,
  ...loopRows,
  ...batchRows,
  ...convolutionRows,
  ...detectionRows,
  ...fakeQuantRows,
  ...fourierRows,
  ...gatherRows,
  ...generateRows,
  ...matrixRows,
  ...poolingRows,
  ...reduceRows,
  ...resizeRows,
  ...sliceRows,
  ...unaryRows,
]);
