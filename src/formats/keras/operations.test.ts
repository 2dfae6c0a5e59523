/** Operators that TensorFlow 2.0 to 2.3 kept as records in the layer: no later version can make them, so they are written out here. */
import { expect, it } from 'vitest';
import type { Json, KerasArchive } from './archive.ts';
import { runConverted } from '#formats/testing/expected.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { lowerArchive } from './read.ts';

function operator(name: string, op: string, inputs: readonly string[], attr: Json, constants: Json): Json {
  const node = JSON.stringify({ name, op, input: inputs, attr });
  return {
    class_name: 'TensorFlowOpLayer',
    name,
    config: { name, trainable: true, dtype: 'float32', node_def: node, constants },
    inbound_nodes: [inputs.map((input) => [input, 0, 0, {}])],
  };
}

it('records of operators, with constants by their place', async () => {
  const input = {
    class_name: 'InputLayer',
    name: 'x',
    config: { name: 'x', batch_input_shape: [null, 2, 3], dtype: 'float32' },
    inbound_nodes: [],
  };
  const float = { T: { type: 'DT_FLOAT' } };
  const config = {
    class_name: 'Model',
    config: {
      name: 'old',
      layers: [
        input,
        operator('less', 'Sub', ['x'], float, { 0: 1 }),
        operator('mean', 'Mean', ['less'], { ...float, keep_dims: { b: true } }, { 1: [2] }),
        operator('even', 'RealDiv', ['less', 'mean'], float, {}),
        operator('both', 'ConcatV2', ['even', 'x'], { N: { i: '2' } }, { 2: -1 }),
        operator('turned', 'Transpose', ['both'], float, { 1: [0, 2, 1] }),
      ],
      input_layers: [['x', 0, 0]],
      output_layers: [['turned', 0, 0]],
    },
  };
  const store = createWeightStore();
  const archive: KerasArchive = { config, version: '2.3.0-tf', weights: { layer: () => [] } };
  const { model } = lowerArchive(archive, store, { format: 'keras', file: 'old.h5', sizeBytes: 1 });
  expect(refusalsOf(model)).toEqual([]);
  const x = { dtype: 'f32' as const, shape: [1, 2, 3], data: Float32Array.of(2, 3, 4, 5, 7, 9) };
  const [turned] = (await runConverted(model, store, new Map([['x', x]]))).values();
  // 1 - x over its mean: (-1, -2, -3) / -2 and (-4, -6, -8) / -6, then x itself, channels first.
  expect(turned?.shape).toEqual([1, 6, 2]);
  const expected = [0.5, 4 / 6, 1, 1, 1.5, 8 / 6, 2, 5, 3, 7, 4, 9];
  for (const [at, value] of expected.entries()) expect(Number(turned?.data[at])).toBeCloseTo(value, 6);
});
