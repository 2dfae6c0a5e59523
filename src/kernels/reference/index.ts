/** The table of reference kernels, and the backend made of them alone. */
import type { CompleteBackend, Kernels } from '#kernels/kernels.ts';
import { compare } from './compare.ts';
import { dequantize } from './dequantize.ts';
import { fromBfloat16, fromFloat16, toBfloat16, toFloat16 } from './float16.ts';
import { histogram } from './histogram.ts';
import { pruneBelow, pruneNM } from './prune.ts';
import { quantize } from './quantize.ts';
import { absMax, minMax } from './ranges.ts';
import { searchScale } from './search-scale.ts';
import { selectMagnitude } from './select-magnitude.ts';
import { transpose } from './transpose.ts';

export const referenceKernels: Kernels = {
  minMax,
  absMax,
  quantize,
  dequantize,
  searchScale,
  histogram,
  selectMagnitude,
  pruneBelow,
  pruneNM,
  toFloat16,
  fromFloat16,
  toBfloat16,
  fromBfloat16,
  compare,
  transpose,
};

/** Plain TypeScript on the ordinary heap: runs everywhere, slowly. */
export function referenceBackend(description = 'Plain TypeScript, one thread.'): CompleteBackend {
  return {
    name: 'reference',
    description,
    kernels: referenceKernels,
    allocate: (length) => new Float32Array(length),
    release: () => undefined,
    close: () => undefined,
  };
}
