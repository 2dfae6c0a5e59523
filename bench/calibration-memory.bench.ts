/**
 * Memory and time of calibration in the command line's process: every value of MobileNet v1 0.25 is observed on 100 and on
 * 1000 samples, each in a process of its own, in turn.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { testdata } from '#base/testing/testdata-place.ts';
import { quantile } from '#measure/evaluation/statistics.ts';
import type { CalibrationFigures } from './calibration/calibrate-once.ts';
import type { BenchRow } from './row.ts';

const ROUNDS = 3;
const FEW = 100;
const MANY = 1000;
const NAME = `calibrate: peak memory at ${MANY} samples / at ${FEW}`;
const LIMIT = { atMost: 1.1 };

export async function run(): Promise<readonly BenchRow[]> {
  const model = testdata('models/mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx');
  if (!existsSync(model)) {
    return [
      { name: NAME, value: null, unit: 'x', limit: LIMIT, method: 'not measured: the shared test data is not here' },
    ];
  }
  const few: CalibrationFigures[] = [];
  const many: CalibrationFigures[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    few.push(calibrate(model, FEW));
    many.push(calibrate(model, MANY));
  }
  const [one] = few;
  if (one === undefined) throw new Error('nothing was measured');
  const what = `mobilenet_v1_025 at 224 x 224, ${one.values} values of ${(one.elements / 1e6).toFixed(2)} M elements a sample, onnxruntime-node, 1 thread, a process each, ${ROUNDS} rounds in turn`;
  const peak = (of: readonly CalibrationFigures[]): number =>
    quantile(
      of.map((each) => each.peakBytes),
      0.5,
    );
  const settled = (of: readonly CalibrationFigures[]): number =>
    quantile(
      of.map((each) => each.medianBytes),
      0.5,
    );
  return [
    {
      name: NAME,
      value: peak(many) / peak(few),
      unit: 'x',
      limit: LIMIT,
      method: `${what}; peak resident size, medians`,
    },
    {
      name: `calibrate: resident memory at ${MANY} samples / at ${FEW}`,
      value: settled(many) / settled(few),
      unit: 'x',
      limit: LIMIT,
      method: `${what}; median over the samples`,
    },
    { name: `calibrate: peak memory at ${FEW} samples`, value: peak(few) / 1e6, unit: 'MB', method: what },
    {
      name: `calibrate: ${FEW} samples`,
      value: Math.min(...few.map((each) => each.seconds)),
      unit: 's',
      method: `${what}; making the seeded samples and inference included, start of the process not; best`,
    },
  ];
}

function calibrate(model: string, samples: number): CalibrationFigures {
  const script = fileURLToPath(new URL('calibration/calibrate-once.ts', import.meta.url));
  const text = execFileSync(process.execPath, ['--import', 'tsx', script, model, String(samples)], {
    encoding: 'utf8',
  });
  return JSON.parse(text) as CalibrationFigures;
}
