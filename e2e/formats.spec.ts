/** Models of other formats by hand: a SavedModel folder, a Keras file, a TFLite file and a TF.js folder each end as a quantized ONNX file that runs. */
import { expect, test, type Page } from '@playwright/test';
import { joinChunks } from '#base/bytes.ts';
import { hasTestdata, testdata, testdataRequired } from '#base/testing/testdata-place.ts';
import { modelFiles } from '#cli/model-files.ts';
import { openModel } from '#studio/open.ts';
import { writeModel } from '#studio/write.ts';
import { accuracyOnKeywords, relativeDifference } from './judge.ts';
import { download, dropFiles, figure, layers, openStudio, settled } from './studio.ts';

/** As the command line converts it: what the page makes is held to this. */
async function converted(path: string): Promise<Uint8Array> {
  const { files, find } = modelFiles(path);
  const [file] = await writeModel(await openModel(files, { find }));
  return joinChunks(file?.chunks ?? []);
}

interface Journey {
  readonly what: string;
  readonly path: string;
  readonly label: string;
  /** A layer by its name in the source. */
  readonly layer: RegExp;
  readonly download: string;
}

const JOURNEYS: readonly Journey[] = [
  {
    what: 'a SavedModel folder',
    path: 'models/mlperf_tiny_kws/kws_ref_model',
    label: 'TensorFlow',
    layer: /conv2d/,
    download: 'kws_ref_model.pared.onnx',
  },
  {
    what: 'a Keras .h5 file',
    path: 'models/mlperf_tiny_resnet8/pretrainedResnet.h5',
    label: 'Keras',
    layer: /^conv2d_1$/,
    download: 'pretrainedResnet.pared.onnx',
  },
  {
    what: 'a TFLite file',
    path: 'models/mnist/conv_fc_mnist.tflite',
    label: 'TensorFlow Lite',
    layer: /conv2d/i,
    download: 'conv_fc_mnist.pared.onnx',
  },
  {
    what: 'a TF.js folder',
    path: 'models/doodlenet_tfjs',
    label: 'TensorFlow.js',
    layer: /conv2d/,
    download: 'doodlenet_tfjs.pared.onnx',
  },
];

async function dropped(page: Page, journey: Journey): Promise<void> {
  await openStudio(page);
  await dropFiles(page, [testdata(journey.path)]);
  await expect(layers(page)).toBeVisible();
  await expect(page.getByRole('banner')).toContainText(journey.label);
  await expect(layers(page).getByRole('row', { name: journey.layer }).first()).toBeVisible();
  await settled(page);
}

test.describe('models of other formats', () => {
  test.skip(!hasTestdata && !testdataRequired, 'needs the test data');

  for (const journey of JOURNEYS) {
    test(`${journey.what} becomes a quantized ONNX file that runs`, async ({ page }) => {
      await dropped(page, journey);
      expect(await figure(page, 'Weights SQNR')).toMatch(/\d\sdB/);
      const { name, bytes } = await download(page);
      expect(name).toBe(journey.download);
      const original = await converted(testdata(journey.path));
      expect(bytes.byteLength).toBeLessThan(original.byteLength / 2);
      expect(await relativeDifference(original, bytes)).toBeLessThan(0.15);
    });
  }

  test('the quantized SavedModel still hears keywords', async ({ page }) => {
    await dropped(page, JOURNEYS[0]!);
    const { bytes } = await download(page);
    const features = testdata('data/kws01/features_int8.npy');
    const labels = testdata('data/kws01/labels.npy');
    // (level - 83) * 0.5847029, as a mean and a deviation.
    const accuracy = await accuracyOnKeywords(bytes, { features, labels, mean: 83, std: 1 / 0.5847029 });
    expect(accuracy).toBeGreaterThan(0.91);
  });
});
