/** For tests: writes models in memory, runs them in onnxruntime, and makes the float twin of a quantized model. */
import { joinChunks } from '#base/bytes.ts';
import { countOf } from '#base/dtype.ts';
import { writeOnnx } from '#formats/onnx/write.ts';
import { openEditor } from '#ir/open-editor.ts';
import type { Model, Tensor } from '#ir/model.ts';
import { allValues } from '#ir/walk.ts';
import type { WeightStore } from '#ir/weights.ts';
import { compareSessions } from '#measure/compare.ts';
import type { OutputFigures } from '#measure/output-meter.ts';
import { randomFeeds } from '#measure/random-inputs.ts';
import { unpackLevels } from '#passes/quantize/pack.ts';
import type { RunnableModel, Runtime } from '#runtimes/runtime.ts';

export async function runnable(model: Model, store: WeightStore, name = 'test.onnx'): Promise<RunnableModel> {
  const [main, ...external] = await writeOnnx(model, store, { path: name });
  if (main === undefined) throw new Error('nothing was written');
  const externalData = await Promise.all(
    external.map(async (file) => ({ path: file.path, data: await joinChunks(file.chunks) })),
  );
  return { name, model: await joinChunks(main.chunks), ...(externalData.length > 0 ? { externalData } : {}) };
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
    const { scale, zeroPoint, axis, block } = quantization;
    const count = countOf(constant.shape);
    const levels = await levelsOf(constant, store);
    const scales = new Float32Array(new Uint8Array(await store.read(scale)).buffer);
    const zeros = zeroPoint === undefined ? undefined : await levelsOf(zeroPoint, store);
    const inner = axis === undefined ? count : countOf(constant.shape.slice(axis + 1));
    const size = axis === undefined ? 1 : constant.shape[axis]!;
    const blocks = block === undefined ? size : Math.ceil(size / block);
    const floats = new Float32Array(count);
    for (let i = 0; i < count; i++) {
      const along = Math.floor(i / inner) % size;
      const outer = Math.floor(i / (inner * size));
      const blocked = (outer * blocks + Math.floor(along / (block ?? 1))) * inner + (i % inner);
      const at = axis === undefined ? 0 : block === undefined ? along : blocked;
      floats[i] = scales[at]! * (levels[i]! - (zeros?.[at] ?? 0));
    }
    edit.setConstant(id, store.put('f32', constant.shape, new Uint8Array(floats.buffer)), undefined, 'f32');
  }
  return edit.finish();
}

async function levelsOf(tensor: Tensor, store: WeightStore): Promise<ArrayLike<number>> {
  const bytes = new Uint8Array(await store.read(tensor));
  switch (tensor.dtype) {
    case 'i8':
      return new Int8Array(bytes.buffer);
    case 'u8':
      return bytes;
    case 'i16':
      return new Int16Array(bytes.buffer);
    case 'u16':
      return new Uint16Array(bytes.buffer);
    case 'i4':
    case 'u4':
      return unpackLevels(bytes, 4, tensor.dtype === 'i4', countOf(tensor.shape));
    case 'i2':
    case 'u2':
      return unpackLevels(bytes, 2, tensor.dtype === 'i2', countOf(tensor.shape));
    default:
      throw new Error(`levels of type ${tensor.dtype}`);
  }
}
