/** The weight store: bytes behind claim tickets, read on demand from the dropped file or made by a pass. */
import type { ByteSource, Chunk } from '#base/bytes.ts';
import type { DType } from '#base/dtype.ts';
import type { Tensor } from './model.ts';

export interface WeightStore {
  /** All bytes of a tensor: packed, little endian, row-major; sub-byte elements low bits first. */
  read(tensor: Tensor): Promise<Uint8Array>;
  /** What a writer emits for it: a range of the source file when it was never changed. */
  chunks(tensor: Tensor): readonly Chunk[];
  sizeBytes(tensor: Tensor): number;
  /** Keeps bytes that a pass made. The store owns them from then on. */
  put(dtype: DType, shape: readonly number[], bytes: Uint8Array): Tensor;
  /** Names a range of a source without reading it. `decode` turns stored bytes into packed ones where they differ. */
  link(dtype: DType, shape: readonly number[], place: LinkPlace): Tensor;
}

export interface LinkPlace {
  readonly source: ByteSource;
  readonly offset: number;
  readonly length: number;
  readonly decode?: (stored: Uint8Array) => Uint8Array;
}
