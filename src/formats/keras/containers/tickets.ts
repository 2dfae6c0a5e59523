/** Datasets as tickets of the weight store: ranges of the file where they lie in it as they are, else unpacked on demand. */
import type { ByteSource } from '#base/bytes.ts';
import { bitsOf, type DType } from '#base/dtype.ts';
import { PareError } from '#base/failure.ts';
import { checkRange } from '#base/sources.ts';
import type { Tensor } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import type { Hdf5Dataset } from '#wire/hdf5/hdf5.ts';

/** Types that HDF5 has no name for: Keras notes them in an attribute. */
const NOTED: Readonly<Record<string, DType>> = {
  bfloat16: 'bf16',
  float8_e4m3fn: 'f8e4m3fn',
  float8_e5m2: 'f8e5m2',
};

export interface Tickets {
  /** The ticket of a dataset; `layer` is named where it cannot be had. */
  of(dataset: Hdf5Dataset, layer: string): Promise<Tensor>;
}

export function openTickets(source: ByteSource, store: WeightStore): Tickets {
  // One unpacked dataset is kept, since writers read what they stream in pieces.
  const kept: Kept = { dataset: undefined, bytes: undefined };
  return {
    async of(dataset, layer) {
      const { place, sizeBytes, shape } = dataset;
      const dtype = dataset.dtype ?? (await notedType(dataset));
      if (dtype === undefined) {
        throw new PareError({
          code: 'keras/weight-type',
          file: source.name,
          place: `layer ${layer}`,
          problem: `Its weight ${dataset.path} holds ${dataset.typeName}, which are no weights.`,
          hint: 'Save the model with weights that are plain numbers.',
        });
      }
      if (place !== undefined) return store.link(dtype, shape, { source, ...place });
      return store.link(dtype, shape, { source: unpacked(source, dataset, kept), offset: 0, length: sizeBytes });
    },
  };
}

async function notedType(dataset: Hdf5Dataset): Promise<DType | undefined> {
  const noted = (await dataset.attribute('dtype'))?.values[0];
  const dtype = typeof noted === 'string' && Object.hasOwn(NOTED, noted) ? NOTED[noted] : undefined;
  return dtype !== undefined && bitsOf(dtype) === dataset.elementBytes * 8 ? dtype : undefined;
}

interface Kept {
  dataset: Hdf5Dataset | undefined;
  bytes: Promise<Uint8Array> | undefined;
}

function unpacked(source: ByteSource, dataset: Hdf5Dataset, kept: Kept): ByteSource {
  return {
    name: source.name,
    sizeBytes: dataset.sizeBytes,
    async read(offset, length) {
      checkRange(source.name, dataset.sizeBytes, offset, length);
      if (kept.dataset !== dataset || kept.bytes === undefined) {
        kept.dataset = dataset;
        kept.bytes = dataset.read();
      }
      return (await kept.bytes).slice(offset, offset + length);
    },
  };
}
