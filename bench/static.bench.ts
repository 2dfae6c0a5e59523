/**
 * Static int8 on real data: latency against float in onnxruntime-node, interleaved in one process, and the points of top-1 that
 * are lost on samples that ranges were not measured on.
 */
import { hasTestdata } from '#base/testing/testdata-place.ts';
import { DATA_TRIALS, tryOnData } from '#cli/testing/data-trials.ts';
import type { BenchRow } from './row.ts';

const RUNS = 200;
/** Networks of convolutions: these must not become slower. */
const CONVOLUTIONAL = ['ResNet-8', 'MobileNet v1 0.25', 'UltraFace RFB-320', 'YOLOX-Nano', 'Keyword spotting DS-CNN'];

export async function run(): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  for (const trial of DATA_TRIALS) {
    const name = `int8 static, ${trial.name}`;
    const limit = CONVOLUTIONAL.includes(trial.name) ? { limit: { atMost: 1 } } : {};
    if (!hasTestdata) {
      rows.push({
        name: `${name}: latency / float`,
        value: null,
        unit: 'x',
        ...limit,
        method: 'not measured: no test data',
      });
      continue;
    }
    const lost: number[] = [];
    for (let seed = 1; seed <= (trial.splits ?? 1); seed += 1) {
      const { evaluation } = await tryOnData(trial, { seed, latencyRuns: seed === 1 ? RUNS : 0 });
      if (evaluation.paired !== null) lost.push(-evaluation.paired.differencePoints);
      const { latency } = evaluation;
      if (latency === null) continue;
      const spread =
        latency.ratio === null ? '' : `, quartiles ${latency.ratio.low.toFixed(2)} to ${latency.ratio.high.toFixed(2)}`;
      rows.push({
        name: `${name}: latency / float`,
        value: latency.ratio?.median ?? null,
        unit: 'x',
        ...limit,
        method: `median of neighbouring runs${spread}; float ${latency.before.medianMs.toPrecision(3)} ms; ${latency.method}`,
      });
    }
    if (trial.mostPointsLost === undefined || lost.length === 0) continue;
    rows.push({
      name: `${name}: top-1 lost`,
      value: lost.reduce((sum, points) => sum + points, 0) / lost.length,
      unit: 'points',
      limit: { atMost: trial.mostPointsLost },
      method: `on samples that were not calibrated on; by split: ${lost.map((points) => points.toFixed(2)).join(', ')}`,
    });
  }
  return rows;
}
