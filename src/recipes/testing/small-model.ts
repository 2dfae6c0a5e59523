/** A small model with weights of several kinds, for tests of runs and previews: a convolution, two products, a shared weight. */
import { seededRandom } from '#base/random.ts';
import type { Layer } from '#ir/layer.ts';
import type { Model } from '#ir/model.ts';
import { buildModel } from '#ir/testing/build.ts';
import type { WeightStore } from '#ir/weights.ts';
import { layersOf } from '#ops/layers.ts';

export interface SmallModel {
  readonly model: Model;
  readonly weights: WeightStore;
  readonly layers: readonly Layer[];
}

function normal(seed: number, shape: readonly number[]): { dtype: 'f32'; shape: readonly number[]; data: number[] } {
  const random = seededRandom(seed);
  const count = shape.reduce((product, size) => product * size, 1);
  return { dtype: 'f32', shape, data: Array.from({ length: count }, () => random.normal()) };
}

/** x[1,3,8,8] -> conv -> relu -> flatten -> fc1 -> fc2; `again` reads the weight of `fc2` a second time. */
export function smallModel(change: Readonly<Record<string, number[]>> = {}): SmallModel {
  const initializers = {
    'conv.w': normal(1, [8, 3, 3, 3]),
    'conv.b': normal(2, [8]),
    'fc1.w': normal(3, [512, 64]),
    'fc2.w': normal(4, [64, 64]),
  };
  for (const [name, data] of Object.entries(change)) initializers[name as keyof typeof initializers].data = data;
  const { model, store } = buildModel({
    opset: 21,
    irVersion: 10,
    inputs: { x: { dtype: 'f32', shape: [1, 3, 8, 8] } },
    outputs: { y: { dtype: 'f32', shape: [1, 64] } },
    initializers,
    types: {
      c: { dtype: 'f32', shape: [1, 8, 8, 8] },
      r: { dtype: 'f32', shape: [1, 8, 8, 8] },
      f: { dtype: 'f32', shape: [1, 512] },
      h: { dtype: 'f32', shape: [1, 64] },
      g: { dtype: 'f32', shape: [1, 64] },
    },
    nodes: [
      { op: 'Conv', name: 'conv', inputs: ['x', 'conv.w', 'conv.b'], outputs: ['c'], attrs: { pads: [1, 1, 1, 1] } },
      { op: 'Relu', name: 'relu', inputs: ['c'], outputs: ['r'] },
      { op: 'Flatten', name: 'flatten', inputs: ['r'], outputs: ['f'] },
      { op: 'MatMul', name: 'fc1', inputs: ['f', 'fc1.w'], outputs: ['h'] },
      { op: 'MatMul', name: 'fc2', inputs: ['h', 'fc2.w'], outputs: ['g'] },
      { op: 'MatMul', name: 'again', inputs: ['g', 'fc2.w'], outputs: ['y'] },
    ],
  });
  return { model, weights: store, layers: layersOf(model) };
}
