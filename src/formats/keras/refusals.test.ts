/** What is not understood: layers that stay by name with a reason, and configurations that are refused in a sentence. */
import { describe, expect, it } from 'vitest';
import { PareError } from '#base/failure.ts';
import type { ReadModel } from '#formats/format.ts';
import { refusalsOf } from '#ir/opaque.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { Json, KerasArchive, KerasWeight } from './archive.ts';
import { lowerArchive } from './read.ts';

const INPUT = {
  class_name: 'InputLayer',
  config: { batch_input_shape: [null, 4], dtype: 'float32', name: 'x' },
  name: 'x',
};
const f32 = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

interface LayerText {
  readonly className: string;
  readonly name: string;
  readonly config?: { readonly [key: string]: Json };
  readonly nodes: readonly Json[];
}

/** Layers one after another, each `[class, name, settings, names of its inputs]`. */
function layer([className, name, config, ...inputs]: readonly [
  string,
  string,
  { readonly [key: string]: Json },
  ...string[],
]): LayerText {
  return { className, name, config, nodes: [inputs.map((input) => [input, 0, 0, {}])] };
}

function functional(layers: readonly LayerText[], outputs: readonly Json[]): { readonly [key: string]: Json } {
  return {
    class_name: 'Functional',
    config: {
      name: 'model',
      layers: [
        { ...INPUT, inbound_nodes: [] },
        ...layers.map(({ className, name, config, nodes }) => ({
          class_name: className,
          name,
          config: { name, trainable: true, ...config },
          inbound_nodes: nodes,
        })),
      ],
      input_layers: [['x', 0, 0]],
      output_layers: outputs,
    },
  };
}

function lower(
  config: { readonly [key: string]: Json },
  weights: Readonly<Record<string, readonly (readonly number[])[]>> = {},
): Pick<ReadModel, 'model' | 'notices'> {
  const store = createWeightStore();
  const made = new Map<string, readonly KerasWeight[]>();
  for (const [name, shapes] of Object.entries(weights)) {
    const list = shapes.map((shape, at): KerasWeight => {
      const count = shape.reduce((a, b) => a * b, 1);
      const tensor = store.put('f32', shape, f32(Array.from({ length: count }, (_, one) => one / count)));
      return { name: `vars/${at}`, tensor };
    });
    made.set(name, list);
  }
  const archive: KerasArchive = {
    config,
    version: '2.15.0',
    weights: { layer: (path) => made.get(path.join('/')) ?? [] },
  };
  return lowerArchive(archive, store, { format: 'keras', file: 'model.h5', sizeBytes: 1 });
}

function failure(run: () => unknown): PareError {
  try {
    run();
  } catch (error) {
    if (error instanceof PareError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('layers that ONNX cannot say', () => {
  it('stay in the model by name, and the layers around them are there', () => {
    const config = functional(
      [
        layer(['Dense', 'before', { units: 3 }, 'x']),
        layer(['Lambda', 'code', { function: ['4wEAAAA'] }, 'before']),
        layer(['Dense', 'after', { units: 2 }, 'code']),
      ],
      [['after', 0, 0]],
    );
    const { model, notices } = lower(config, { before: [[4, 3], [3]], after: [[3, 2], [2]] });
    expect(refusalsOf(model).map(({ operator, node }) => [operator, node])).toEqual([['Lambda', 'code']]);
    expect(refusalsOf(model)[0]?.reason).toMatch(/code in Python/);
    expect(refusalsOf(model)[0]?.hint).toMatch(/SavedModel or TFLite/);
    expect(model.graph.nodes.map(({ op }) => op)).toEqual(['Gemm', 'Lambda', 'MatMul', 'Add']);
    expect(notices.map(({ code }) => code)).toEqual(['keras/no-counterpart']);
    expect(model.graph.outputs.map((id) => model.graph.values.get(id)?.name)).toEqual(['after']);
  });

  it('take those with them that need to know their shape', () => {
    const config = functional(
      [layer(['MyLayer', 'own', {}, 'x']), layer(['Flatten', 'flat', {}, 'own'])],
      [['flat', 0, 0]],
    );
    const refusals = refusalsOf(lower(config).model);
    expect(refusals.map(({ node }) => node)).toEqual(['own', 'flat']);
    expect(refusals[0]?.reason).toMatch(/MyLayer are not known here/);
    expect(refusals[1]?.reason).toMatch(/shape of its input is not known/);
  });

  it.each([
    ['ConvLSTM2D', {}, /steps are convolutions/],
    ['StringLookup', {}, /looks up or hashes text/],
    ['Dense', { units: 3, activation: 'my_activation' }, /"my_activation" is not one that is known/],
    [
      'Dense',
      { units: 3, dtype: { class_name: 'QuantizedDTypePolicy', config: { mode: 'int8' } } },
      /Keras quantized it/,
    ],
    ['Resizing', { height: 2, width: 2, interpolation: 'lanczos3' }, /interpolates by "lanczos3"/],
    ['TFOpLambda', { function: 'linalg.svd' }, /tf\.linalg\.svd of TensorFlow is not known/],
    ['RNN', { cell: { class_name: 'MyCell', config: {} } }, /class MyCell, which is not known/],
  ])('%s %j says why', (className, config, reason) => {
    const { model } = lower(
      functional([layer([className, 'it', config as { readonly [key: string]: Json }, 'x'])], [['it', 0, 0]]),
      { it: [[4, 3], [3]] },
    );
    expect(refusalsOf(model)[0]?.reason).toMatch(reason);
  });
});

describe('configurations that are refused', () => {
  const dense = layer(['Dense', 'dense', { units: 3 }, 'x']);

  it('a model of a class of its own', () => {
    const { message } = failure(() => lower({ class_name: 'MyModel', config: { units: 3 } }));
    expect(message).toMatch(/^model\.h5: The model is of class MyModel, whose structure is Python code/);
  });

  it('a circle of layers', () => {
    const config = functional([layer(['Add', 'a', {}, 'x', 'b']), layer(['ReLU', 'b', {}, 'a'])], [['b', 0, 0]]);
    expect(failure(() => lower(config)).message).toMatch(/^model\.h5, [ab]: It takes part in a circle/);
  });

  it('a layer, a call or an output that is not there', () => {
    expect(failure(() => lower(functional([dense], [['nothing', 0, 0]]))).message).toMatch(
      /refers to a layer "nothing"/,
    );
    expect(failure(() => lower(functional([dense], [['dense', 5, 0]]))).message).toMatch(
      /refers to call 5 of layer "dense"/,
    );
    expect(failure(() => lower(functional([dense], [['dense', 0, 3]]), { dense: [[4, 3], [3]] })).message).toMatch(
      /uses output 3/,
    );
  });

  it('weights that are missing', () => {
    const { parts } = failure(() => lower(functional([dense], [['dense', 0, 0]])));
    expect(parts).toMatchObject({ code: 'keras/missing-weight', file: 'model.h5', place: 'dense' });
  });

  it('a setting of the wrong kind', () => {
    const config = functional([layer(['MaxPooling1D', 'pool', { pool_size: 'two' }, 'x'])], [['pool', 0, 0]]);
    expect(failure(() => lower(config)).message).toMatch(
      /^model\.h5, pool: Its setting "pool_size" should be a whole number, but it is "two"/,
    );
  });

  it('a Sequential that was never built', () => {
    const config = {
      class_name: 'Sequential',
      config: { name: 's', layers: [{ class_name: 'Dense', config: { name: 'd', units: 2 } }] },
    };
    expect(failure(() => lower(config)).message).toMatch(/does not say which input it takes/);
  });

  it('models that call each other twice at every level, before they fill the memory', () => {
    let config: Json = { ...functional([layer(['ReLU', 'end', {}, 'x'])], [['end', 0, 0]]) };
    for (let depth = 0; depth < 24; depth++) {
      const inner = (config as { readonly config: { readonly [key: string]: Json } }).config;
      const twice = {
        className: 'Functional',
        name: 'inner',
        config: inner,
        nodes: [[['x', 0, 0, {}]], [['inner', 1, 0, {}]]],
      };
      config = functional([{ ...twice, config: { ...inner, name: 'inner' } }], [['inner', 2, 0]]);
    }
    expect(failure(() => lower(config as { readonly [key: string]: Json })).parts.code).toBe('keras/too-large');
  });
});
