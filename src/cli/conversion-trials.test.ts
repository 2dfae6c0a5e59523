/**
 * Every foreign model of the test data, opened as the command line opens it and written as ONNX: it converts and agrees with
 * its own runtime, or is refused with the operator and the node that stand in the way.
 */
import { afterAll, describe, expect, it } from 'vitest';
import { describeWithTestdata } from '#base/testing/testdata.ts';
import { AGREEMENTS, dynamicRangeAccuracy, savedModelAccuracy } from './testing/conversion-agreement.ts';
import { compareLayers } from './testing/conversion-layers.ts';
import { foreignModels } from './testing/conversion-models.ts';
import type { ForeignModel } from './testing/conversion-models.ts';
import { lineOf } from './testing/conversion-text.ts';
import { tryConversion } from './testing/conversion-trials.ts';
import type { ConversionTrial } from './testing/conversion-trials.ts';

/** Convolutions, pools and dense layers one after another, or with sums and concatenations between them. */
const PLAIN_CNNS = [
  'mlperf_tiny_kws/kws_ref_model.tflite',
  'mlperf_tiny_kws/kws_ref_model_float32.tflite',
  'mlperf_tiny_kws/kws_ref_model',
  'mlperf_tiny_resnet8/pretrainedResnet.tflite',
  'mlperf_tiny_resnet8/pretrainedResnet_quant.tflite',
  'mlperf_tiny_resnet8/pretrainedResnet.h5',
  'mobilenet_v1_025_224/mobilenet_v1_0.25_224_float_metadata.tflite',
  'mobilenet_v1_025_224/mobilenet_v1_0.25_224_uint8.tflite',
  'mobilenet_v2_int8_coral/tf2_mobilenet_v2_1.0_224_ptq.tflite',
  'mnist/conv_fc_mnist.tflite',
  'mnist/conv_fc_mnist_srq_a8w8.tflite',
  'darknet_tiny_tfjs/model.json',
  'doodlenet_tfjs/model.json',
];

describeWithTestdata('foreign models as ONNX', () => {
  const models = foreignModels();
  const tried = new Map<string, Promise<ConversionTrial>>();
  const trialOf = (model: ForeignModel): Promise<ConversionTrial> => {
    const trial = tried.get(model.path) ?? tryConversion(model);
    tried.set(model.path, trial);
    return trial;
  };
  const trialAt = (path: string): Promise<ConversionTrial> => {
    const model = models.find((one) => one.path === path);
    if (model === undefined) throw new Error(`there is no ${path}`);
    return trialOf(model);
  };
  afterAll(async () => console.log((await Promise.all(tried.values())).map(lineOf).join('\n')));

  it('there are models of every format', () => {
    expect([...new Set(models.map(({ format }) => format))]).toEqual(['tflite', 'keras', 'savedmodel', 'tfjs']);
  });

  it.each(models)('$path converts and agrees, or is refused by name', async (model) => {
    const { outcome, failure, refusals, comparison } = await trialOf(model);
    expect(failure).toBeUndefined();
    if (outcome === 'refused') {
      for (const { operator, node, reason } of refusals) {
        expect(operator).not.toBe('');
        expect(node).not.toBe('');
        expect(reason.length, `${operator} ${node}`).toBeGreaterThan(10);
      }
      return;
    }
    expect(comparison?.outputs.length).toBeGreaterThan(0);
    expect(comparison?.broken).toEqual([]);
    const peak = Math.max(1, ...(comparison?.outputs ?? []).map((output) => output.peak));
    expect(comparison?.batch?.maxAbs ?? 0).toBeLessThanOrEqual(1e-5 * peak);
  });

  it('at least nine in ten convert', async () => {
    const outcomes = await Promise.all(models.map(async (model) => (await trialOf(model)).outcome));
    const converted = outcomes.filter((outcome) => outcome === 'converted').length;
    expect(converted).toBeGreaterThanOrEqual(0.9 * models.length);
  });

  it.each(PLAIN_CNNS)('%s has no Transpose but at its edges', async (path) => {
    const { transposes } = await trialAt(path);
    expect(transposes.inside).toEqual([]);
    expect(transposes.all).toBeLessThanOrEqual(2);
  });

  it.each(models.filter(({ format }) => format === 'tflite'))(
    '$path, where it is of integers, is off by no more than a step in any operator',
    async (model) => {
      const { comparison } = await trialOf(model);
      if (comparison?.rule.kind !== 'levels') return;
      const parts = await compareLayers(model.path);
      expect(parts.length).toBeGreaterThan(2);
      for (const part of parts) {
        expect(part.levels?.maxSteps, part.name).toBeLessThanOrEqual(1);
        expect(part.levels?.equalShare, part.name).toBeGreaterThanOrEqual(0.98);
      }
    },
  );

  describe('one network, one answer', () => {
    it.each(AGREEMENTS)('%s', async (_, compare) => {
      const { maxAbs, bound, values } = await compare();
      expect(values).toBeGreaterThan(0);
      expect(maxAbs).toBeLessThanOrEqual(bound);
    });
  });

  it('the keyword SavedModel scores what it scores in TensorFlow, 91.3 % of all 1000 samples', async () => {
    const { right, known } = await savedModelAccuracy();
    expect(known).toBe(913);
    expect(right).toBe(known);
  });

  it('the dynamic-range keyword model scores within a point of LiteRT, which rounds its activations too', async () => {
    const { right, known } = await dynamicRangeAccuracy();
    expect(known).toBe(900);
    expect(Math.abs(right - known)).toBeLessThanOrEqual(10);
  });
});
