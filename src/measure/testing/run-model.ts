/** For tests: writes models in memory, runs them in onnxruntime, and makes the float twin of a quantized model. */
import { writeOnnx } from '#formats/onnx/write.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { compareSessions } from '#measure/compare.ts';
import { dequantized } from '#measure/dequantize.ts';
import type { OutputFigures } from '#measure/output-meter.ts';
import { randomFeeds } from '#measure/random-inputs.ts';
import { runnableOf } from '#runtimes/runnable.ts';
import type { RunnableModel, Runtime } from '#runtimes/runtime.ts';

export async function runnable(model: Model, store: WeightStore, name = 'test.onnx'): Promise<RunnableModel> {
  return { ...(await runnableOf(await writeOnnx(model, store, { path: name }))), name };
}

/** Runs both models on the same seeded inputs and tells how far their outputs are apart. */
export async function outputErrors(
  runtime: Runtime,
  before: RunnableModel,
  after: RunnableModel,
  dims?: ReadonlyMap<string, number>,
): Promise<readonly OutputFigures[]> {
  const original = await runtime.load(before);
  const result = await runtime.load(after);
  try {
    const { feeds } = randomFeeds(original.inputs, { runs: 1, seed: 5, dims });
    return (await compareSessions(original, result, feeds)).outputs;
  } finally {
    await original.close();
    await result.close();
  }
}

/** The model with every quantized constant replaced by the float values that it stands for. */
export async function floatTwin(model: Model, store: WeightStore): Promise<Model> {
  const edit = openEditor(model);
  for (const { id, constant, quantization } of allValues(model.graph).values()) {
    if (constant === undefined || quantization === undefined) continue;
    const floats = await dequantized(constant, quantization, store);
    edit.setConstant(id, store.put('f32', constant.shape, new Uint8Array(floats.buffer)), undefined, 'f32');
  }
  return edit.finish();
}
