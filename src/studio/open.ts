/** Use case: reads a model's structure and makes layers of it. Weights stay in the files. */
import { sizeOfFiles, type ByteSource, type Files } from '#base/bytes.ts';
import { checkCancelled, PareError } from '#base/failure.ts';
import type { OnProgress } from '#base/progress.ts';
import { openFiles } from '#formats/index.ts';
import type { Model } from '#ir/model.ts';
import type { WeightStore } from '#ir/weights.ts';
import { checkShapes } from '#ops/infer.ts';
import { layersOf } from '#ops/layers.ts';
import type { OpenModel } from './workshop.ts';

export interface OpenModelOptions {
  /** Looks for a file beside the model that was not given: a command line, on disk. */
  readonly find?: ((path: string) => Promise<ByteSource | undefined>) | undefined;
  /** Which of the model's signatures to read; the format's usual one by default. */
  readonly signature?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: OnProgress | undefined;
}

export async function openModel(files: Files, options: OpenModelOptions = {}): Promise<OpenModel> {
  const { find, signature, signal, onProgress } = options;
  onProgress?.({ label: 'Reading the structure', done: 0, of: 3 });
  const opened = await openFiles(files, {
    ...(find === undefined ? {} : { find }),
    ...(signature === undefined ? {} : { signature }),
  });
  checkCancelled(signal);
  onProgress?.({ label: 'Finding shapes', done: 1, of: 3 });
  const inferred = await checkShapes(opened.model, opened.store);
  checkCancelled(signal);
  onProgress?.({ label: 'Counting layers', done: 2, of: 3 });
  const { model } = inferred;
  const sourceBytes = sizeOfFiles(opened.files.values());
  // Two signatures of one file are two models.
  const part = signature === undefined ? '' : `-${signature.replaceAll('/', '-')}`;
  return {
    id: await idOf(opened.files, part),
    name: model.name + part,
    files: opened.files,
    fileBytes: model.source.format === 'onnx' ? sourceBytes : await bytesAsOnnx(model, opened.store, sourceBytes),
    sourceBytes,
    model,
    weights: opened.store,
    layers: layersOf(model),
    notices: [...opened.notices, ...inferred.notices],
    ...(opened.signatures === undefined ? {} : { signatures: opened.signatures }),
  };
}

/**
 * Another format holds more than the model (optimizer slots, functions, metadata), so a result is compared with what the model takes
 * as ONNX. Composing it reads no weights. A model that cannot be written goes by its own files.
 */
async function bytesAsOnnx(model: Model, weights: WeightStore, otherwise: number): Promise<number> {
  const { writeModel } = await import('./write.ts');
  try {
    return sizeOfFiles(await writeModel({ model, weights }));
  } catch (error) {
    if (!(error instanceof PareError)) throw error;
    return otherwise;
  }
}

/** Bytes at the head and at the tail of each file that its id is made from. */
const SAMPLE_BYTES = 64 * 1024;

/** Names, sizes, heads and tails, hashed: the same files give the same id, and gigabytes need not be read for it. */
async function idOf(files: Files, part: string): Promise<string> {
  const parts: Uint8Array[] = [new TextEncoder().encode(part)];
  for (const [path, file] of files) {
    parts.push(new TextEncoder().encode(`${path}\0${file.sizeBytes}\0`));
    const length = Math.min(SAMPLE_BYTES, file.sizeBytes);
    parts.push(await file.read(0, length), await file.read(file.sizeBytes - length, length));
  }
  const all = new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', all));
  return Array.from(hash.subarray(0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
