/**
 * The sample's network: a small residual classifier with depthwise-separable stages, BatchNormalization left unfused. One
 * list of layers serves the training step here and the export in `export.ts`, so that the two cannot disagree.
 *
 * Convolutions train through their own gradients: TensorFlow.js's CPU backend computes those of `conv2d` some twenty times
 * slower than the convolutions they are equal to.
 */
import * as tf from '@tensorflow/tfjs';
import type { Random } from '#base/random.ts';

export const EPSILON = 1e-3;
const MOMENTUM = 0.9;

/** One step of the network. Every convolution has stride 1, keeps the size, has no bias and is followed by BatchNormalization. */
export type Layer =
  | {
      readonly kind: 'conv' | 'depthwise' | 'pointwise';
      readonly name: string;
      readonly inChannels: number;
      readonly outChannels: number;
      readonly relu: boolean;
    }
  /** Halves height and width by the largest of 2 x 2. */
  | { readonly kind: 'pool'; readonly name: string }
  /** Remembers what passes here, for the next `add`. */
  | { readonly kind: 'fork' }
  /** Adds what the last `fork` remembered, then ReLU. */
  | { readonly kind: 'add'; readonly name: string }
  /** Mean over height and width, then a fully connected layer with bias. */
  | { readonly kind: 'classify'; readonly name: string; readonly inChannels: number; readonly outChannels: number };

export const LAYERS: readonly Layer[] = [
  { kind: 'conv', name: 'stem', inChannels: 1, outChannels: 16, relu: true },
  { kind: 'pool', name: 'pool1' },
  { kind: 'depthwise', name: 'stage1/depthwise', inChannels: 16, outChannels: 16, relu: true },
  { kind: 'pointwise', name: 'stage1/pointwise', inChannels: 16, outChannels: 32, relu: true },
  { kind: 'pool', name: 'pool2' },
  { kind: 'fork' },
  { kind: 'conv', name: 'stage1/residual/conv1', inChannels: 32, outChannels: 32, relu: true },
  { kind: 'conv', name: 'stage1/residual/conv2', inChannels: 32, outChannels: 32, relu: false },
  { kind: 'add', name: 'stage1/residual/add' },
  { kind: 'depthwise', name: 'stage2/depthwise', inChannels: 32, outChannels: 32, relu: true },
  { kind: 'pointwise', name: 'stage2/pointwise', inChannels: 32, outChannels: 64, relu: true },
  { kind: 'pool', name: 'pool3' },
  { kind: 'fork' },
  { kind: 'conv', name: 'stage2/residual/conv1', inChannels: 64, outChannels: 64, relu: true },
  { kind: 'conv', name: 'stage2/residual/conv2', inChannels: 64, outChannels: 64, relu: false },
  { kind: 'add', name: 'stage2/residual/add' },
  { kind: 'classify', name: 'classifier', inChannels: 64, outChannels: 10 },
];

export interface Normalization {
  readonly gamma: tf.Variable;
  readonly beta: tf.Variable;
  readonly mean: tf.Variable;
  readonly variance: tf.Variable;
}

export interface Weights {
  /** By layer name: conv and pointwise [h, w, in, out], depthwise [h, w, channels, 1], classifier [in, out]. */
  readonly kernels: ReadonlyMap<string, tf.Variable>;
  readonly biases: ReadonlyMap<string, tf.Variable>;
  readonly normalizations: ReadonlyMap<string, Normalization>;
}

/** He-initialized weights from a seeded source. */
export function createWeights(random: Random): Weights {
  const kernels = new Map<string, tf.Variable>();
  const biases = new Map<string, tf.Variable>();
  const normalizations = new Map<string, Normalization>();
  const draw = (shape: number[], fanIn: number): tf.Variable => {
    const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => random.normal());
    return tf.variable(tf.mul(tf.tensor(values, shape), Math.sqrt(2 / fanIn)));
  };
  for (const layer of LAYERS) {
    if (layer.kind === 'classify') {
      kernels.set(layer.name, draw([layer.inChannels, layer.outChannels], layer.inChannels));
      biases.set(layer.name, tf.variable(tf.zeros([layer.outChannels])));
    } else if (layer.kind === 'conv' || layer.kind === 'depthwise' || layer.kind === 'pointwise') {
      const side = layer.kind === 'pointwise' ? 1 : 3;
      const ins = layer.kind === 'depthwise' ? 1 : layer.inChannels;
      const shape = layer.kind === 'depthwise' ? [3, 3, layer.inChannels, 1] : [side, side, ins, layer.outChannels];
      kernels.set(layer.name, draw(shape, side * side * ins));
      normalizations.set(layer.name, {
        gamma: tf.variable(tf.ones([layer.outChannels])),
        beta: tf.variable(tf.zeros([layer.outChannels])),
        mean: tf.variable(tf.zeros([layer.outChannels]), false),
        variance: tf.variable(tf.ones([layer.outChannels]), false),
      });
    }
  }
  return { kernels, biases, normalizations };
}

/** Logits [batch, classes] of images [batch, side, side, 1]. While training, batch statistics are used and remembered. */
export function forward(weights: Weights, images: tf.Tensor4D, training: boolean): tf.Tensor2D {
  let x = images;
  let forked = x;
  for (const layer of LAYERS) {
    switch (layer.kind) {
      case 'fork':
        forked = x;
        break;
      case 'pool':
        x = tf.maxPool(x, 2, 2, 'valid');
        break;
      case 'add':
        x = tf.relu(tf.add(x, forked));
        break;
      case 'classify': {
        const pooled = tf.mean(x, [1, 2]) as tf.Tensor2D;
        const kernel = named(weights.kernels, layer.name) as tf.Tensor2D;
        return tf.add(tf.matMul(pooled, kernel), named(weights.biases, layer.name));
      }
      default: {
        const kernel = named(weights.kernels, layer.name) as tf.Tensor4D;
        const convolved = layer.kind === 'depthwise' ? depthwise(x, kernel) : convolve(x, kernel);
        const normalized = normalize(convolved, named(weights.normalizations, layer.name), training);
        x = layer.relu ? tf.relu(normalized) : normalized;
      }
    }
  }
  throw new Error('The network has no classifier.');
}

function named<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name);
  if (found === undefined) throw new Error(`No weights are named ${name}.`);
  return found;
}

function normalize(x: tf.Tensor4D, { gamma, beta, mean, variance }: Normalization, training: boolean): tf.Tensor4D {
  if (!training)
    return tf.batchNorm(
      x,
      mean as tf.Tensor1D,
      variance as tf.Tensor1D,
      beta as tf.Tensor1D,
      gamma as tf.Tensor1D,
      EPSILON,
    ) as tf.Tensor4D;
  const batch = tf.moments(x, [0, 1, 2]);
  mean.assign(tf.add(tf.mul(mean, MOMENTUM), tf.mul(batch.mean, 1 - MOMENTUM)));
  variance.assign(tf.add(tf.mul(variance, MOMENTUM), tf.mul(batch.variance, 1 - MOMENTUM)));
  const scale = tf.div(gamma, tf.sqrt(tf.add(batch.variance, EPSILON)));
  return tf.add(tf.mul(x, scale), tf.sub(beta, tf.mul(batch.mean, scale)));
}

/**
 * Convolution with stride 1 and "same" padding, whose two gradients are convolutions too: the one for the input is with the
 * turned kernel, and the one for the kernel slides the output's gradient over the input with batch and channels exchanged.
 */
const convolve = tf.customGrad((x, kernel, save) => {
  const [image, weights] = [x as tf.Tensor4D, kernel as tf.Tensor4D];
  (save as tf.GradSaveFunc)([image, weights]);
  const margin = ((weights.shape[0] ?? 1) - 1) / 2;
  return {
    value: tf.conv2d(image, weights, 1, 'same'),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [input, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
      const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
      const exchanged = tf.transpose(input, [3, 1, 2, 0]) as tf.Tensor4D;
      const slid = tf.conv2d(exchanged, tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D, 1, margin);
      return [tf.conv2d(dy as tf.Tensor4D, turned, 1, 'same'), tf.transpose(slid, [1, 2, 0, 3])];
    },
  };
}) as (x: tf.Tensor4D, kernel: tf.Tensor4D) => tf.Tensor4D;

/** Depthwise 3 x 3 in the same way: for the kernel's gradient every channel of every image slides by itself. */
const depthwise = tf.customGrad((x, kernel, save) => {
  const [image, weights] = [x as tf.Tensor4D, kernel as tf.Tensor4D];
  (save as tf.GradSaveFunc)([image, weights]);
  return {
    value: tf.depthwiseConv2d(image, weights, 1, 'same'),
    gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [input, filter] = saved as [tf.Tensor4D, tf.Tensor4D];
      const [batch, height, width, channels] = input.shape;
      const apart = batch * channels;
      const images = tf.reshape(tf.transpose(input, [1, 2, 0, 3]), [1, height, width, apart]) as tf.Tensor4D;
      const gradients = tf.reshape(tf.transpose(dy, [1, 2, 0, 3]), [height, width, apart, 1]) as tf.Tensor4D;
      const slid = tf.reshape(tf.depthwiseConv2d(images, gradients, 1, 1), [3, 3, batch, channels]);
      const turned = tf.reverse(filter, [0, 1]) as tf.Tensor4D;
      return [
        tf.depthwiseConv2d(dy as tf.Tensor4D, turned, 1, 'same'),
        tf.reshape(tf.sum(slid, 2), [3, 3, channels, 1]),
      ];
    },
  };
}) as (x: tf.Tensor4D, kernel: tf.Tensor4D) => tf.Tensor4D;
