/**
 * A weight store laid over another: what a run puts stays in the upper layer, so that dropping a result frees its weights
 * and the opened model's store never grows.
 */
import type { Tensor } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';

export interface LayeredStore extends WeightStore {
  /** Bytes that this layer itself holds in memory. */
  readonly heldBytes: number;
  /** The store that really holds the tensor: this layer, or one below. */
  home(tensor: Tensor): WeightStore;
}

let layers = 0;

export function layerOver(below: WeightStore): LayeredStore {
  layers += 1;
  const prefix = `layer${layers}/`;
  const own = createWeightStore();
  /** Tickets of the own store by the key that the world sees. */
  const inner = new Map<string, Tensor>();
  let heldBytes = 0;

  const outer = (ticket: Tensor): Tensor => {
    const key = prefix + ticket.key;
    inner.set(key, ticket);
    return { ...ticket, key };
  };
  const holder = (tensor: Tensor): readonly [WeightStore, Tensor] => {
    const ticket = inner.get(tensor.key);
    return ticket === undefined ? [below, tensor] : [own, ticket];
  };

  const store: LayeredStore = {
    get heldBytes() {
      return heldBytes;
    },
    read(tensor) {
      const [from, ticket] = holder(tensor);
      return from.read(ticket);
    },
    chunks(tensor) {
      const [from, ticket] = holder(tensor);
      return from.chunks(ticket);
    },
    sizeBytes(tensor) {
      const [from, ticket] = holder(tensor);
      return from.sizeBytes(ticket);
    },
    put(dtype, shape, bytes) {
      heldBytes += bytes.byteLength;
      return outer(own.put(dtype, shape, bytes));
    },
    link(dtype, shape, place) {
      return outer(own.link(dtype, shape, place));
    },
    home(tensor) {
      if (inner.has(tensor.key)) return store;
      return homeOf(below, tensor);
    },
  };
  return store;
}

/** The store that really holds a tensor, whichever kind `store` is. */
export function homeOf(store: WeightStore, tensor: Tensor): WeightStore {
  return 'home' in store ? (store as LayeredStore).home(tensor) : store;
}
