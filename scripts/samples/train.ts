/**
 * Trains the sample model that the studio offers and writes it into public/samples/, with a labelled evaluation set:
 *
 *     npx tsx scripts/samples/train.ts
 *
 * Data, first weights and order are drawn from seeds, and TensorFlow.js's CPU backend computes in one thread, so a second
 * run on the same version of Node gives the same files. It takes a few minutes.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import { seededRandom, type Random } from '#base/random.ts';
import { CLASSES, drawDigits, SIDE, type DigitSet } from './digits.ts';
import { writeEvaluationSet, writeModelFile } from './export.ts';
import { createWeights, forward, type Weights } from './network.ts';

const TRAINING_COUNT = 2000;
const EVALUATION_COUNT = 500;
const EPOCHS = 6;
const BATCH = 40;
const SEEDS = { training: 1, evaluation: 2, weights: 3, order: 4 } as const;

const folder = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..', 'public', 'samples');

/** Some images of a set as a tensor [count, side, side, 1]. */
function imagesOf(set: DigitSet, indices: readonly number[]): tf.Tensor4D {
  const size = SIDE * SIDE;
  const images = new Float32Array(indices.length * size);
  indices.forEach((index, i) => images.set(set.images.subarray(index * size, (index + 1) * size), i * size));
  return tf.tensor4d(images, [indices.length, SIDE, SIDE, 1]);
}

function shuffled(count: number, random: Random): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j] ?? 0, order[i] ?? 0];
  }
  return order;
}

/** Share of images whose largest logit is the label. */
function accuracyOn(weights: Weights, set: DigitSet): number {
  let hits = 0;
  for (let start = 0; start < set.count; start += 100) {
    const indices = Array.from({ length: Math.min(100, set.count - start) }, (_, i) => start + i);
    const guesses = tf.tidy(() => tf.argMax(forward(weights, imagesOf(set, indices), false), 1).dataSync());
    indices.forEach((index, i) => (hits += guesses[i] === set.labels[index] ? 1 : 0));
  }
  return hits / set.count;
}

function train(weights: Weights, set: DigitSet): void {
  const order = seededRandom(SEEDS.order);
  const steps = (EPOCHS * set.count) / BATCH;
  const optimizer = tf.train.momentum(0, 0.9, true);
  let step = 0;
  for (let epoch = 1; epoch <= EPOCHS; epoch++) {
    const started = performance.now();
    let loss = 0;
    const indices = shuffled(set.count, order);
    for (let start = 0; start + BATCH <= set.count; start += BATCH) {
      const batch = indices.slice(start, start + BATCH);
      // Cosine decay from 0.1 to 0: ends in a flat place without a second tuning run.
      optimizer.setLearningRate(0.05 * (1 + Math.cos((Math.PI * step++) / steps)));
      loss += tf.tidy(() => {
        const labels = tf.oneHot(
          tf.tensor1d(
            batch.map((index) => set.labels[index] ?? 0),
            'int32',
          ),
          CLASSES,
        );
        const images = imagesOf(set, batch);
        const cost = optimizer.minimize(
          () => tf.losses.softmaxCrossEntropy(labels, forward(weights, images, true)),
          true,
        );
        return cost?.dataSync()[0] ?? NaN;
      });
    }
    const seconds = ((performance.now() - started) / 1000).toFixed(0);
    console.log(`epoch ${epoch}: mean loss ${(loss / (set.count / BATCH)).toFixed(4)}, ${seconds} s`);
  }
}

async function main(): Promise<void> {
  await tf.setBackend('cpu');
  const evaluation = drawDigits(EVALUATION_COUNT, SEEDS.evaluation);
  const weights = createWeights(seededRandom(SEEDS.weights));
  train(weights, drawDigits(TRAINING_COUNT, SEEDS.training));
  const accuracy = accuracyOn(weights, evaluation);
  const label = `${(100 * accuracy).toFixed(1)} % of ${EVALUATION_COUNT} unseen digits right`;
  console.log(label);

  mkdirSync(folder, { recursive: true });
  const model = await writeModelFile(weights, `Digits, 16 x 16 pixels. ${label} as trained.`);
  const set = writeEvaluationSet(evaluation);
  writeFileSync(join(folder, 'digits.onnx'), model);
  writeFileSync(join(folder, 'digits-evaluation.npz'), set);
  const index = [
    {
      file: 'digits.onnx',
      title: 'Digit reader',
      summary: `A small residual network with depthwise stages, BatchNormalization unfused; ${label}.`,
      bytes: model.byteLength,
      evaluation: 'digits-evaluation.npz',
    },
  ];
  writeFileSync(join(folder, 'index.json'), `${JSON.stringify(index, null, 2)}\n`);
  console.log(`digits.onnx ${model.byteLength} bytes, digits-evaluation.npz ${set.byteLength} bytes`);
}

await main();
