/** What is written again is what was read: by a walk over the protobuf, and by what onnxruntime computes from it. */
import { onnx } from './onnx.ts';
import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { expect, it } from 'vitest';
import { isRange, joinChunks } from '#base/bytes.ts';
import { blobSource, memorySource } from '#base/sources.ts';
import type { ByteSource, OutputFile } from '#base/bytes.ts';
import { describeWithTestdata, testdata } from '#base/testing/testdata.ts';
import { openFiles } from '#formats/index.ts';
import { printModel } from '#ir/print.ts';
import { seededRandom } from '#base/random.ts';
import { canonicalModel } from './testing/canonical.ts';

/** Shapes of inputs whose symbolic sizes may not all be 1. */
type Shapes = Readonly<Record<string, readonly number[]>>;

const MODELS: readonly {
  readonly path: string;
  readonly data?: string;
  readonly runs?: boolean;
  readonly shapes?: Shapes;
}[] = [
  { path: 'models/basic_pitch/nmp.onnx', runs: true },
  { path: 'models/cct_transformer_opset20/network.onnx', runs: true },
  { path: 'models/dtln/model_1.onnx', runs: true },
  { path: 'models/dtln/model_2.onnx', runs: true },
  { path: 'models/magika_v1/model.onnx', runs: true },
  { path: 'models/mlperf_tiny_kws/kws_from_savedmodel.onnx', runs: true },
  { path: 'models/mlperf_tiny_resnet8/resnet8_from_tflite.onnx', runs: true },
  { path: 'models/mnist/mnist.onnx', runs: true },
  { path: 'models/mobilenet_v1_025_224/external_data/model.onnx', data: 'model.onnx.data', runs: true },
  { path: 'models/mobilenet_v1_025_224/mobilenet_v1_0.25_224_from_tflite.onnx', runs: true },
  { path: 'models/onnx_light/light_densenet121.onnx' },
  { path: 'models/onnx_light/light_inception_v2.onnx' },
  { path: 'models/onnx_light/light_resnet50.onnx' },
  { path: 'models/onnx_light/light_shufflenet.onnx' },
  { path: 'models/onnx_light/light_squeezenet.onnx', runs: true },
  { path: 'models/silero_vad/silero_vad_16k_op15.onnx', runs: true, shapes: { input: [1, 576], state: [2, 1, 128] } },
  { path: 'models/tiny_random_gpt2/past.onnx' },
  { path: 'models/ultraface/version-RFB-320.onnx', runs: true },
  { path: 'models/yolox_nano/yolox_nano.onnx', runs: true },
];

function filesOf({ path, data }: { readonly path: string; readonly data?: string }): Map<string, ByteSource> {
  const full = testdata(path);
  const names = [basename(full), ...(data === undefined ? [] : [data])];
  return new Map(names.map((name) => [name, memorySource(name, readFileSync(`${dirname(full)}/${name}`))]));
}

async function inMemory(outputs: readonly OutputFile[]): Promise<Map<string, ByteSource>> {
  const files = new Map<string, ByteSource>();
  for (const { path, chunks } of outputs) files.set(path, memorySource(path, await joinChunks(chunks)));
  return files;
}

describeWithTestdata('ONNX round trip of real models', () => {
  it.each(MODELS)('loses nothing of $path', async (entry) => {
    const files = filesOf(entry);
    const [main] = files.keys();
    const opened = await openFiles(files);
    const written = await onnx.write(opened.model, opened.store);
    expect(written.map((file) => file.path)).toEqual([...files.keys()]);
    const again = await inMemory(written);
    const before = files.get(main ?? '');
    const after = again.get(main ?? '');
    if (before === undefined || after === undefined) throw new Error('no model was written');
    expect(await canonicalModel(after, again)).toEqual(await canonicalModel(before, files));
    // And what was written reads as the same model.
    const reopened = await openFiles(again);
    expect(printModel(reopened.model)).toEqual(printModel(opened.model));
  });

  it.each(MODELS)('reads the same from a dropped file, of $path', async (entry) => {
    const files = filesOf(entry);
    const blobs = new Map(
      [...files].map(([path, { bytes }]) => [path, blobSource(path, new Blob([new Uint8Array(bytes ?? [])]))]),
    );
    const { model, store } = await openFiles(blobs);
    const memory = await openFiles(files);
    expect(printModel(model)).toEqual(printModel(memory.model));
    for (const value of model.graph.values.values()) {
      const other = memory.model.graph.values.get(value.id)?.constant;
      if (value.constant === undefined || other === undefined) continue;
      expect(Buffer.compare(await store.read(value.constant), await memory.store.read(other))).toBe(0);
    }
  });

  it.each(MODELS.filter((entry) => entry.runs))('computes the same bits with $path', async (entry) => {
    const files = filesOf(entry);
    const opened = await openFiles(files);
    const again = await inMemory(await onnx.write(opened.model, opened.store));
    expect(await compute(again, entry.shapes)).toEqual(await compute(files, entry.shapes));
  });

  it.each(MODELS)('makes a model that holds nothing of the file, of $path', async (entry) => {
    const { model } = await openFiles(filesOf(entry));
    // Posting a view would copy all of the buffer under it.
    for (const bytes of bytesIn(model)) expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
  });

  it('copies no weights of an untouched model', async () => {
    const { model, store } = await openFiles(filesOf({ path: 'models/yolox_nano/yolox_nano.onnx' }));
    const [file] = await onnx.write(model, store);
    const ranges = (file?.chunks ?? []).filter(isRange);
    const made = (file?.sizeBytes ?? 0) - ranges.reduce((size, range) => size + range.length, 0);
    expect(made).toBeLessThan(100_000);
  });
});

/** Outputs of onnxruntime on seeded inputs, as raw bytes by name. */
async function compute(files: ReadonlyMap<string, ByteSource>, shapes: Shapes = {}): Promise<Record<string, string>> {
  const ort = await import('onnxruntime-node');
  const [main, ...rest] = files.values();
  const externalData = rest.map((file) => ({ path: file.name, data: file.bytes ?? new Uint8Array() }));
  const session = await ort.InferenceSession.create(main?.bytes ?? new Uint8Array(), {
    externalData,
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
  });
  const random = seededRandom(1);
  const feeds: Record<string, InstanceType<typeof ort.Tensor>> = {};
  for (const input of session.inputMetadata) {
    if (!input.isTensor) continue;
    const shape = shapes[input.name] ?? input.shape.map((size) => (typeof size === 'number' && size > 0 ? size : 1));
    const count = shape.reduce((product, size) => product * size, 1);
    feeds[input.name] =
      input.type === 'int64'
        ? new ort.Tensor('int64', new BigInt64Array(count).fill(input.name === 'sr' ? 16_000n : 1n), shape)
        : new ort.Tensor(
            'float32',
            Float32Array.from({ length: count }, () => random.normal()),
            shape,
          );
  }
  const outputs = await session.run(feeds);
  await session.release();
  const found: Record<string, string> = {};
  for (const [name, { data }] of Object.entries(outputs)) {
    if (!ArrayBuffer.isView(data)) continue;
    found[name] = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
  }
  return found;
}

/** Every byte array inside a plain value. */
function* bytesIn(value: unknown): Generator<Uint8Array> {
  if (value instanceof Uint8Array) yield value;
  else if (value instanceof Map) for (const inner of value.values()) yield* bytesIn(inner);
  else if (typeof value === 'object' && value !== null) for (const inner of Object.values(value)) yield* bytesIn(inner);
}
