/**
 * Calibrates MobileNet v1 0.25 on seeded samples in a process of its own, for figures of memory and time. Prints them as
 * JSON: `tsx calibrate-once.ts MODEL SAMPLES`.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { seededRandom } from '#base/random.ts';
import { memorySource } from '#base/sources.ts';
import type { Samples } from '#data/samples.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import { createEvidence } from '#measure/calibration/evidence-source.ts';
import { canBeShown } from '#measure/calibration/expose.ts';
import { inferShapes } from '#ops/infer.ts';
import { openOnnxruntimeNode } from '#runtimes/onnxruntime/node.ts';

const [path, count] = process.argv.slice(2);
if (path === undefined || count === undefined) throw new Error('Wanted: a model and a number of samples.');

export interface CalibrationFigures {
  readonly seconds: number;
  /** Largest and median resident size at the start of the samples. */
  readonly peakBytes: number;
  readonly medianBytes: number;
  readonly values: number;
  /** Elements of one sample. */
  readonly elements: number;
}

/** New arrays at each read, as a reader of files gives them. */
function seededSamples(length: number): Samples {
  const shape = [1, 3, 224, 224];
  return {
    length,
    description: `${length} seeded samples`,
    fingerprint: `seeded-${length}`,
    carry: new Map(),
    async read(index) {
      const random = seededRandom(index + 1);
      const data = Float32Array.from({ length: 3 * 224 * 224 }, () => 2 * random.uniform() - 1);
      return { name: `sample ${index}`, feeds: new Map([['input', { dtype: 'f32', shape, data }]]), classes: null };
    },
  };
}

const store = createWeightStore();
const main = basename(path);
const files = new Map([[main, memorySource(main, new Uint8Array(readFileSync(path)))]]);
const { model } = await onnx.read({ files, main }, store);
const typed = await inferShapes(model, store);
const values = [...typed.graph.values.keys()].filter((id) => canBeShown(typed, id));
const runtime = await openOnnxruntimeNode();
const sizes: number[] = [];
const samples = seededSamples(Number(count));
const source = createEvidence({ samples, openRuntime: async () => ({ runtime, end: () => {} }) });
const started = performance.now();
const statistics = await source.statisticsOf(typed, store, values, {
  onProgress: () => sizes.push(process.memoryUsage.rss()),
});
const seconds = (performance.now() - started) / 1e3;
const elements = [...statistics.values()].reduce((sum, seen) => sum + seen.count, 0) / samples.length;
const sorted = sizes.toSorted((a, b) => a - b);
const figures: CalibrationFigures = {
  seconds,
  peakBytes: process.resourceUsage().maxRSS * 1024,
  medianBytes: sorted[Math.floor(sorted.length / 2)] ?? NaN,
  values: statistics.size,
  elements,
};
console.log(JSON.stringify(figures));
