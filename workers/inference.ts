/** A runtime in a worker of its own: loads and runs models until it is ended, which alone gives its memory back. */
import { openOnnxruntimeWeb } from '#runtimes/onnxruntime/web.ts';
import { wasmUrl } from '#runtimes/onnxruntime/wasm-url.ts';
import type { Port } from '#studio/door.ts';
import { serveRuntime } from '#studio/remote-runtime.ts';

serveRuntime(self as unknown as Port, () => openOnnxruntimeWeb({ wasmUrl }));
