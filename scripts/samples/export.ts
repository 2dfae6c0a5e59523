/** Writes the trained sample as an ONNX file, through our own writer, and its evaluation set as an .npz file. */
import { zipSync } from 'fflate';
import type { Tensor as TrainedTensor } from '@tensorflow/tfjs';
import { joinChunks } from '#base/bytes.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import { buildModel, type BuildNode, type BuildTensor } from '#ir/testing/build.ts';
import { writeNpy } from '#wire/npy.ts';
import { CLASSES, SIDE, type DigitSet } from './digits.ts';
import { EPSILON, LAYERS, type Weights } from './network.ts';

/** Axes of a trained kernel in the order that ONNX wants them: [out, in, height, width], or [out, in] for Gemm. */
const ONNX_ORDER = { conv: [3, 2, 0, 1], pointwise: [3, 2, 0, 1], depthwise: [2, 3, 0, 1], classify: [1, 0] } as const;

const f32 = (tensor: TrainedTensor): BuildTensor => ({
  dtype: 'f32',
  shape: tensor.shape,
  data: Float32Array.from(tensor.dataSync()),
});

/** The ONNX file: opset 17, IR 8, NCHW, BatchNormalization unfused. */
export async function writeModelFile(weights: Weights, description: string): Promise<Uint8Array> {
  const initializers: Record<string, BuildTensor> = {};
  const nodes: BuildNode[] = [];
  const need = <T>(found: T | undefined, name: string): T => {
    if (found === undefined) throw new Error(`No weights are named ${name}.`);
    return found;
  };
  let value = 'image';
  let forked = value;
  const add = (name: string, op: string, inputs: string[], attrs: BuildNode['attrs'] = {}, output = name): void => {
    nodes.push({ name, op, inputs, outputs: [output], attrs });
    value = output;
  };
  for (const layer of LAYERS) {
    switch (layer.kind) {
      case 'fork':
        forked = value;
        break;
      case 'pool':
        add(layer.name, 'MaxPool', [value], { kernel_shape: [2, 2], strides: [2, 2] });
        break;
      case 'add':
        add(layer.name, 'Add', [value, forked]);
        add(`${layer.name}/relu`, 'Relu', [value]);
        break;
      case 'classify': {
        const kernel = need(weights.kernels.get(layer.name), layer.name);
        initializers[`${layer.name}/weight`] = f32(kernel.transpose([...ONNX_ORDER.classify]));
        initializers[`${layer.name}/bias`] = f32(need(weights.biases.get(layer.name), layer.name));
        add('mean', 'GlobalAveragePool', [value]);
        add('flatten', 'Flatten', [value]);
        add(layer.name, 'Gemm', [value, `${layer.name}/weight`, `${layer.name}/bias`], { transB: 1 }, 'logits');
        break;
      }
      default: {
        const kernel = need(weights.kernels.get(layer.name), layer.name);
        const side = kernel.shape[0] ?? 1;
        const margin = (side - 1) / 2;
        initializers[`${layer.name}/weight`] = f32(kernel.transpose([...ONNX_ORDER[layer.kind]]));
        add(layer.name, 'Conv', [value, `${layer.name}/weight`], {
          kernel_shape: [side, side],
          pads: [margin, margin, margin, margin],
          group: layer.kind === 'depthwise' ? layer.inChannels : 1,
        });
        const normalization = need(weights.normalizations.get(layer.name), layer.name);
        const parts = (['gamma', 'beta', 'mean', 'variance'] as const).map((part) => {
          const name = `${layer.name}/norm/${part}`;
          initializers[name] = f32(normalization[part]);
          return name;
        });
        add(`${layer.name}/norm`, 'BatchNormalization', [value, ...parts], { epsilon: { float: EPSILON } });
        if (layer.relu) add(`${layer.name}/relu`, 'Relu', [value]);
      }
    }
  }
  const { model, store } = buildModel({
    name: 'digits',
    opset: 17,
    irVersion: 8,
    inputs: { image: { dtype: 'f32', shape: ['batch', 1, SIDE, SIDE] } },
    outputs: { logits: { dtype: 'f32', shape: ['batch', CLASSES] } },
    initializers,
    nodes,
    file: 'digits.onnx',
  });
  const described = { ...model, doc: description, producer: { name: 'pare-samples', version: '1' } };
  const [file] = await writeOnnx(described, store);
  if (file === undefined) throw new Error('The writer wrote no file.');
  return joinChunks(file.chunks);
}

/** `image` [count, 1, side, side] by the name of the model's input, and `labels` [count]. */
export function writeEvaluationSet(set: DigitSet): Uint8Array {
  const image = writeNpy({ dtype: 'f32', shape: [set.count, 1, SIDE, SIDE], data: set.images });
  const labels = writeNpy({ dtype: 'i32', shape: [set.count], data: set.labels });
  // Zip stores the local time of packing; a fixed one keeps the file the same from run to run.
  return zipSync({ 'image.npy': image, 'labels.npy': labels }, { level: 9, mtime: new Date(2026, 0, 1) });
}
