/** Sizes that real models leave open, by name or as `input:axis`, so that they run on random inputs. */
export const OPEN_SIZES: ReadonlyMap<string, number> = new Map([
  ['input:0', 1],
  ['input:1', 576],
  ['state:1', 1],
  ['batch_size', 1],
  ['seq_len', 3],
  ['past_seq_len', 2],
  ['total_seq_len', 5],
]);
