/** Public models with real data: calibrated on one part of it, measured on the other, through the code of the command line. */
import { testdata } from '#base/testing/testdata-place.ts';
import { openBackendForNode } from '#cli/backend.ts';
import { dataFiles } from '#cli/data-files.ts';
import { openPath } from '#cli/models.ts';
import { decodePicture } from '#cli/picture-decoder.ts';
import { type DataSettings, dataSettings, imageSettings } from '#data/settings.ts';
import { createEvidence } from '#measure/calibration/evidence-source.ts';
import type { Evaluation } from '#measure/evaluation/report.ts';
import { findPreset } from '#recipes/presets.ts';
import { hostOnnxruntimeNode, openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';
import { fitTo, openData, prepareData } from '#studio/data.ts';
import { evaluatePair, lintOf } from '#studio/evaluate.ts';
import type { Lint } from '#studio/jobs.ts';
import { optimizeModel } from '#studio/optimize.ts';
import { originalFiles } from '#studio/save.ts';
import type { OpenModel, Optimized } from '#studio/workshop.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import { writeModel } from '#studio/write.ts';

export interface DataTrialModel {
  readonly name: string;
  /** Below the test data. */
  readonly model: string;
  readonly data: string;
  /** What the guesses do not know. */
  readonly settings?: Partial<DataSettings>;
  /** Most points of top-1 that int8 static may lose on the evaluation part; absent: the data has no labels. */
  readonly mostPointsLost?: number;
  /** Samples that ranges are measured on; absent: 100. */
  readonly calibration?: number;
  /** Splits over which the loss is averaged, where one alone is too small to tell; absent: one. */
  readonly splits?: number;
}

export const DATA_TRIALS: readonly DataTrialModel[] = [
  {
    name: 'Keyword spotting DS-CNN',
    model: 'models/mlperf_tiny_kws/kws_from_savedmodel.onnx',
    data: 'data/kws01',
    // The features are the int8 input of the source's own quantized model: x = (q - 83) * 0.5847029.
    settings: { mean: 83, std: 1 / 0.5847029 },
    mostPointsLost: 0.3,
  },
  {
    name: 'ResNet-8',
    model: 'models/mlperf_tiny_resnet8/resnet8_from_tflite.onnx',
    data: 'data/caltech101_cifar6',
    settings: { image: imageSettings.parse({ fit: 'stretch' }), labels: { column: 'class_index', offset: 0 } },
    mostPointsLost: 1,
    // There are 178 pictures: one of the 138 that are left is 0.72 points.
    calibration: 40,
    splits: 5,
  },
  {
    name: 'MobileNet v1 0.25',
    model: 'models/mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx',
    data: 'data/caltech101_imagenet',
    settings: { labels: { column: 'imagenet_index_accepted', offset: 1 } },
    mostPointsLost: 1,
  },
  { name: 'MNIST CNN', model: 'models/mnist/mnist.onnx', data: 'data/mnist_2000', mostPointsLost: 0.2 },
  { name: 'Magika v1', model: 'models/magika_v1/model.onnx', data: 'data/magika_v1_files' },
  { name: 'UltraFace RFB-320', model: 'models/ultraface/version-RFB-320.onnx', data: 'data/caltech101_faces' },
  { name: 'YOLOX-Nano', model: 'models/yolox_nano/yolox_nano.onnx', data: 'data/caltech101_faces' },
  { name: 'Silero VAD', model: 'models/silero_vad/silero_vad_16k_op15.onnx', data: 'data/speech_16k' },
  { name: 'DTLN stage 1', model: 'models/dtln/model_1.onnx', data: 'data/speech_16k' },
  { name: 'DTLN stage 2', model: 'models/dtln/model_2.onnx', data: 'data/speech_16k' },
  { name: 'Basic Pitch', model: 'models/basic_pitch/nmp.onnx', data: 'data/vocadito' },
];

export interface DataTrial {
  readonly open: OpenModel;
  readonly optimized: Optimized;
  readonly evaluation: Evaluation;
  readonly lint: Lint;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

export interface DataTrialWish {
  readonly preset?: string;
  readonly latencyRuns?: number;
  /** Seed of the split; absent: 1. */
  readonly seed?: number;
}

export async function tryOnData(trial: DataTrialModel, wish: DataTrialWish = {}): Promise<DataTrial> {
  const recipe = findPreset(wish.preset ?? 'int8-static')?.recipe;
  if (recipe === undefined) throw new Error(`there is no preset ${wish.preset ?? ''}`);
  const open = await openPath(testdata(trial.model));
  const dataset = await openData(dataFiles(testdata(trial.data)), { decode: decodePicture });
  const split = { calibration: trial.calibration ?? 100, seed: wish.seed ?? 1 };
  const settings = dataSettings.parse({ ...fitTo(open, dataset).settings, ...trial.settings, split });
  const data = await prepareData(open, dataset, settings);
  const backend = await openBackendForNode();
  try {
    const evidence = createEvidence({ samples: data.calibration, openRuntime: hostOnnxruntimeNode });
    const optimized = await optimizeModel(open, recipe, { backend, evidence });
    const files = await writeModel(optimized);
    const pair = { before: await runnableOf(await originalFiles(open)), after: await runnableOf(files) };
    const evaluation = await evaluatePair(
      pair,
      { samples: data.evaluation, classNames: dataset.info.classNames, latencyRuns: wish.latencyRuns ?? 0 },
      { runtime: await openOnnxruntimeNode() },
    );
    const lint = await lintOf(optimized, { provider: 'cpu', arch: 'x64' });
    const bytesAfter = files.reduce((sum, file) => sum + file.sizeBytes, 0);
    return { open, optimized, evaluation, lint, bytesBefore: open.fileBytes, bytesAfter };
  } finally {
    backend.close();
  }
}
