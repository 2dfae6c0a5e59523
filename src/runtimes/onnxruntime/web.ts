/**
 * onnxruntime-web, the CPU build in WebAssembly. It is loaded when first needed, as a chunk of its own: with threads, its
 * workers load that chunk again, so it must not be the chunk of our own worker. Its memory never shrinks: end the worker
 * that hosts it to give the memory back. Works in Node as well, with one thread.
 */
import { PareError } from '#base/failure.ts';
import type { Runtime } from '#runtimes/runtime.ts';
import { failureFrom } from './failures.ts';
import { sessionOptionsFor } from './options.ts';
import type { OnnxruntimeOptions } from './options.ts';
import { wrapSession } from './session.ts';
import type { TensorConstructor } from './tensors.ts';

export interface OnnxruntimeWebOptions extends OnnxruntimeOptions {
  /** Where `ort-wasm-simd-threaded.wasm` lies; without it, beside the package, which only Node can reach. */
  readonly wasmUrl?: string;
}

/** Starts the runtime. Threads are set by the first call in a worker or process; later calls cannot change them. */
export async function openOnnxruntimeWeb(options: OnnxruntimeWebOptions = {}): Promise<Runtime> {
  const ort = await import('onnxruntime-web/wasm');
  ort.env.logLevel = 'fatal';
  ort.env.wasm.numThreads = options.threads ?? 1;
  if (options.wasmUrl !== undefined) ort.env.wasm.wasmPaths = { wasm: options.wasmUrl };
  const threads = ort.env.wasm.numThreads;
  return {
    id: 'onnxruntime-web',
    description: `onnxruntime-web ${ort.env.versions.web ?? ''} (wasm, ${threads} thread${threads === 1 ? '' : 's'})`,
    async load(model) {
      if (!(model.model instanceof Uint8Array)) {
        throw new PareError({
          code: 'runtime/path',
          file: model.name,
          problem: 'onnxruntime-web cannot open files by path.',
          hint: 'Hand it the bytes of the model.',
        });
      }
      try {
        const session = await ort.InferenceSession.create(model.model, {
          ...sessionOptionsFor(options, 'wasm'),
          ...(model.externalData === undefined ? {} : { externalData: [...model.externalData] }),
        });
        return wrapSession(session, model.name, ort.Tensor as TensorConstructor);
      } catch (error) {
        throw failureFrom(error, model.name, 'load');
      }
    },
  };
}
