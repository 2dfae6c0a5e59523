/** What must be done before activations are rounded: afterwards layers are integers, and nothing folds into them any more. */
export const EARLIER: readonly string[] = [
  'simplify/fold-constants',
  'simplify/identity',
  'simplify/duplicate-constants',
  'fuse/batch-norm',
  'prune/magnitude',
  'prune/n-m',
];
