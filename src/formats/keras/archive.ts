/** What the containers of Keras models have in common once they are read: the configuration, and weights by layer. */
import type { Tensor } from '#ir/model.ts';

/** A value of the configuration, which is JSON in every container. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export interface KerasWeight {
  /** Path inside the layer, without a trailing `:0`: `kernel`, `cell/kernel`, `query/kernel`; `vars/0` where the container only numbers them. */
  readonly name: string;
  readonly tensor: Tensor;
  /** Bytes where they are few and at hand. */
  readonly bytes?: Uint8Array;
}

export interface KerasWeights {
  /**
   * The weights of a layer in the order in which its class makes them. `path` holds the names of the layers that lead to it: nested
   * models first, its own name last. Sublayers that are not in a configuration (the cell of an LSTM, `query_dense` of an
   * attention, the forward layer of a Bidirectional) are part of the weight's `name`. Empty for a layer without weights.
   */
  layer(path: readonly string[]): readonly KerasWeight[];
}

export interface KerasArchive {
  /** `{ class_name, config }` of the model itself. */
  readonly config: { readonly [key: string]: Json };
  /** `2.9.0`, `3.5.0`; empty where the file does not say. */
  readonly version: string;
  readonly weights: KerasWeights;
}
