/** Layers models that TensorFlow.js made and saved itself: converted, they answer as it does. */
import type * as tfjs from '@tensorflow/tfjs';
import { beforeAll, describe, expect, it } from 'vitest';
import type { ByteSource } from '#base/bytes.ts';
import type { NdArray, NdData } from '#base/nd-array.ts';
import { memorySource } from '#base/sources.ts';
import { generated } from '#cli/testing/generated-input.ts';
import { largestDifference, runConverted } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { tfjs as format } from './tfjs.ts';

let tf: typeof tfjs;

/** As `model.save` writes it: model.json and one file of weights. */
async function saved(model: tfjs.LayersModel): Promise<ReadonlyMap<string, ByteSource>> {
  let artifacts: tfjs.io.ModelArtifacts | undefined;
  await model.save(
    tf.io.withSaveHandler(async (given) => {
      artifacts = given;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const { modelTopology, weightSpecs, weightData } = artifacts!;
  const manifest = [{ paths: ['weights.bin'], weights: weightSpecs }];
  const json = JSON.stringify({ format: 'layers-model', modelTopology, weightsManifest: manifest });
  const parts = Array.isArray(weightData) ? weightData : [weightData as ArrayBuffer];
  const bytes = new Uint8Array(await new Blob(parts).arrayBuffer());
  return new Map([
    ['model.json', memorySource('model.json', new TextEncoder().encode(json))],
    ['weights.bin', memorySource('weights.bin', bytes)],
  ]);
}

async function expectSame(
  model: tfjs.LayersModel,
  shapes: readonly (readonly number[])[],
  whole = false,
): Promise<void> {
  for (const [at, weight] of model.weights.entries()) {
    const { shape } = weight.read();
    // Variances are positive, and the rest small.
    const range = weight.name.includes('variance') ? { low: 0.5, high: 1.5 } : { low: -0.4, high: 0.4 };
    weight.write(tf.tensor(generated(at + 1, shape, range), shape));
  }
  const store = createWeightStore();
  const { model: made } = await format.read({ files: await saved(model), main: 'model.json' }, store);
  expect(refusalsOf(made)).toEqual([]);
  const range = whole ? { low: 0, high: 5, whole } : { low: -1, high: 1 };
  const arrays = shapes.map((shape, at): NdArray => ({ dtype: 'f32', shape, data: generated(at + 90, shape, range) }));
  const names = made.graph.inputs.map((id) => made.graph.values.get(id)?.name ?? '');
  const tensors = arrays.map(({ shape, data }) => tf.tensor(data as Float32Array, [...shape]));
  const predicted = model.predict(tensors.length === 1 ? tensors[0]! : tensors);
  const feeds = new Map(arrays.map((array, at): [string, NdArray] => [names[at] ?? '', typed(made, at, array)]));
  const answers = [...(await runConverted(made, store, feeds)).values()];
  for (const [at, tensor] of (Array.isArray(predicted) ? predicted : [predicted]).entries()) {
    const expected: NdArray = { dtype: 'f32', shape: tensor.shape, data: (await tensor.data()) as NdData };
    expect(largestDifference(answers[at]!, expected).relative).toBeLessThan(1e-5);
  }
}

/** Ids go in as whole numbers where the model asks for them. */
function typed(
  made: { readonly graph: Parameters<typeof refusalsOf>[0]['graph'] },
  at: number,
  array: NdArray,
): NdArray {
  const id = made.graph.inputs[at];
  const dtype = id === undefined ? 'f32' : made.graph.values.get(id)?.dtype;
  return dtype === 'i32' ? { ...array, dtype, data: Int32Array.from(array.data as Float32Array) } : array;
}

describe('layers models of TensorFlow.js', () => {
  beforeAll(async () => {
    tf = await import('@tensorflow/tfjs');
    tf.env().set('PROD', true);
    await tf.setBackend('cpu');
  });

  it('a small image classifier', async () => {
    const { layers } = tf;
    const model = tf.sequential({
      layers: [
        layers.conv2d({
          inputShape: [8, 8, 3],
          filters: 4,
          kernelSize: 3,
          strides: 2,
          padding: 'same',
          useBias: false,
        }),
        layers.batchNormalization(),
        layers.reLU({ maxValue: 6 }),
        layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'relu' }),
        layers.separableConv2d({ filters: 3, kernelSize: 2, activation: 'hardSigmoid' }),
        layers.upSampling2d({ size: [2, 2] }),
        layers.zeroPadding2d({
          padding: [
            [1, 0],
            [0, 1],
          ],
        }),
        layers.maxPooling2d({ poolSize: 2 }),
        layers.flatten(),
        layers.dropout({ rate: 0.2 }),
        layers.dense({ units: 5, activation: 'softmax' }),
      ],
    });
    await expectSame(model, [[2, 8, 8, 3]]);
  });

  it('recurrent layers over words', async () => {
    const { layers } = tf;
    const words = tf.input({ shape: [6] });
    const table = layers.embedding({ inputDim: 5, outputDim: 4 }).apply(words) as tfjs.SymbolicTensor;
    const both = layers.bidirectional({ layer: layers.lstm({ units: 3, returnSequences: true }), mergeMode: 'concat' });
    const sequence = both.apply(table) as tfjs.SymbolicTensor;
    const gru = layers.gru({ units: 3 }).apply(sequence) as tfjs.SymbolicTensor;
    const plain = layers.simpleRNN({ units: 2, goBackwards: true }).apply(sequence) as tfjs.SymbolicTensor;
    const each = layers.timeDistributed({ layer: layers.dense({ units: 2 }) }).apply(sequence) as tfjs.SymbolicTensor;
    const joined = layers.concatenate().apply([gru, plain]) as tfjs.SymbolicTensor;
    const mean = layers.globalAveragePooling1d().apply(each) as tfjs.SymbolicTensor;
    await expectSame(tf.model({ inputs: words, outputs: [joined, mean] }), [[2, 6]], true);
  });

  it('a model in a model, called twice', async () => {
    const { layers } = tf;
    const tower = tf.sequential({
      layers: [
        layers.dense({ inputShape: [3], units: 4, activation: 'tanh' }),
        layers.leakyReLU(),
        layers.dense({ units: 2 }),
      ],
    });
    const [a, b] = [tf.input({ shape: [3] }), tf.input({ shape: [3] })];
    const [left, right] = [tower.apply(a), tower.apply(b)] as [tfjs.SymbolicTensor, tfjs.SymbolicTensor];
    const merged = layers.dot({ axes: 1, normalize: true }).apply([left, right]) as tfjs.SymbolicTensor;
    const sum = layers.add().apply([left, right]) as tfjs.SymbolicTensor;
    await expectSame(tf.model({ inputs: [a, b], outputs: [merged, sum] }), [
      [2, 3],
      [2, 3],
    ]);
  });
});
