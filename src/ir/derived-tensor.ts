/** Tensors that follow from others: tickets whose bytes are made when they are read, so that nothing is copied before. */
import { bytesFor, countOf, type DType } from '#base/dtype.ts';
import type { ByteSource } from '#base/bytes.ts';
import type { Tensor } from './model.ts';
import type { WeightStore } from './weights.ts';

/** A tensor that `make` gives from the bytes of others, each time it is read. */
export function derivedTensor(
  store: WeightStore,
  dtype: DType,
  shape: readonly number[],
  from: readonly Tensor[],
  make: (bytes: readonly Uint8Array[]) => Uint8Array,
): Tensor {
  const length = bytesFor(dtype, countOf(shape));
  // A writer reads a large tensor piece by piece: it is made once and let go with the last piece.
  let held: Promise<Uint8Array> | undefined;
  const made = async (): Promise<Uint8Array> => make(await Promise.all(from.map((tensor) => store.read(tensor))));
  const source: ByteSource = {
    name: 'weights',
    sizeBytes: length,
    read: async (offset, size) => {
      if (offset === 0 && size === length) return made();
      held ??= made();
      const bytes = await held;
      if (offset + size >= length) held = undefined;
      return bytes.subarray(offset, offset + size);
    },
  };
  return store.link(dtype, shape, { source, offset: 0, length });
}
