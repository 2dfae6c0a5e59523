/** For tests: what onnxruntime-node makes of a model when it loads it, read back from the optimized model that it saves. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession } from 'onnxruntime-node';
import { memorySource } from '#base/sources.ts';
import { onnx } from '#formats/onnx/onnx.ts';
import type { Model } from '#ir/model.ts';
import { createWeightStore } from '#ir/weight-store.ts';
import type { WeightStore } from '#ir/weights.ts';
import { inferShapes } from '#ops/infer.ts';

export interface Optimized {
  readonly model: Model;
  readonly store: WeightStore;
}

/** `extended` leaves out what only changes the layout of memory. */
export async function optimizedModel(
  bytes: Uint8Array,
  level: 'extended' | 'all' = 'extended',
  session: Readonly<Record<string, string>> = {},
): Promise<Optimized> {
  const folder = mkdtempSync(join(tmpdir(), 'pare-optimized-'));
  const path = join(folder, 'optimized.onnx');
  try {
    const loaded = await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: 1,
      graphOptimizationLevel: level,
      optimizedModelFilePath: path,
      logSeverityLevel: 4,
      extra: { session: { qdq_matmulnbits_accuracy_level: '0', ...session } },
    });
    await loaded.release();
    const store = createWeightStore();
    const files = new Map([['optimized.onnx', memorySource('optimized.onnx', new Uint8Array(readFileSync(path)))]]);
    const { model } = await onnx.read({ files, main: 'optimized.onnx' }, store);
    return { model: await inferShapes(model, store), store };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
