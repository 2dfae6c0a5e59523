/**
 * Made-up answers of the jobs about data, the same every time: a keyword-like set of labelled features, a folder of pictures
 * or a recording, depending on what is dropped. For development by `fixture.html` and tests of the page alone.
 */
import { dataSettings } from '#data/settings.ts';
import type {
  ActivationHistogram,
  ActivationView,
  DataSettings,
  DataSummary,
  DroppedFile,
  Evaluation,
  LatencyPair,
  LayerErrors,
  Lint,
  ModelEvaluation,
  ModelSummary,
  Noise,
  Proportion,
  Recipe,
  SamplePicture,
  SampleView,
} from '#studio/jobs.ts';

const NAMES = ['down', 'go', 'left', 'no', 'off', 'on', 'right', 'stop', 'up', 'yes', 'silence', 'unknown'];

/** Repeats: a number from 0 to 1 for each pair of numbers. */
function noise(a: number, b: number = 0): number {
  const x = Math.sin(a * 12.9898 + b * 78.233) * 43758.5453;
  return x - Math.floor(x);
}

const open = new Map<string, DataSummary>();

export function openData(files: readonly DroppedFile[], given: DataSettings | undefined): DataSummary {
  const paths = files.map((file) => file.path.toLowerCase());
  const kind = paths.some((path) => /\.(png|jpe?g|webp)$/.test(path))
    ? 'images'
    : paths.some((path) => path.endsWith('.wav'))
      ? 'audio'
      : 'arrays';
  const labelled = kind === 'images' || paths.some((path) => /label|\.csv$/.test(path));
  const items = kind === 'images' ? 392 : kind === 'audio' ? 12 : 1000;
  const first = files[0]?.path.split('/')[0] ?? 'data';
  const summary: DataSummary = {
    id: `made-up-${kind}-${labelled}`,
    name: first,
    kind,
    items,
    label: {
      images: '392 pictures in 12 class folders',
      audio: '12 recordings, 16 kHz, 41 s',
      arrays: '1000 rows of 49 x 10, int8',
    }[kind],
    labelColumns: kind === 'images' ? ['imagenet_index_accepted', 'darknet_index_accepted'] : [],
    classNames: labelled ? NAMES : null,
    labelled: labelled ? items : 0,
    notices:
      kind === 'images'
        ? [
            {
              level: 'warning',
              code: 'data/unreadable',
              text: 'The picture ends before its last row; it is left out.',
              at: 'cats/broken.jpg',
            },
          ]
        : [],
    settings: dataSettings.parse({}),
    samples: items,
    calibration: 0,
    evaluation: 0,
    guesses:
      kind === 'arrays'
        ? [
            'Rows of 49 x 10 become 1 x 49 x 10 x 1, as the model has it.',
            'Values are bytes: unless they are scaled, the model sees -128 to 127.',
          ]
        : ['224 x 224 from the input of the model.', 'RGB, since no metadata says otherwise.'],
    problem: null,
  };
  open.set(summary.id, summary);
  return fit(summary.id, given ?? guess(kind));
}

function guess(kind: DataSummary['kind']): DataSettings {
  if (kind === 'images')
    return dataSettings.parse({ layout: 'nchw', image: {}, mean: [123.7, 116.3, 103.5], std: [58.4, 57.1, 57.4] });
  return dataSettings.parse(
    kind === 'audio' ? { audio: { feature: 'log-mel' }, constants: { sr: 16000 }, carry: { state: 'stateN' } } : {},
  );
}

export function fit(dataId: string, given: DataSettings): DataSummary {
  const known = open.get(dataId);
  if (known === undefined) throw new Error('This data is not open any more. Drop it again.');
  const settings = dataSettings.parse(given);
  const samples = known.kind === 'audio' ? known.items * 40 : known.items;
  const calibration = Math.min(settings.split.calibration, samples);
  const evaluation = samples - calibration;
  return {
    ...known,
    settings,
    samples,
    calibration,
    evaluation,
    problem:
      evaluation === 0
        ? `All ${samples} samples calibrate, and none is left to evaluate on. Calibrate on fewer.`
        : null,
  };
}

export function viewSample(dataId: string, index: number, settings: DataSettings): SampleView {
  const known = open.get(dataId)?.kind;
  const kind = known === 'images' || known === 'audio' ? known : 'arrays';
  const mean = Array.isArray(settings.mean) ? (settings.mean[0] ?? 0) : settings.mean;
  const std = Array.isArray(settings.std) ? (settings.std[0] ?? 1) : settings.std;
  const raw = kind === 'images' ? [0, 255, 118, 62] : [-128, 127, 12, 40];
  const [min = 0, max = 0, middle = 0, deviation = 0] = raw;
  return {
    name: {
      images: `cats/image_${String(index).padStart(4, '0')}.jpg`,
      audio: `7_theo_${index}.wav at 1.25 s`,
      arrays: `row ${index}`,
    }[kind],
    labelText: (open.get(dataId)?.labelled ?? 0) > 0 ? `${index % 12}: ${NAMES[index % 12]}` : null,
    original: kind === 'images' ? picture(320, 240, index) : kind === 'audio' ? wave(index) : null,
    inputs: [
      {
        name: 'input',
        dtype: 'f32',
        shape: kind === 'images' ? [1, 3, 224, 224] : [1, 49, 10, 1],
        min: (min - mean) / std,
        max: (max - mean) / std,
        mean: (middle - mean) / std,
        deviation: deviation / std,
        picture: kind === 'images' ? picture(224, 224, index) : heat(index),
      },
    ],
  };
}

function picture(width: number, height: number, seed: number): SamplePicture {
  const data = new Uint8ClampedArray(width * height * 4);
  for (let y = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const round = Math.hypot(x / width - 0.5, y / height - 0.5) < 0.3 ? 90 : 0;
      data.set(
        [60 + (x / width) * 150 + round, 90 + (y / height) * 110, 60 + noise(seed) * 150, 255],
        4 * (y * width + x),
      );
    }
  }
  return { kind: 'picture', picture: { width, height, data } };
}

function heat(seed: number): SamplePicture {
  const values = Float32Array.from({ length: 490 }, (_one, at) => Math.sin(at / 30 + seed) + noise(at, seed) * 0.6);
  return { kind: 'heat', width: 49, height: 10, values };
}

function wave(seed: number): SamplePicture {
  const height = (at: number) => 0.75 * Math.abs(Math.sin(at / 37 + seed)) * noise(at, seed);
  const high = Float32Array.from({ length: 400 }, (_one, at) => height(at));
  return { kind: 'wave', low: high.map((value) => -value * 0.9), high, seconds: 3.4 };
}

function proportion(share: number, of: number): Proportion {
  const hits = Math.round(share * of);
  const z = 1.96;
  const p = hits / of;
  const middle = (p + (z * z) / (2 * of)) / (1 + (z * z) / of);
  const half = (z * Math.sqrt((p * (1 - p)) / of + (z * z) / (4 * of * of))) / (1 + (z * z) / of);
  return { hits, of, share: p, low: middle - half, high: middle + half };
}

function one(share: number, of: number, labelled: boolean): ModelEvaluation {
  const each = Math.floor(of / NAMES.length);
  const confusion = NAMES.map((_label, row) =>
    NAMES.map((_guess, column) =>
      row === column
        ? Math.round(each * (share - 0.05 + 0.1 * noise(row)))
        : Math.round(each * (1 - share) * noise(row, column) * 0.16),
    ),
  );
  return {
    samples: of,
    classification: labelled
      ? {
          output: 'scores',
          classes: NAMES.length,
          top1: proportion(share, of),
          top5: proportion(Math.min(0.995, share + 0.07), of),
          rows: NAMES.map((name, index) => ({
            index,
            name,
            samples: each,
            recall: proportion((confusion[index]?.[index] ?? 0) / each, each),
            predicted: each,
            precision: proportion(share - 0.04 + 0.08 * noise(index, 3), each),
          })),
          confusion,
        }
      : null,
    golden: [],
    peakBytes: null,
    peakMethod: 'the browser does not tell the memory of a worker',
  };
}

/** Grows with what a recipe does, so that variants differ. */
function harm(recipe: Recipe): number {
  const excluded = Object.values(recipe.layers ?? {}).filter((layer) => layer.exclude === true).length;
  return (
    recipe.steps.reduce((sum, step) => {
      const bits = Number(step.options?.['bits'] ?? 8);
      return sum + (step.pass.startsWith('quantize') ? (step.pass.endsWith('static') ? 0.012 : 0.4 / bits ** 2) : 0);
    }, 0) /
    (1 + excluded * 0.4)
  );
}

export function evaluate(dataId: string, settings: DataSettings, recipe: Recipe | null): Evaluation {
  const summary = fit(dataId, settings);
  const labelled = summary.labelled > 0;
  const of = summary.evaluation;
  const lost = recipe === null ? 0 : harm(recipe);
  const before = one(0.917, of, labelled);
  const after = recipe === null ? null : one(0.917 - lost, of, labelled);
  const onlyBefore = Math.round(of * (lost + 0.003));
  const onlyAfter = Math.round(of * 0.003);
  return {
    before,
    after,
    agreement:
      recipe === null
        ? []
        : [
            {
              name: 'scores',
              sqnrDb: 34 - lost * 300,
              cosine: 0.9991 - lost / 50,
              maxAbs: 0.11,
              mse: 0.0004,
              top1: proportion(0.994 - lost, of),
              threshold: null,
              klNats: 0.0021 + lost / 10,
            },
          ],
    paired:
      recipe === null || !labelled
        ? null
        : {
            bothRight: Math.round(of * 0.9),
            onlyBefore,
            onlyAfter,
            bothWrong: of - Math.round(of * 0.9) - onlyBefore - onlyAfter,
            pValue: lost > 0.015 ? 0.004 : 0.23,
            differencePoints: (-100 * (onlyBefore - onlyAfter)) / of,
            lowPoints: -100 * lost - 0.9,
            highPoints: -100 * lost + 0.8,
          },
    latency: latency(recipe),
    failures: [],
    data: `${of} of ${summary.samples} samples of ${summary.name} (seed ${settings.split.seed}, stratified)`,
    runtime: 'onnxruntime-web 1.30 (wasm, 1 thread)',
    notices: [],
  };
}

export function latency(recipe: Recipe | null): LatencyPair {
  const integers = recipe?.steps.some((step) => step.pass === 'quantize/static') === true;
  return {
    before: { medianMs: 4.21, lowMs: 4.12, highMs: 4.43, minMs: 4.05, runs: 100 },
    after:
      recipe === null
        ? null
        : integers
          ? { medianMs: 2.63, lowMs: 2.58, highMs: 2.77, minMs: 2.5, runs: 100 }
          : { medianMs: 4.31, lowMs: 4.18, highMs: 4.6, minMs: 4.1, runs: 100 },
    ratio:
      recipe === null
        ? null
        : integers
          ? { median: 0.62, low: 0.6, high: 0.66 }
          : { median: 1.02, low: 0.97, high: 1.09 },
    warmUp: 5,
    method: 'interleaved, 5 warm-up runs, one input, 1 thread',
  };
}

const db = (sqnrDb: number): Noise => ({ sqnrDb, mse: 10 ** (-sqnrDb / 10) });

export function layerErrors(
  of: ModelSummary,
  recipe: Recipe,
  dataId: string,
  settings: DataSettings,
  samples: number,
): LayerErrors {
  return {
    layers: of.layers
      .filter((layer) => recipe.layers?.[layer.name]?.exclude !== true)
      .slice(0, 400)
      .map((layer, at) => {
        const raised = recipe.layers?.[layer.name]?.options !== undefined ? 20 : 0;
        const alone = 38 - 16 * noise(at) + raised;
        const weighted = layer.parameters > 0;
        return {
          layer: layer.name,
          op: layer.op,
          output: `${layer.name}:0`,
          cumulative: at % 17 === 5 ? null : db(Math.min(alone, 33 - at * 0.2)),
          alone: db(alone),
          weightRounding: weighted ? db(alone + 3 + 4 * noise(at, 2)) : null,
          activationClipping: noise(at, 4) < 0.3 ? null : db(alone + 2 + 14 * noise(at, 5)),
          activationRounding: db(alone + 4 + 6 * noise(at, 6)),
        };
      }),
    samples,
    data: fit(dataId, settings).name,
    method: 'outputs of all layers in float and in the result, same inputs, double accumulation',
    notices: [],
  };
}

export function activations(of: ModelSummary, recipe: Recipe): readonly ActivationView[] {
  return of.layers.slice(0, 200).map((layer, at) => {
    const positive = layer.op === 'Clip';
    const max = 2 + 9 * noise(at, 8);
    const min = positive ? 0 : -max * (0.4 + 0.5 * noise(at, 9));
    const clips = noise(at, 7) < 0.5;
    const low = clips && !positive ? min * 0.7 : min;
    const high = clips ? max * 0.62 : max;
    const left = recipe.layers?.[layer.name]?.exclude === true;
    return {
      value: `${layer.name}:0`,
      layer: layer.name,
      op: layer.op,
      min,
      max,
      low,
      high,
      clipped: clips ? 0.0004 + 0.004 * noise(at, 2) : 0,
      scale: left ? null : (high - low) / 255,
      zeroPoint: left ? null : Math.round((-low / (high - low)) * 255),
      levels: left ? null : 'uint8',
    };
  });
}

export function activationHistogram(view: ActivationView, bins: number): ActivationHistogram {
  const width = view.max - view.min;
  const counts = Array.from({ length: bins }, (_one, at) => {
    const x = view.min + ((at + 0.5) / bins) * width;
    return (
      Math.round(90_000 * Math.exp(-Math.abs(x) * 1.6) + 30 * noise(at)) + (Math.abs(x) < width / bins ? 400_000 : 0)
    );
  });
  return {
    ...view,
    counts,
    from: view.min,
    to: view.max,
    count: counts.reduce((sum, count) => sum + count, 0),
    choices: [
      { method: 'minmax', low: view.min, high: view.max },
      { method: 'moving-average', low: view.min * 0.93, high: view.max * 0.9 },
      { method: 'percentile', low: view.min * 0.7, high: view.max * 0.62 },
      { method: 'entropy', low: view.min * 0.62, high: view.max * 0.57 },
      { method: 'mse', low: view.min * 0.8, high: view.max * 0.74 },
    ],
  };
}

export function lint(of: ModelSummary, recipe: Recipe): Lint {
  const integers = recipe.steps.some((step) => step.pass === 'quantize/static');
  return {
    rows: of.layers.slice(0, 400).map((layer, at) => {
      const excluded = recipe.layers?.[layer.name]?.exclude === true;
      if (layer.op === 'Clip') {
        return {
          layer: layer.name,
          op: layer.op,
          runs: 'passes-through',
          reason: 'Folded into the range of the layer before it.',
          kernel: 'none',
        };
      }
      return integers && !excluded && at % 13 !== 4
        ? { layer: layer.name, op: layer.op, runs: 'integer', reason: null, kernel: 'QLinearConv' }
        : {
            layer: layer.name,
            op: layer.op,
            runs: 'float',
            reason: excluded
              ? 'The recipe excludes this layer.'
              : integers
                ? 'Its output has no grid of its own: the next layer stays in float. Quantize the next layer to change that.'
                : 'Only its weights are integers; the runtime turns them into floats. quantize/static would change that.',
            kernel: 'Conv (float)',
          };
    }),
    target: 'onnxruntime 1.30, CPU, x64',
    notices: [],
  };
}
