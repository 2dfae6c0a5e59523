/** onnxruntime-node, the native CPU build: for the command line and for tests. Never part of a bundle for the browser. */
import type { HostedRuntime, Runtime } from '#runtimes/runtime.ts';
import { failureFrom } from './failures.ts';
import { sessionOptionsFor } from './options.ts';
import type { OnnxruntimeOptions } from './options.ts';
import { wrapSession } from './session.ts';
import type { TensorConstructor } from './tensors.ts';

/** Loads the native library. Rejects with the loader's error where there is no build for the platform. */
export async function openOnnxruntimeNode(options: OnnxruntimeOptions = {}): Promise<Runtime> {
  const ort = await import('onnxruntime-node');
  ort.env.logLevel = 'fatal';
  const threads = options.threads ?? 1;
  return {
    id: 'onnxruntime-node',
    description: `onnxruntime-node ${ort.env.versions.node ?? ''} (cpu, ${threads} thread${threads === 1 ? '' : 's'})`,
    async load(model) {
      const settings = {
        ...sessionOptionsFor(options, 'cpu'),
        ...(model.externalData === undefined ? {} : { externalData: [...model.externalData] }),
      };
      try {
        const session =
          model.model instanceof Uint8Array
            ? await ort.InferenceSession.create(model.model, settings)
            : await ort.InferenceSession.create(model.model.path, settings);
        return wrapSession(session, model.name, ort.Tensor as TensorConstructor);
      } catch (error) {
        throw failureFrom(error, model.name, 'load');
      }
    },
  };
}

/** The same in this process, where nothing has to be ended: its memory goes with the process. */
export async function hostOnnxruntimeNode(): Promise<HostedRuntime> {
  return { runtime: await openOnnxruntimeNode(), end: () => undefined };
}
