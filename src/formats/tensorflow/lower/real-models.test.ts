/** Models of others against the runtime of their format, or the same network in another format. */
import { expect, it } from 'vitest';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import type { NdArray } from '#base/nd-array.ts';
import { seededRandom } from '#base/random.ts';
import { openFiles } from '#formats/index.ts';
import { filesAt, largestDifference, runConverted } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { nodesOf } from '#ir/walk.ts';
import { openTfjsOracle } from '#runtimes/testing/tfjs-oracle.ts';

async function opened(path: string, only = '') {
  const files = new Map([...filesAt(testdata(path))].filter(([name]) => name.includes(only)));
  const { model, store } = await openFiles(files);
  expect(refusalsOf(model)).toEqual([]);
  return { model, store };
}

/** Runs a model of one input. */
async function answers(path: string, array: NdArray, only = ''): Promise<ReadonlyMap<string, NdArray>> {
  const { model, store } = await opened(path, only);
  const [input] = model.graph.inputs;
  const name = input === undefined ? '' : (model.graph.values.get(input)?.name ?? '');
  return runConverted(model, store, new Map([[name, array]]));
}

function noise(seed: number, shape: readonly number[], low: number, high: number): NdArray {
  const random = seededRandom(seed);
  const count = shape.reduce((all, size) => all * size, 1);
  return {
    dtype: 'f32',
    shape,
    data: Float32Array.from({ length: count }, () => low + (high - low) * random.uniform()),
  };
}

async function countOps(path: string, only = ''): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const { node } of nodesOf((await opened(path, only)).model.graph)) {
    counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  }
  return counts;
}

describeWithTestdata('TensorFlow models of others, lowered', () => {
  it('KWS gives what the ONNX file of the same weights gives', async () => {
    const input = noise(1, [3, 49, 10, 1], -50, 50);
    const [mine] = (await answers('models/mlperf_tiny_kws/kws_ref_model', input)).values();
    const [theirs] = (await answers('models/mlperf_tiny_kws/kws_from_savedmodel.onnx', input)).values();
    // TensorFlow itself is 3.1e-5 from that file and 2e-10 from this conversion.
    expect(largestDifference(mine!, theirs!).absolute).toBeLessThan(1e-4);
  });

  it('KWS ends with one Transpose, and its biases inside the convolutions', async () => {
    const counts = await countOps('models/mlperf_tiny_kws/kws_ref_model');
    expect([counts.get('Transpose'), counts.get('Add'), counts.get('Conv')]).toEqual([1, undefined, 9]);
  });

  it('magika gives what its ONNX file gives', async () => {
    const bytes = noise(2, [2, 1536], 0, 257);
    const input: NdArray = { ...bytes, data: Float32Array.from(bytes.data as Float32Array, Math.floor) };
    const [mine] = (await answers('models/magika_v1/tfjs', input)).values();
    const [theirs] = (await answers('models/magika_v1/model.onnx', input)).values();
    expect(largestDifference(mine!, theirs!).absolute).toBeLessThan(1e-4);
  });

  it.each([
    ['blazeface', [1, 256, 256, 3], 5],
    ['facemesh', [1, 192, 192, 3], 1],
  ] as const)(
    '%s gives what TensorFlow.js gives, with %s and at most %i Transposes',
    async (name, shape, transposes) => {
      const input = noise(3, shape, 0, 1);
      const oracle = await openTfjsOracle(testdata(`models/human_tfjs/${name}.json`));
      const expected = await oracle.run(new Map([[oracle.inputs[0]?.name ?? '', input]]));
      oracle.close();
      const mine = await answers('models/human_tfjs', input, name);
      expect(mine.size).toBe(expected.size);
      for (const [output, array] of expected) {
        const actual = mine.get(output) ?? mine.get(oracle.signature.get(output) ?? '');
        expect(actual, output).toBeDefined();
        expect(largestDifference(actual!, array).relative, output).toBeLessThan(1e-4);
      }
      expect((await countOps('models/human_tfjs', name)).get('Transpose')).toBeLessThanOrEqual(transposes);
    },
  );
});
