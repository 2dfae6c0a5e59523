/** For tests: the labelled arrays of the test data as samples for the models that they belong to. */
import { readFileSync } from 'node:fs';
import type { NdArray } from '#base/nd-array.ts';
import { testdata } from '#base/testing/testdata.ts';
import type { Samples } from '#data/samples.ts';
import { numbersOf } from '#measure/numbers.ts';
import { readNpy } from '#wire/npy.ts';

/** The 1000 keyword features: int8 levels that stand for 0.5847029 (q - 83). */
export function keywordSamples(input: string): Samples {
  const features = npy('data/kws01/features_int8.npy');
  const labels = npy('data/kws01/labels.npy');
  return arraySamples('kws01', input, [1, 49, 10, 1], features, labels, (level) => (level - 83) * 0.5847029);
}

export function keywordNames(): readonly string[] {
  return readFileSync(testdata('data/kws01/classes.txt'), 'utf8').trim().split(/\s+/);
}

/** The first 2000 digits of MNIST's test set, 0 to 255. */
export function digitSamples(input: string): Samples {
  const images = npy('data/mnist_2000/images_u8.npy');
  return arraySamples('mnist_2000', input, [1, 1, 28, 28], images, npy('data/mnist_2000/labels_u8.npy'), (x) => x);
}

function npy(path: string): ArrayLike<number> {
  return numbersOf(readNpy(path, new Uint8Array(readFileSync(testdata(path))))) ?? [];
}

function arraySamples(
  name: string,
  input: string,
  shape: readonly number[],
  values: ArrayLike<number>,
  labels: ArrayLike<number>,
  scale: (value: number) => number,
): Samples {
  const size = values.length / labels.length;
  return {
    length: labels.length,
    description: `${labels.length} samples of ${name}`,
    fingerprint: name,
    carry: new Map(),
    read: async (index) => {
      const data = Float32Array.from({ length: size }, (_, i) => scale(values[index * size + i] ?? NaN));
      const array: NdArray = { dtype: 'f32', shape, data };
      return { name: `row ${index}`, feeds: new Map([[input, array]]), classes: [labels[index] ?? -1] };
    },
  };
}
