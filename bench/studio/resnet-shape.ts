/** A network with the shape of ResNet-50 (He et al. 2015, table 1) and random weights: 25.6 million parameters, no training behind it. */
import { seededRandom } from '#base/random.ts';
import type { Model } from '#ir/model.ts';
import { buildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import type { WeightStore } from '#ir/weights.ts';

const STAGES = [
  { blocks: 3, width: 64 },
  { blocks: 4, width: 128 },
  { blocks: 6, width: 256 },
  { blocks: 3, width: 512 },
];

export function resnetShape(seed = 1): { readonly model: Model; readonly store: WeightStore } {
  const random = seededRandom(seed);
  const initializers: Record<string, BuildTensor> = {};
  const nodes: BuildNode[] = [];

  const weight = (name: string, shape: readonly number[]): string => {
    const fanIn = shape.slice(1).reduce((product, size) => product * size, 1);
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const spread = Math.sqrt(2 / fanIn);
    for (let index = 0; index < data.length; index++) data[index] = random.normal() * spread;
    initializers[name] = { dtype: 'f32', shape, data };
    return name;
  };
  const add = (
    op: string,
    name: string,
    inputs: readonly string[],
    attrs: NonNullable<BuildNode['attrs']> = {},
  ): string => {
    nodes.push({ op, name, inputs, outputs: [`${name}_out`], attrs });
    return `${name}_out`;
  };
  const conv = (name: string, from: string, shape: readonly [number, number, number], stride: number): string => {
    const [outputs, inputs, kernel] = shape;
    const bias = weight(`${name}.bias`, [outputs]);
    const pad = (kernel - 1) / 2;
    return add('Conv', name, [from, weight(`${name}.weight`, [outputs, inputs, kernel, kernel]), bias], {
      kernel_shape: [kernel, kernel],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
    });
  };

  let at = add('Relu', 'relu1', [conv('conv1', 'image', [64, 3, 7], 2)]);
  at = add('MaxPool', 'pool1', [at], { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] });
  let channels = 64;
  STAGES.forEach(({ blocks, width }, stage) => {
    for (let block = 0; block < blocks; block++) {
      const name = `layer${String(stage + 1)}.${String(block)}`;
      const stride = block === 0 && stage > 0 ? 2 : 1;
      let path = add('Relu', `${name}.relu1`, [conv(`${name}.conv1`, at, [width, channels, 1], 1)]);
      path = add('Relu', `${name}.relu2`, [conv(`${name}.conv2`, path, [width, width, 3], stride)]);
      path = conv(`${name}.conv3`, path, [width * 4, width, 1], 1);
      const around = block === 0 ? conv(`${name}.downsample`, at, [width * 4, channels, 1], stride) : at;
      at = add('Relu', `${name}.relu3`, [add('Add', `${name}.add`, [path, around])]);
      channels = width * 4;
    }
  });
  at = add('Flatten', 'flatten', [add('GlobalAveragePool', 'pool2', [at])]);
  nodes.push({
    op: 'Gemm',
    name: 'fc',
    inputs: [at, weight('fc.weight', [1000, channels]), weight('fc.bias', [1000])],
    outputs: ['logits'],
    attrs: { transB: 1 },
  });
  return buildModel({
    name: 'resnet-shape',
    inputs: { image: { dtype: 'f32', shape: [1, 3, 224, 224] } },
    outputs: { logits: { dtype: 'f32', shape: [1, 1000] } },
    initializers,
    nodes,
  });
}
