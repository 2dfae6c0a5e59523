/** All passes, in the order in which a menu shows them. One row each; a test compares the list with the folders. */
import type { Pass } from './pass.ts';
import { convertFloat16 } from './convert/float16.ts';
import { convertOpset } from './convert/opset.ts';
import { convertQOperator } from './convert/qoperator.ts';
import { fuseBatchNorm } from './fuse/batch-norm.ts';
import { pruneMagnitude } from './prune/magnitude.ts';
import { pruneNM } from './prune/n-m.ts';
import { quantizeDynamic } from './quantize/dynamic.ts';
import { quantizeStatic } from './quantize/static.ts';
import { quantizeWeights } from './quantize/weights.ts';
import { joinDuplicateConstants } from './simplify/duplicate-constants.ts';
import { foldConstants } from './simplify/fold-constants.ts';
import { removeIdentity } from './simplify/identity.ts';
import { removeUnused } from './simplify/unused.ts';

/** A pass with its options forgotten, as the runner sees it: the schema makes them, so they are always its own. */
export function anyOptions<Options extends object>(pass: Pass<Options>): Pass {
  return { ...pass, run: (edit, options, desk) => pass.run(edit, options as Options, desk) };
}

export const PASSES: readonly Pass[] = [
  anyOptions(foldConstants),
  anyOptions(removeIdentity),
  anyOptions(joinDuplicateConstants),
  anyOptions(removeUnused),
  anyOptions(fuseBatchNorm),
  anyOptions(pruneMagnitude),
  anyOptions(pruneNM),
  anyOptions(quantizeWeights),
  anyOptions(quantizeStatic),
  anyOptions(quantizeDynamic),
  anyOptions(convertFloat16),
  anyOptions(convertOpset),
  anyOptions(convertQOperator),
];
