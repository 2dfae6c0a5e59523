/** SavedModels of others: what they flatten to, and that they are the models that they are said to be. */
import { expect, it } from 'vitest';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { seededRandom } from '#base/random.ts';
import { openFiles } from '#formats/index.ts';
import { filesAt, largestDifference, runConverted } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { openSavedModel } from './open.ts';

const MAIN = 'saved_model.pb';

describeWithTestdata('SavedModels of others', () => {
  it('the KWS model: 289 nodes and 197 functions are 42 operators and 56 weights and shapes', async () => {
    const files = filesAt(testdata('models/mlperf_tiny_kws/kws_ref_model'));
    const { graph, notices, used, signatures } = await openSavedModel({ files, main: MAIN }, createWeightStore());
    const counts = new Map<string, number>();
    for (const { op } of graph.nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
    expect(Object.fromEntries(counts)).toEqual({
      Placeholder: 1,
      Const: 57,
      Conv2D: 5,
      DepthwiseConv2dNative: 4,
      BiasAdd: 10,
      FusedBatchNormV3: 9,
      Relu: 9,
      AvgPool: 1,
      Reshape: 1,
      MatMul: 1,
      Softmax: 1,
    });
    // 56 variables are read; the last constant is the shape of the Reshape.
    const constants = graph.nodes.filter(({ op }) => op === 'Const').map(({ name }) => name);
    expect(constants).toContain('conv2d/kernel');
    expect(constants).toContain('batch_normalization_8/moving_variance');
    expect(signatures).toEqual({ chosen: 'serving_default', all: ['serving_default'] });
    expect([...used.keys()].toSorted()).toEqual([...files.keys()].toSorted());
    expect(notices).toEqual([]);
  });

  it('basic_pitch gives one answer as a SavedModel, as TF.js and as ONNX', async () => {
    const root = 'models/basic_pitch';
    const random = seededRandom(7);
    const data = Float32Array.from({ length: 43844 }, () => 2 * random.uniform() - 1);
    const answers = [];
    for (const path of [`${root}/nmp`, `${root}/tfjs`, `${root}/nmp.onnx`]) {
      const { model, store } = await openFiles(filesAt(testdata(path)));
      expect(refusalsOf(model)).toEqual([]);
      const [input] = model.graph.inputs;
      const name = input === undefined ? '' : (model.graph.values.get(input)?.name ?? '');
      const outputs = await runConverted(model, store, new Map([[name, { dtype: 'f32', shape: [1, 43844, 1], data }]]));
      // Outputs have other names in each: the contour is the wide one, notes come before onsets.
      answers.push([...outputs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, array]) => array));
    }
    const [saved = [], ...others] = answers;
    for (const other of others) {
      for (const array of saved) {
        const nearest = Math.min(...other.map((candidate) => largestDifference(candidate, array).absolute));
        expect(nearest).toBeLessThan(1e-4);
      }
    }
  });
});
