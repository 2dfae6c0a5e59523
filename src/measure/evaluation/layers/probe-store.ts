/** One store over the weights of two models and over constants made for a probe, which go with it when the probe is done. */
import { createWeightStore } from '#ir/weight-store.ts';
import type { Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';

export interface ProbeStore extends WeightStore {
  /** A ticket of the second model, as this store knows it. */
  ofAfter(tensor: Tensor): Tensor;
}

/**
 * Tickets of `before` are known as they are; others carry a mark with `name` in it, since two stores may have given the same
 * key: a store over another one of these needs another name.
 */
export function openProbeStore(before: WeightStore, after: WeightStore, name: string): ProbeStore {
  const afterMark = `${name}-after:`;
  const madeMark = `${name}:`;
  const made = createWeightStore();
  const placeOf = (tensor: Tensor): readonly [WeightStore, Tensor] => {
    for (const [mark, store] of [
      [afterMark, after],
      [madeMark, made],
    ] as const) {
      if (tensor.key.startsWith(mark)) return [store, { ...tensor, key: tensor.key.slice(mark.length) }];
    }
    return [before, tensor];
  };
  const marked = (mark: string, tensor: Tensor): Tensor => ({ ...tensor, key: mark + tensor.key });
  return {
    ofAfter: (tensor) => marked(afterMark, tensor),
    read(tensor) {
      const [store, own] = placeOf(tensor);
      return store.read(own);
    },
    chunks(tensor) {
      const [store, own] = placeOf(tensor);
      return store.chunks(own);
    },
    sizeBytes(tensor) {
      const [store, own] = placeOf(tensor);
      return store.sizeBytes(own);
    },
    put: (dtype, shape, bytes) => marked(madeMark, made.put(dtype, shape, bytes)),
    link: (dtype, shape, place) => marked(madeMark, made.link(dtype, shape, place)),
  };
}
